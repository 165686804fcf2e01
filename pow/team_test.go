package pow

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// newTeam returns the claims of a search that has not begun.
func newTeam(ctx context.Context, t *testing.T, e *Engine, job Job) *claims {
	t.Helper()
	s, err := job.prepare()
	if err != nil {
		t.Fatal(err)
	}
	return newClaims(ctx, e, s, e.divide(s))
}

// searchAll searches a job with all workers, and returns what they have shared.
func searchAll(ctx context.Context, t *testing.T, e *Engine, job Job) *claims {
	t.Helper()
	c := newTeam(ctx, t, e, job)
	c.searchTogether()
	return c
}

// A space that the caller has searched alone has no other workers.
func TestNothingIsLeftForOthers(t *testing.T) {
	var chunks atomic.Int64
	k := longKernel(func(int64) { chunks.Add(1) })
	k.chunk = 1 << 13
	r, err := testEngine(t, k, 4).Search(t.Context(), Job{Target: ZerosTarget(1), Count: 100})
	if !errors.Is(err, ErrExhausted) || r.Searched != 100 || chunks.Load() != 1 {
		t.Errorf("%+v, %v after %d chunks, want an exhausted space of one chunk", r, err, chunks.Load())
	}
}

// solvedAtOnce returns a kernel whose first hash is an answer to any job that every hash
// solves.
func solvedAtOnce() Kernel {
	return Kernel{name: "lucky", lanes: 1, chunk: 64, scan: func(_ *sha256d.Input, first uint32, _ int) sha256d.Candidate {
		return sha256d.Candidate{Found: true, Nonce: first, Hashes: 1}
	}}
}

// A search that is over before anybody has taken its seats no longer offers them.
func TestOfferEndsWithTheSearch(t *testing.T) {
	e := testEngine(t, solvedAtOnce(), 2)
	e.standbys.waiting.Store(1) // a standby that never comes
	s, err := Job{Target: ZerosTarget(0), Count: 128}.prepare()
	if err != nil {
		t.Fatal(err)
	}
	c := newClaims(t.Context(), e, s, division{step: 64, workers: 2, long: longSearch})
	c.searchTogether()
	if c.team.left.Load() != 0 {
		t.Fatal("somebody has taken the seat")
	}
	if e.standbys.search.Load() != nil {
		t.Error("the seats of a search that is over are still offered")
	}
	if c.join() {
		t.Error("a seat of a search that is over was taken")
	}
}

// As soon as the last seat has been taken, another search may offer its seats.
func TestOfferEndsWithTheLastSeat(t *testing.T) {
	const workers = 3
	var e *Engine
	var inside atomic.Int64
	var once sync.Once
	e = testEngine(t, longKernel(func(int64) {
		inside.Add(1)
		for inside.Load() < workers { // until all workers are there
			runtime.Gosched()
		}
		once.Do(func() {
			if e.standbys.search.Load() != nil {
				t.Error("a search without free seats offers some")
			}
		})
	}), workers)
	var clock movableClock
	e.clock = clock.now
	if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Count: 64 * 10}); !errors.Is(err, ErrExhausted) {
		t.Error(err)
	}
	endStandbys(e, &clock)
}

// The caller gives way once when it has started goroutines. A nice engine does not: its
// threads have a low priority anyway, and the caller only waits.
func TestStartGivesWay(t *testing.T) {
	for _, tc := range []struct {
		nice  bool
		seats int64
		want  int
	}{
		{false, 0, 0},
		{false, 2, 1},
		{true, 2, 0},
	} {
		e := testEngine(t, longKernel(func(int64) {}), 3)
		e.nice = tc.nice
		yields := 0
		e.yieldCore = func() { yields++ }
		c := newTeam(t.Context(), t, e, Job{Target: ZerosTarget(200), Count: 64})
		c.start(tc.seats) // none of which is free
		_ = c.team.group.Wait()
		if yields != tc.want {
			t.Errorf("nice %v, %d seats: the caller gave way %d times, want %d", tc.nice, tc.seats, yields, tc.want)
		}
	}
}

// A search does not return while a standby still works for it.
func TestCallerWaitsForStandbys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		k := longKernel(func(int64) { <-release })
		e := testEngine(t, k, 2)
		var reads atomic.Int64
		e.clock = func() time.Time { return time.Unix(reads.Add(1), 0) } // awaitTime is always over
		c := newTeam(t.Context(), t, e, Job{Target: ZerosTarget(200), Count: 64})
		c.team.working.Add(1)
		c.team.seats.Store(1)
		go c.join()
		synctest.Wait()
		returned := make(chan struct{})
		go func() {
			defer close(returned)
			c.await(1)
		}()
		synctest.Wait() // until both wait for something
		select {
		case <-returned:
			t.Error("the search is over while a standby works for it")
		default:
		}
		close(release)
		<-returned
		if c.team.left.Load() != 1 {
			t.Errorf("%d seats have been left, want 1", c.team.left.Load())
		}
	})
}
