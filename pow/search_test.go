package pow

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

func testEngine(t testing.TB, k Kernel, workers int) *Engine {
	t.Helper()
	e, err := newEngine(k, Config{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	e.yieldCore = func() {} // where other programs are busy, it would take long
	e.isFree = func(int) bool { return false }
	return e
}

// runnable returns the kernels that can run on this machine. It logs which ones it
// leaves out.
func runnable(t testing.TB) []Kernel {
	var kernels []Kernel
	for _, k := range Kernels() {
		if missing := k.Missing(); len(missing) > 0 {
			t.Logf("NOT TESTED: kernel %s needs %v", k.Name(), missing)
			continue
		}
		kernels = append(kernels, k)
	}
	return kernels
}

// naiveAnswer finds the answer to a job in the most obvious way, with the standard
// library only. What it returns is the contract of Search.
func naiveAnswer(job Job) (tries uint64, header Header, found bool) {
	versions := job.Versions
	if len(versions) == 0 {
		versions = []int32{job.Header.Version}
	}
	target := job.Target
	if target.IsZero() {
		target, _, _ = job.Header.Bits.Decode()
	}
	limit := target.Bytes()
	for n := range job.Count {
		for _, version := range versions {
			tries++
			h := job.Header
			h.Version, h.Nonce = version, job.First+uint32(n)
			raw := h.Bytes()
			sum := sha256.Sum256(raw[:])
			sum = sha256.Sum256(sum[:])
			if leBytesAtMost(sum, limit) {
				return tries, h, true
			}
		}
	}
	return tries, Header{}, false
}

// leBytesAtMost reports whether a little-endian number is at most a big-endian one.
func leBytesAtMost(le, be [32]byte) bool {
	for i := range be {
		if le[31-i] != be[i] {
			return le[31-i] < be[i]
		}
	}
	return true
}

func randomJob(r *rand.Rand) Job {
	var raw [HeaderSize]byte
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	job := Job{Header: DecodeHeader(&raw), First: r.Uint32(), Count: 1 + r.Uint64N(3000)}
	for range r.IntN(MaxVersions + 1) {
		job.Versions = append(job.Versions, int32(r.Uint32()))
	}
	if r.IntN(4) == 0 { // a range that ends at the last nonce
		job.First = uint32(nonces - job.Count)
	}
	job.First = uint32(min(uint64(job.First), nonces-job.Count))

	// The targets range from one that the first hashes meet to one that probably no
	// hash of the job meets. Their low words are random, so that some candidates are
	// refused only when the whole hash is compared.
	target := ZerosTarget(r.IntN(20))
	for i := range 3 {
		target.n[i] = r.Uint64()
	}
	if r.IntN(2) == 0 {
		job.Header.Bits = target.Bits()
	} else {
		job.Target = target
	}
	return job
}

func TestOneAnswer(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var found, exhausted int
	for i := range 300 {
		job := randomJob(r)
		tries, header, ok := naiveAnswer(job)
		if ok {
			found++
		} else {
			exhausted++
		}
		for _, k := range runnable(t) {
			for _, workers := range []int{1, 2, 3, 8} {
				what := fmt.Sprintf("job %d, kernel %s, %d workers", i, k.Name(), workers)
				got, err := testEngine(t, k, workers).Search(t.Context(), job)
				if !ok {
					if !errors.Is(err, ErrExhausted) || got.Tries != tries || got.Hashes < tries || got.Hashes >= tries+uint64(k.Lanes()*MaxVersions) {
						t.Fatalf("%s: %+v, %v; want exhausted after %d tries, with as many hashes rounded up to whole lanes", what, got, err, tries)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if got.Header != header || got.Tries != tries || got.Hash != header.Hash() {
					t.Fatalf("%s: %+v, want header %+v after %d tries", what, got, header, tries)
				}
				if len(job.Versions) > 0 && job.Versions[got.VersionIndex] != got.Header.Version {
					t.Fatalf("%s: version %d of the list is not %08x", what, got.VersionIndex, got.Header.Version)
				}
				if got.Hashes < got.Tries || workers == 1 && got.Hashes >= got.Tries+uint64(k.Lanes()*MaxVersions) {
					t.Fatalf("%s: %d hashes for %d tries", what, got.Hashes, got.Tries)
				}
			}
			if got, err := k.Scan(job); ok && got.Header != header || !ok && !errors.Is(err, ErrExhausted) {
				t.Fatalf("job %d: scan of kernel %s without an engine: %+v, %v", i, k.Name(), got, err)
			}
		}
	}
	if found < 50 || exhausted < 50 {
		t.Errorf("%d jobs had an answer and %d had none, want at least 50 of both", found, exhausted)
	}
}

// The test starts at nonce 0 and must find the nonces of real headers. It uses a
// few headers only; the tests of cmd/lode use all of them.
func TestSmallNonceHeaders(t *testing.T) {
	headers := smallNonceHeaders(t)[:20]
	if raceEnabled {
		headers = headers[:5]
	}
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range headers {
		job := Job{Header: want}
		job.Header.Nonce = 0
		got, err := e.Search(t.Context(), job)
		if err != nil {
			t.Fatalf("nonce %d: %v", want.Nonce, err)
		}
		if got.Header != want || got.Tries != uint64(want.Nonce)+1 {
			t.Errorf("found nonce %d after %d tries, want %d", got.Header.Nonce, got.Tries, want.Nonce)
		}
	}
}

// Every kernel must find the nonces of all these headers, and of Bitcoin's
// genesis, in a range that begins shortly before them.
func TestGoldenNonces(t *testing.T) {
	headers := append(smallNonceHeaders(t), BitcoinGenesis())
	for _, k := range runnable(t) {
		for _, workers := range []int{1, 2, 3, 8} {
			t.Run(fmt.Sprintf("kernel=%s/workers=%d", k.Name(), workers), func(t *testing.T) {
				t.Parallel()
				e := testEngine(t, k, workers)
				for _, want := range headers {
					first := want.Nonce - 1000
					got, err := e.Search(t.Context(), Job{Header: want, First: first, Count: 5000})
					if err != nil {
						t.Fatal(err)
					}
					if got.Header != want || got.Tries != 1001 {
						t.Errorf("found nonce %d after %d tries, want %d after 1001", got.Header.Nonce, got.Tries, want.Nonce)
					}
				}
			})
		}
	}
}

func TestSearchRefuses(t *testing.T) {
	easy := ZerosTarget(0)
	for name, job := range map[string]Job{
		"past the end of the space": {Target: easy, First: 1<<32 - 10, Count: 11},
		"too many versions":         {Target: easy, Versions: make([]int32, MaxVersions+1)},
		"zero bits":                 {},
		"negative bits":             {Header: Header{Bits: 0x1d80ffff}},
		"bits over 256 bits":        {Header: Header{Bits: 0xff123456}},
	} {
		t.Run(name, func(t *testing.T) {
			e := testEngine(t, Kernels()[0], 2)
			if r, err := e.Search(t.Context(), job); err == nil || errors.Is(err, ErrExhausted) {
				t.Errorf("got %+v, %v; want an error", r, err)
			}
			if e.Hashes() != 0 {
				t.Errorf("%d hashes were done", e.Hashes())
			}
		})
	}
}

func TestWholeSpaceByDefault(t *testing.T) {
	e := testEngine(t, Kernels()[0], 2)
	r, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), First: 1<<32 - 3000})
	if !errors.Is(err, ErrExhausted) || r.Tries != 3000 {
		t.Errorf("%d tries, %v; want 3000 and none left", r.Tries, err)
	}
}

// countingKernel returns a kernel that counts how many hashes it computes, in
// hashed. It calls before at the beginning of every chunk.
func countingKernel(hashed *atomic.Uint64, before func()) Kernel {
	scan := func(in *sha256d.Input, first uint32, count int) sha256d.Candidate {
		before()
		for i := range count {
			for v := range in.Versions {
				hashed.Add(1)
				// This is not SHA-256d of a header, but it serves to make one hash in
				// 2^16 a candidate.
				var raw [8]byte
				binary.LittleEndian.PutUint32(raw[0:], first+uint32(i))
				binary.LittleEndian.PutUint32(raw[4:], uint32(v))
				if sum := sha256.Sum256(raw[:]); sum[0] == 0 && sum[1] == 0 {
					return sha256d.Candidate{Found: true, Nonce: first + uint32(i), Version: v, Hashes: i*len(in.Versions) + v + 1}
				}
			}
		}
		return sha256d.Candidate{Hashes: count * len(in.Versions)}
	}
	return Kernel{name: "counting", lanes: 1, chunk: 64, scan: scan}
}

// Every candidate of countingKernel is refused. The engine then tries the remaining
// versions of the nonce itself, and must neither count a hash twice nor forget one.
func TestHashesAreThoseDone(t *testing.T) {
	for _, versions := range [][]int32{nil, {1, 2, 3, 4, 5}} {
		var hashed atomic.Uint64
		e := testEngine(t, countingKernel(&hashed, func() {}), 3)
		r, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Versions: versions, Count: 300_000})
		if !errors.Is(err, ErrExhausted) {
			t.Fatal(err)
		}
		if r.Hashes != e.Hashes() || r.Hashes != r.Tries {
			t.Errorf("result counts %d, engine %d, tries %d", r.Hashes, e.Hashes(), r.Tries)
		}
		if done := hashed.Load(); versions == nil && r.Hashes != done {
			t.Errorf("counted %d hashes, did %d", r.Hashes, done)
		} else if done > r.Hashes || r.Hashes-done > 4*100 {
			t.Errorf("counted %d hashes, the kernel did %d", r.Hashes, done)
		}
	}
}

