package pow

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

func TestStats(t *testing.T) {
	e := testEngine(t, runnable(t)[0], 2)
	easy, hopeless := ZerosTarget(0), ZerosTarget(200)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range []struct {
		ctx context.Context
		job Job
	}{
		{t.Context(), Job{Target: easy}},
		{t.Context(), Job{Target: easy}},
		{t.Context(), Job{Target: hopeless, Count: 1234}},
		{cancelled, Job{Target: easy}},
		{t.Context(), Job{Target: easy, First: 1, Count: nonces}}, // refused, so it is not counted as a search
	} {
		_, _ = e.Search(s.ctx, s.job)
	}
	want := Stats{
		Kernel: e.Kernel().Name(), Workers: 2, Hashes: e.Hashes(), Refused: e.Refused(),
		Found: 2, Exhausted: 1, Cancelled: 1,
	}
	if got := e.Stats(); got != want || got.Hashes < 1236 {
		t.Errorf("%+v, want %+v and at least 1236 hashes", got, want)
	}
}

// longKernel calls seen with the number of each chunk and finds nothing.
func longKernel(seen func(chunk int64)) Kernel {
	var chunks atomic.Int64
	return Kernel{name: "long", lanes: 1, chunk: 64, scan: func(in *sha256d.Input, _ uint32, count int) sha256d.Candidate {
		seen(chunks.Add(1))
		return sha256d.Candidate{Hashes: count * len(in.Versions)}
	}}
}

// Each case cancels a search of one worker in a given chunk. Every reading of the
// clock is a second later than the one before, so that readings can be counted.
func TestCancelLatencyIsMeasuredInLongSearchesOnly(t *testing.T) {
	for _, tc := range []struct {
		what     string
		chunk    int64
		observed bool
		samples  int
	}{
		{"in the last short chunk", longSearch, true, 0},
		{"in the first long chunk", longSearch + 1, true, 1},
		{"later", 3 * longSearch, true, 1},
		{"later, unobserved", 3 * longSearch, false, 0},
	} {
		t.Run(tc.what, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var readings atomic.Int64
			noted := make(chan struct{}) // closed at the first reading
			var once sync.Once
			k := longKernel(func(chunk int64) {
				if chunk == tc.chunk {
					cancel()
					if tc.samples > 0 {
						<-noted
					}
				}
			})
			e, err := newEngine(k, Config{Workers: 1, Now: func() time.Time {
				now := time.Unix(readings.Add(1), 0)
				once.Do(func() { close(noted) })
				return now
			}})
			if err != nil {
				t.Fatal(err)
			}
			e.Observe(Observer{}) // asks for nothing, so nothing may be measured for it
			var latencies []time.Duration
			if tc.observed {
				for range 2 {
					e.Observe(Observer{Cancelled: func(d time.Duration) { latencies = append(latencies, d) }})
				}
			}
			if _, err := e.Search(ctx, Job{Target: ZerosTarget(200)}); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if len(latencies) != 2*tc.samples {
				t.Fatalf("latencies %v, want %d for each of two observers", latencies, tc.samples)
			}
			for _, d := range latencies {
				// One second is one reading of the clock. The search may be over before
				// the first reading has been stored, and then the latency is zero.
				if d != 0 && d != time.Second {
					t.Errorf("latency %v, want 1s, or 0s at the earliest", d)
				}
			}
			if tc.samples == 0 && readings.Load() != 0 {
				t.Errorf("the clock was read %d times, want never", readings.Load())
			}
		})
	}
}

// A long search that ends before its context has not been cancelled, and its context is no
// longer watched.
func TestNoLatencyWithoutCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := testEngine(t, longKernel(func(int64) {}), 1)
	e.now = func() time.Time {
		t.Error("the clock was read for a search that was not cancelled")
		return time.Time{}
	}
	e.Observe(Observer{Cancelled: func(time.Duration) { t.Error("a search was cancelled") }})
	job := Job{Header: BitcoinGenesis(), Target: ZerosTarget(200), Count: 64 * 2 * longSearch}
	c := searchAll(ctx, t, e, job)
	if c.unwatch == nil {
		t.Fatal("the context of a long search was not watched")
	}
	cancel()
	if c.unwatch() {
		t.Error("the context is still watched after the search")
	}
}

// Observers can be attached from anywhere while searches run, and all of them are kept.
func TestObserveAtAnyTime(t *testing.T) {
	e := testEngine(t, runnable(t)[0], 2)
	var found atomic.Int64
	var group sync.WaitGroup
	const observers = 32
	for range observers {
		group.Go(func() {
			e.Observe(Observer{BlockFound: func(time.Duration) { found.Add(1) }})
		})
		group.Go(func() {
			if _, err := e.Mine(t.Context(), func() (Job, error) { return Job{Target: ZerosTarget(4)}, nil }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	found.Store(0)
	if _, err := e.Mine(t.Context(), func() (Job, error) { return Job{Target: ZerosTarget(4)}, nil }); err != nil {
		t.Fatal(err)
	}
	if got := found.Load(); got != observers {
		t.Errorf("%d observers were called for a block, want %d", got, observers)
	}
}

// BenchmarkObserved measures a search that ends at its first hash, without an observer
// and with an observer of every event.
func BenchmarkObserved(b *testing.B) {
	for _, observers := range []int{0, 1} {
		b.Run(map[int]string{0: "none", 1: "one"}[observers], func(b *testing.B) {
			e := testEngine(b, runnable(b)[0], 1)
			for range observers {
				e.Observe(Observer{BlockFound: func(time.Duration) {}, Cancelled: func(time.Duration) {}})
			}
			next := func() (Job, error) { return Job{Target: ZerosTarget(0), Count: 1}, nil }
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Mine(b.Context(), next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
