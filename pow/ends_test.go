package pow

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

func TestCancelFinishesClaimedChunksOnly(t *testing.T) {
	cause := errors.New("a new tip")
	for _, workers := range []int{1, 2, 8} {
		ctx, cancel := context.WithCancelCause(t.Context())
		var hashed atomic.Uint64
		var calls, after atomic.Int64
		var ended atomic.Bool
		e := testEngine(t, countingKernel(&hashed, func() {
			if ended.Load() {
				after.Add(1)
			}
			if calls.Add(1) == 20 {
				cancel(cause)
				ended.Store(true)
			}
		}), workers)
		r, err := e.Search(ctx, Job{Target: ZerosTarget(200)})
		if !errors.Is(err, cause) {
			t.Errorf("%d workers: error %v, want it to be the cause", workers, err)
		}
		if n := after.Load(); n >= int64(workers) {
			t.Errorf("%d workers scanned %d chunks after the end of the context", workers, n)
		}
		if r.Hashes != hashed.Load() || r.Hashes != e.Hashes() {
			t.Errorf("result counts %d hashes, engine %d, done %d", r.Hashes, e.Hashes(), hashed.Load())
		}
		if r.Hash != (Hash{}) || r.Tries != 0 {
			t.Errorf("a cancelled search has an answer: %+v", r)
		}
	}
}

func TestCancelledBeforeStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := testEngine(t, Kernels()[0], 4)
	r, err := e.Search(ctx, Job{Target: ZerosTarget(0)})
	if !errors.Is(err, context.Canceled) || r.Hashes != 0 {
		t.Errorf("%+v, %v; want no hash and context canceled", r, err)
	}
}

// If an answer is found after the context has ended, the search returns the answer.
func TestFoundBeatsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	real := Kernels()[0]
	k := real
	k.scan = func(in *sha256d.Input, first uint32, count int) sha256d.Candidate {
		cancel()
		return real.scan(in, first, count)
	}
	r, err := testEngine(t, k, 1).Search(ctx, Job{Target: ZerosTarget(1)})
	if err != nil || r.Tries == 0 {
		t.Errorf("%+v, %v; want the answer", r, err)
	}
}

// endedContext is a context that has ended when it is asked for the second time.
type endedContext struct {
	context.Context
	asked int
}

func (c *endedContext) Err() error {
	if c.asked++; c.asked > 1 {
		return context.Canceled
	}
	return nil
}

// A worker finishes a chunk that it has claimed, even if the context ends meanwhile.
// Otherwise the search could return an answer although there is an earlier one.
func TestClaimedChunkIsFinished(t *testing.T) {
	e := testEngine(t, Kernels()[0], 1)
	s, err := Job{Target: ZerosTarget(0), Count: 1000}.prepare()
	if err != nil {
		t.Fatal(err)
	}
	c := newClaims(&endedContext{Context: t.Context()}, e, s, division{step: 96, long: longSearch})
	worker{claims: c}.work()
	if c.best.Load() != 0 {
		t.Errorf("first answer %d; want answer 0, which is in the claimed chunk", c.best.Load())
	}
}

// Two workers find answers, one before the other. The search waits for both workers and
// returns the answer that comes first in the space.
func TestEarlierAnswerWins(t *testing.T) {
	for range 20 {
		for _, last := range []uint32{0, 64} { // first nonce of the chunk whose answer comes last
			other := make(chan struct{}) // closed when the other answer is being returned
			k := Kernel{name: "two", lanes: 1, chunk: 64, scan: func(_ *sha256d.Input, first uint32, _ int) sha256d.Candidate {
				if first == last {
					<-other
				} else {
					defer close(other)
				}
				return sha256d.Candidate{Found: true, Nonce: first, Hashes: 1}
			}}
			s, err := Job{Target: ZerosTarget(0), Count: 128}.prepare()
			if err != nil {
				t.Fatal(err)
			}
			c := newClaims(t.Context(), testEngine(t, k, 2), s, division{step: 64, workers: 2, long: longSearch})
			c.searchTogether()
			if best := c.best.Load(); best != 0 {
				t.Fatalf("answer %d, want the first of all answers", best)
			}
		}
	}

	var best atomic.Uint64
	best.Store(noAnswer)
	for _, step := range []struct{ at, want uint64 }{{7, 7}, {9, 7}, {7, 7}, {3, 3}, {0, 0}, {1, 0}} {
		if lower(&best, step.at); best.Load() != step.want {
			t.Errorf("after %d the first answer is %d, want %d", step.at, best.Load(), step.want)
		}
	}
}

// When one worker has found an answer, the others stop after their present chunk.
func TestAnswerStopsTheOthers(t *testing.T) {
	const workers = 4
	var chunks, waiting atomic.Int64
	all := make(chan struct{}) // closed when every worker is in its first chunk
	genesis := BitcoinGenesis()
	k := Kernel{name: "one", lanes: 1, chunk: 64, scan: func(_ *sha256d.Input, first uint32, count int) sha256d.Candidate {
		chunks.Add(1)
		if waiting.Add(1) == workers {
			close(all)
		}
		<-all
		return sha256d.Candidate{Found: first == genesis.Nonce, Nonce: first, Hashes: count}
	}}
	e := testEngine(t, k, workers)
	if r, err := e.Search(t.Context(), Job{Header: genesis, First: genesis.Nonce}); err != nil || r.Tries != 1 {
		t.Fatalf("%d tries, %v", r.Tries, err)
	}
	// A worker may search more chunks until the context of the search has ended, but
	// not the 67 million of the whole space.
	if n := chunks.Load(); n < workers || n > 1<<20 {
		t.Errorf("%d chunks were searched by %d workers after the answer", n, workers)
	}
}

// If the context ends while the last chunk is searched, the space is exhausted.
func TestExhaustedBeatsCancelled(t *testing.T) {
	for _, chunks := range []int64{1, 3} {
		ctx, cancel := context.WithCancel(t.Context())
		e := testEngine(t, longKernel(func(chunk int64) {
			if chunk == chunks {
				cancel()
			}
		}), 1)
		r, err := e.Search(ctx, Job{Target: ZerosTarget(200), Count: uint64(64 * chunks), Versions: []int32{1}})
		if !errors.Is(err, ErrExhausted) || r.Searched != uint64(64*chunks) || r.Tries != r.Searched {
			t.Errorf("%d chunks: %+v, %v; want an exhausted space", chunks, r, err)
		}
	}

	// If chunks are left, they count as searched up to the last one that was claimed.
	ctx, cancel := context.WithCancel(t.Context())
	e := testEngine(t, longKernel(func(chunk int64) {
		if chunk == 5 {
			cancel()
		}
	}), 1)
	if r, err := e.Search(ctx, Job{Target: ZerosTarget(200), Count: 64 * 6}); !errors.Is(err, context.Canceled) || r.Searched != 64*5 || r.Tries != 0 {
		t.Errorf("%+v, %v; want a cancelled search of 5 chunks", r, err)
	}
}