// At an easy target most of a chunk is never hashed, so it must not be counted.
func TestHashesAtLowDifficulty(t *testing.T) {
	for _, k := range runnable(t) {
		e := testEngine(t, k, 1)
		var tries uint64
		for i := range 200 {
			r, err := e.Search(t.Context(), Job{Header: Header{Time: uint32(i)}, Target: ZerosTarget(4)})
			if err != nil {
				t.Fatal(err)
			}
			tries += r.Tries
		}
		if got := e.Hashes(); got < tries || got > tries+200*uint64(k.Lanes()) {
			t.Errorf("kernel %s: %d hashes counted for %d tries", k.Name(), got, tries)
		}
	}
}

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

// The limit on a chunk is a number of hashes, whatever the number of versions.
func TestChunksStayInBounds(t *testing.T) {
	for versions := range MaxVersions + 1 {
		k := Kernels()[0]
		scan := k.scan
		k.scan = func(in *sha256d.Input, first uint32, count int) sha256d.Candidate {
			if hashes := count * len(in.Versions); hashes > k.chunk {
				t.Errorf("%d versions: a chunk of %d hashes, at most %d are allowed", versions, hashes, k.chunk)
			}
			return scan(in, first, count)
		}
		job := Job{Target: ZerosTarget(200), Count: 5000, Versions: make([]int32, versions)}
		if _, err := testEngine(t, k, 2).Search(t.Context(), job); !errors.Is(err, ErrExhausted) {
			t.Error(err)
		}
	}
}

