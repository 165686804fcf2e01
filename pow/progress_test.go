package pow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// Two searches run at once on one engine. Each Progress counts one of them, and
// the engine counts both.
func TestProgressIsOfOneSearch(t *testing.T) {
	e := testEngine(t, runnable(t)[0], 2)
	var progress [2]Progress
	var results [2]Result
	var group sync.WaitGroup
	for i := range progress {
		group.Go(func() {
			var err error
			results[i], err = e.Search(t.Context(), Job{Target: ZerosTarget(200), Count: uint64(50_000 * (i + 1)), Progress: &progress[i]})
			if !errors.Is(err, ErrExhausted) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i := range progress {
		if got := progress[i].Hashes(); got != results[i].Hashes || got < uint64(50_000*(i+1)) {
			t.Errorf("search %d: progress counts %d hashes, the result %d", i, got, results[i].Hashes)
		}
	}
	if sum := progress[0].Hashes() + progress[1].Hashes(); sum != e.Hashes() {
		t.Errorf("progress counts %d hashes, the engine %d", sum, e.Hashes())
	}
	job := Job{Target: ZerosTarget(200), Count: 1000, Progress: &progress[0]}
	before := progress[0].Hashes()
	r, _ := e.Kernel().Scan(job)
	if got := progress[0].Hashes() - before; got != r.Hashes || got < 1000 {
		t.Errorf("a kernel's scan: progress counts %d more hashes, the result %d", got, r.Hashes)
	}
}

func TestProgressGrowsDuringTheSearch(t *testing.T) {
	var p Progress
	var chunks atomic.Uint64
	k := longKernel(func(chunk int64) {
		if got, want := p.Hashes(), uint64(chunk-1)*64; got != want {
			t.Errorf("in chunk %d the progress is %d hashes, want %d", chunk, got, want)
		}
		chunks.Add(1)
	})
	if _, err := testEngine(t, k, 1).Search(t.Context(), Job{Target: ZerosTarget(200), Count: 64 * 10, Progress: &p}); !errors.Is(err, ErrExhausted) {
		t.Error(err)
	}
	if p.Hashes() != 640 || chunks.Load() != 10 {
		t.Errorf("%d hashes in %d chunks, want 640 in 10", p.Hashes(), chunks.Load())
	}
}

// A search that is cancelled again and again, and resumed each time where its
// result says, finds the same answer as one that runs through.
func TestResume(t *testing.T) {
	base := runnable(t)[0]
	for _, versions := range [][]int32{nil, {1, 2, 3}} {
		for _, workers := range []int{1, 2, 8} {
			what := fmt.Sprintf("%d workers, %d versions", workers, len(versions))
			job := Job{Header: Header{Time: 1}, Target: ZerosTarget(18), Count: 1 << 22, Versions: versions}
			want, err := testEngine(t, base, workers).Search(t.Context(), job)
			if err != nil {
				t.Fatal(err)
			}

			// Every tenth chunk cancels the search that it belongs to.
			var chunks atomic.Uint64
			var cancel context.CancelFunc
			k := base
			k.chunk = 480
			k.scan = func(in *sha256d.Input, first uint32, count int) sha256d.Candidate {
				if chunks.Add(1)%10 == 0 {
					cancel()
				}
				return base.scan(in, first, count)
			}
			e := testEngine(t, k, workers)
			var searched, parts uint64
			for {
				var ctx context.Context
				ctx, cancel = context.WithCancel(t.Context())
				r, err := e.Search(ctx, job)
				cancel()
				searched += r.Searched
				if err == nil {
					if r.Header != want.Header || searched != want.Searched {
						t.Errorf("%s: found %+v after %d nonces, want %+v", what, r, searched, want)
					}
					break
				}
				if !errors.Is(err, context.Canceled) || r.Tries != 0 || r.Hashes < r.Searched*uint64(max(1, len(versions))) {
					t.Fatalf("%s: part %d: %+v, %v", what, parts, r, err)
				}
				parts++
				job.First += uint32(r.Searched)
				job.Count -= r.Searched
			}
			if parts < 3 {
				t.Errorf("%s: only %d searches were cancelled: the test is too easy", what, parts)
			}
		}
	}
}

func TestSearchedOfOtherOutcomes(t *testing.T) {
	e := testEngine(t, runnable(t)[0], 2)
	genesis := BitcoinGenesis()
	found := Job{Header: genesis, First: genesis.Nonce - 700, Count: 1000, Versions: []int32{7, 1, 8}}
	empty := Job{Target: ZerosTarget(200), Count: 1000, Versions: []int32{1, 2}}
	for name, search := range map[string]func(Job) (Result, error){
		"engine": func(j Job) (Result, error) { return e.Search(t.Context(), j) },
		"kernel": func(j Job) (Result, error) { return e.Kernel().Scan(j) },
	} {
		if r, err := search(found); err != nil || r.Searched != 700 || r.Tries != 2102 {
			t.Errorf("%s: %d nonces searched in vain, %d tries, %v; want 700 and 2102", name, r.Searched, r.Tries, err)
		}
		if r, err := search(empty); !errors.Is(err, ErrExhausted) || r.Searched != 1000 {
			t.Errorf("%s: %d nonces searched in vain, %v; want all 1000", name, r.Searched, err)
		}
	}
}

// Whatever the cause, the error of an ended search is found both as the cause and
// as the context's own error, and reads like the cause.
func TestEndOfContext(t *testing.T) {
	newTip := errors.New("a new tip")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	withCause, cancelCause := context.WithCancelCause(t.Context())
	cancelCause(newTip)
	expired, cancelExpired := context.WithDeadlineCause(t.Context(), time.Unix(1, 0), newTip)
	defer cancelExpired()

	e := testEngine(t, runnable(t)[0], 1)
	for name, tc := range map[string]struct {
		ctx  context.Context
		is   []error
		not  error
		text string
	}{
		"cancelled":      {cancelled, []error{context.Canceled}, context.DeadlineExceeded, "context canceled"},
		"with a cause":   {withCause, []error{context.Canceled, newTip}, context.DeadlineExceeded, "a new tip"},
		"past its limit": {expired, []error{context.DeadlineExceeded, newTip}, context.Canceled, "a new tip"},
	} {
		_, searchErr := e.Search(tc.ctx, Job{Target: ZerosTarget(200)})
		_, mineErr := e.Mine(tc.ctx, func() (Job, error) { return Job{Target: ZerosTarget(200)}, nil })
		for _, err := range []error{searchErr, mineErr} {
			for _, want := range tc.is {
				if !errors.Is(err, want) {
					t.Errorf("%s: error %v, want it to be %v", name, err, want)
				}
			}
			if errors.Is(err, tc.not) || err == nil || err.Error() != tc.text {
				t.Errorf("%s: error %v, want %q", name, err, tc.text)
			}
		}
	}
}
