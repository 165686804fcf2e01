package pow

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// These tests are about what one worker does besides its chunks.

// lonely returns the claims of a search whose caller is the only worker so far, while one
// seat is free, over a number of chunks of 64 nonces. seen is called in each chunk.
func lonely(t *testing.T, ctx context.Context, chunks uint64, target Target, seen func(*claims, int64)) *claims {
	t.Helper()
	var c *claims
	k := longKernel(func(chunk int64) { seen(c, chunk) })
	if target == ZerosTarget(0) {
		k.scan = func(_ *sha256d.Input, first uint32, _ int) sha256d.Candidate {
			return sha256d.Candidate{Found: true, Nonce: first, Hashes: 1}
		}
	}
	s, err := Job{Target: target, Count: 64 * chunks}.prepare()
	if err != nil {
		t.Fatal(err)
	}
	c = newClaims(ctx, testEngine(t, k, 2), s, division{step: 64, workers: 2, long: longSearch})
	c.team.working.Add(1)
	c.team.seats.Store(1)
	c.team.blocked.Store(true) // nobody is to stand by
	return c
}

// The caller of a search starts a goroutine for a seat that nobody has taken after its first
// chunk, not earlier, and not if the search is over by then. The other workers start none.
func TestWhoRecruits(t *testing.T) {
	for name, tc := range map[string]struct {
		number uint64
		target Target
		begin  func(c *claims, cancel func())
		end    bool // the context ends in the first chunk
		want   bool
	}{
		"the caller":                       {target: ZerosTarget(200), want: true},
		"another worker":                   {target: ZerosTarget(200), number: 1},
		"an answer in the first chunk":     {target: ZerosTarget(0)},
		"the end in the first chunk":       {target: ZerosTarget(200), end: true},
		"the end before the first chunk":   {target: ZerosTarget(200), begin: func(_ *claims, cancel func()) { cancel() }},
		"no chunk is left":                 {target: ZerosTarget(200), begin: func(c *claims, _ func()) { c.next.Store(64 * 10) }},
		"an answer before the first chunk": {target: ZerosTarget(200), begin: func(c *claims, _ func()) { c.best.Store(3) }},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := lonely(t, ctx, 10, tc.target, func(c *claims, chunk int64) {
				if chunk > 1 {
					return
				}
				if c.team.coming.Load() != 0 || c.team.seats.Load() != 1 {
					t.Error("a goroutine is started before the first chunk has been searched")
				}
				if tc.end {
					cancel()
				}
			})
			if tc.begin != nil {
				tc.begin(c, cancel)
			}
			worker{claims: c, number: tc.number}.work()
			_ = c.team.group.Wait()
			if taken := c.team.seats.Load() == 0; taken != tc.want {
				t.Errorf("the seat is taken: %v", taken)
			}
		})
	}
}

// A worker watches for the end of the context after longSearch chunks, if anybody wants to
// know how long a cancel takes.
func TestWhoWatches(t *testing.T) {
	for _, tc := range []struct {
		chunks   uint64
		observed bool
		want     bool
	}{
		{longSearch - 1, true, false}, {longSearch, true, true}, {longSearch + 1, true, true}, {longSearch + 1, false, false},
	} {
		c := lonely(t, t.Context(), tc.chunks, ZerosTarget(200), func(*claims, int64) {})
		c.team.seats.Store(0)
		if tc.observed {
			c.engine.Observe(Observer{Cancelled: func(time.Duration) {}})
		}
		worker{claims: c}.work()
		if (c.unwatch != nil) != tc.want {
			t.Errorf("%d chunks, observed %v: the context is watched: %v", tc.chunks, tc.observed, c.unwatch != nil)
		}
		if c.unwatch != nil {
			c.unwatch()
		}
	}
}

// The time at which the context of a watched search ends is noted.
func TestEndIsNoted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	at := time.Unix(77, 0)
	c := lonely(t, ctx, 10*longSearch, ZerosTarget(200), func(c *claims, chunk int64) {
		if chunk != longSearch+1 {
			return
		}
		cancel()
		for deadline := time.Now().Add(10 * time.Second); c.ended.Load() == nil; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Error("the end was not noted")
				return
			}
		}
	})
	c.team.seats.Store(0)
	c.engine.now = func() time.Time { return at }
	c.engine.Observe(Observer{Cancelled: func(time.Duration) {}})
	worker{claims: c}.work()
	if ended := c.ended.Load(); ended == nil || *ended != at {
		t.Errorf("the context ended at %v, want %v", ended, at)
	}
}

// A caller that finds the answer alone does not wake anybody.
func TestAnswerAloneWakesNobody(t *testing.T) {
	e := testEngine(t, Kernels()[0], 4)
	e.yieldCore = func() { t.Error("the caller gives way to other workers") }
	for range 10 {
		if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(0)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := e.standbys.present.Load(); n != 0 {
		t.Errorf("%d standbys", n)
	}
}