// A hash that equals the target meets it, and one that exceeds it by one does not.
func TestTargetToTheBit(t *testing.T) {
	for _, k := range runnable(t) {
		for _, versions := range [][]int32{nil, make([]int32, MaxVersions)} {
			want := smallNonceHeaders(t)[0]
			hash := want.Hash()
			exact := Target{hash.number()}
			below := exact
			below.n[0]-- // does not borrow, because this hash's low word is not zero
			for i := range versions {
				versions[i] = want.Version + int32(i)
			}
			job := Job{Header: want, First: want.Nonce, Count: 1, Versions: versions, Target: exact}
			if r, err := testEngine(t, k, 1).Search(t.Context(), job); err != nil || r.Header != want {
				t.Errorf("kernel %s: a hash that equals the target was not accepted: %v", k.Name(), err)
			}
			job.Target = below
			if _, err := testEngine(t, k, 1).Search(t.Context(), job); !errors.Is(err, ErrExhausted) {
				t.Errorf("kernel %s: a hash above the target was accepted (%v)", k.Name(), err)
			}
		}
	}
}

// A kernel that returns a nonce outside its range is faulty. The engine must refuse
// the answer, and the search must end.
func TestKernelOutOfRange(t *testing.T) {
	for _, nonce := range []uint32{0, 99, 1 << 31} {
		k := Kernel{name: "astray", lanes: 1, chunk: 512, scan: func(_ *sha256d.Input, _ uint32, count int) sha256d.Candidate {
			return sha256d.Candidate{Found: true, Nonce: nonce, Hashes: count}
		}}
		r, err := testEngine(t, k, 2).Search(t.Context(), Job{Target: ZerosTarget(0), First: 100, Count: 4000})
		if !errors.Is(err, ErrExhausted) {
			t.Errorf("nonce %d: %+v, %v", nonce, r, err)
		}
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

func TestManySearchesAtOnce(t *testing.T) {
	e := testEngine(t, Kernels()[0], 3)
	done := make(chan error)
	const searches = 16
	for i := range searches {
		go func() {
			job := Job{Header: Header{Time: uint32(i)}, Target: ZerosTarget(10), Count: 1 << 20}
			want, header, _ := naiveAnswer(job)
			r, err := e.Search(t.Context(), job)
			if err == nil && (r.Tries != want || r.Header != header) {
				err = fmt.Errorf("search %d: %d tries, want %d", i, r.Tries, want)
			}
			done <- err
		}()
	}
	for range searches {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// If the most significant word decides, every candidate is an answer. Otherwise the
// engine counts the candidates that it refuses, and goes on after them.
func TestRefused(t *testing.T) {
	for _, k := range runnable(t) {
		for _, versions := range [][]int32{nil, {1, 2, 3}} {
			for zeros := range 9 {
				e := testEngine(t, k, 2)
				r, err := e.Search(t.Context(), Job{Target: ZerosTarget(zeros), First: 77, Versions: versions})
				if err != nil || e.Refused() != 0 {
					t.Errorf("kernel %s, %d zeros: %+v, %v; %d refused, want none", k.Name(), zeros, r, err, e.Refused())
				}
			}

			// The target is one less than a hash, whose most significant word meets it
			// while the rest does not.
			e := testEngine(t, k, 2)
			header := BitcoinGenesis()
			below := Target{header.Hash().number()}
			below.n[0]--
			job := Job{Header: header, Target: below, First: header.Nonce, Count: 1, Versions: versions}
			if _, err := e.Search(t.Context(), job); !errors.Is(err, ErrExhausted) || e.Refused() != 1 {
				t.Errorf("kernel %s: %v; %d refused, want 1", k.Name(), err, e.Refused())
			}
		}
	}
}

// A longer search must not allocate more than a short one.
func TestChunksDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items on purpose under the race detector")
	}
	for _, k := range runnable(t) {
		e := testEngine(t, k, 1)
		allocations := func(chunks int) float64 {
			job := Job{Target: ZerosTarget(200), Count: uint64(chunks * k.Chunk())}
			return testing.AllocsPerRun(10, func() { _, _ = e.Search(t.Context(), job) })
		}
		if few, many := allocations(2), allocations(longSearch-2); many > few+2 { // the collector may empty a pool meanwhile
			t.Errorf("kernel %s: %v allocations in a search of 2 chunks, %v in one of %d", k.Name(), few, many, longSearch-2)
		}
	}
}

// A worker yields after each yieldAfter of work. The time that it spends yielding is
// no work, and a search of one chunk never reads the clock.
func TestWorkersYield(t *testing.T) {
	for _, tc := range []struct {
		chunk  time.Duration // how long a chunk takes
		chunks int
		yields int
	}{
		{yieldAfter / 4, 1, 0},
		{yieldAfter / 4, 4, 0}, // the first chunk is not counted
		{yieldAfter / 4, 5, 1},
		{yieldAfter / 4, 8, 1},
		{yieldAfter / 4, 9, 2},
		{yieldAfter / 4, 1 + 4*longSearch, longSearch}, // a long search goes on in the same way
		{yieldAfter - 1, 1 + 2*longSearch, longSearch},
		{yieldAfter, 1 + longSearch, longSearch},
		{10 * yieldAfter, 1 + longSearch, longSearch},
	} {
		now := time.Unix(0, 0)
		yields := 0
		e := testEngine(t, longKernel(func(int64) { now = now.Add(tc.chunk) }), 1)
		e.clock = func() time.Time { return now }
		e.gosched = func() { yields++; now = now.Add(time.Hour) }
		if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Count: uint64(64 * tc.chunks)}); !errors.Is(err, ErrExhausted) {
			t.Fatal(err)
		}
		if yields != tc.yields {
			t.Errorf("%d yields in %d chunks of %v, want %d", yields, tc.chunks, tc.chunk, tc.yields)
		}
	}

	e := testEngine(t, Kernels()[0], 1)
	e.clock = func() time.Time { t.Error("a search that ends in its first chunk read the clock"); return time.Time{} }
	if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(0)}); err != nil {
		t.Error(err)
	}
	if e := testEngine(t, Kernels()[0], 1); reflect.ValueOf(e.gosched).Pointer() != reflect.ValueOf(runtime.Gosched).Pointer() || e.clock().IsZero() {
		t.Error("an engine does not yield to the scheduler")
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

// A chunk has a multiple of the kernel's lanes, except the last one of a space.
func TestChunksFillTheLanes(t *testing.T) {
	for versions := 1; versions <= MaxVersions; versions++ {
		const lanes, chunk = 8, 1000
		var first, largest int
		k := Kernel{name: "wide", lanes: lanes, chunk: chunk, scan: func(in *sha256d.Input, _ uint32, count int) sha256d.Candidate {
			if count == 0 {
				t.Error("an empty chunk")
			}
			if first == 0 {
				first = count
			}
			largest = max(largest, count)
			return sha256d.Candidate{Hashes: count * len(in.Versions)}
		}}
		for _, count := range []uint64{10_001, 10_000} { // a few nonces, or none, for the last chunk
			if _, err := testEngine(t, k, 1).Search(t.Context(), Job{Target: ZerosTarget(200), Count: count, Versions: make([]int32, versions)}); !errors.Is(err, ErrExhausted) {
				t.Error(err)
			}
		}
		if first != largest || first%lanes != 0 || first*versions > chunk || (first+lanes)*versions <= chunk {
			t.Errorf("%d versions: chunks of %d and %d nonces, want as many times %d as make %d hashes", versions, first, largest, lanes, chunk)
		}
	}
}

// The chunks of a search are a 64th of the hashes that it is expected to take, but not
// less than a 16th of the kernel's. The caller tries the first hashes alone only if it
// probably needs no others. No worker starts that would find no chunk.
func TestDivide(t *testing.T) {
	const hard = 200
	for _, tc := range []struct {
		lanes, chunk, versions, zeros int
		count                         uint64
		want                          division
	}{
		{1, 64, 1, hard, 64, division{step: 64, workers: 1, long: 32}},
		{1, 64, 1, hard, 65, division{step: 64, workers: 2, long: 32}},
		{1, 64, 1, hard, 127, division{step: 64, workers: 2, long: 32}},
		{1, 64, 1, hard, 128, division{step: 64, workers: 2, long: 32}},
		{1, 64, 1, hard, 129, division{step: 64, workers: 3, long: 32}},
		{1, 64, 1, hard, nonces, division{step: 64, workers: 5, long: 32}},
		{1, 64, 1, 32, nonces, division{step: 64, workers: 5, long: 32}},
		{1, 64, 4, hard, 64, division{step: 16, workers: 4, long: 32}},
		{8, 64, 3, hard, 1, division{step: 16, workers: 1, long: 32}},
		{8, 64, 4, hard, 40, division{step: 16, workers: 3, long: 32}},
		{8, 64, 5, hard, 40, division{step: 8, workers: 5, long: 32}},
		{8, 16, 4, hard, 40, division{step: 8, workers: 5, long: 32}}, // more hashes than a chunk has
		{8, 4, 1, hard, 8, division{step: 8, workers: 1, long: 32}},

		{16, 8192, 1, 0, nonces, division{alone: 4096, step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 10, nonces, division{alone: 4096, step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 10, 4095, division{alone: 4095, step: 512, workers: 0, long: 16 * 32}},
		{16, 8192, 1, 10, 4096, division{alone: 4096, step: 512, workers: 0, long: 16 * 32}},
		{16, 8192, 1, 10, 4097, division{alone: 4096, step: 512, workers: 1, long: 16 * 32}},
		{16, 8192, 1, 10, 4096 + 513, division{alone: 4096, step: 512, workers: 2, long: 16 * 32}},
		{16, 8192, 16, 10, nonces, division{alone: 256, step: 32, workers: 5, long: 16 * 32}},
		{16, 8192, 3, 10, nonces, division{alone: 1360, step: 160, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 11, nonces, division{step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 12, nonces, division{step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 14, nonces, division{step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 15, nonces, division{step: 512, workers: 5, long: 16 * 32}},
		{16, 8192, 1, 16, nonces, division{step: 1024, workers: 5, long: 8 * 32}},
		{16, 8192, 1, 18, nonces, division{step: 4096, workers: 5, long: 2 * 32}},
		{16, 8192, 1, 19, nonces, division{step: 8192, workers: 5, long: 32}},
		{16, 8192, 1, 20, nonces, division{step: 8192, workers: 5, long: 32}},
		{1, 8, 1, 0, 8, division{alone: 4, step: 1, workers: 4, long: 8 * 32}},
		{8, 8, 1, 0, 64, division{alone: 8, step: 8, workers: 5, long: 8 * 32}},
		{16, 7680, 1, 10, nonces, division{step: 480, workers: 5, long: 16 * 32}},    // an eighth of the chunk is 960
		{1, 1 << 24, 1, hard, nonces, division{step: 1 << 24, workers: 5, long: 32}}, // 2^30 hashes are the most that are expected
	} {
		e := testEngine(t, Kernel{name: "any", lanes: tc.lanes, chunk: tc.chunk}, 5)
		got := e.divide(&space{versions: make([]int32, tc.versions), count: tc.count, target: ZerosTarget(tc.zeros)})
		if got != tc.want {
			t.Errorf("%+v: got %+v", tc, got)
		}
	}
}
