package mine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/pow"
)

// Whatever a source answers, the observer learns of it and the search goes on.
func TestOutcomes(t *testing.T) {
	why := errors.New("why")
	words := map[Outcome]string{
		Unanswered: "unanswered", Accepted: "accepted", Stale: "stale", Duplicate: "duplicate",
		Low: "low", Invalid: "invalid", Lost: "lost",
	}
	if len(words) != len(Outcomes()) {
		t.Errorf("%d outcomes, want %d", len(Outcomes()), len(words))
	}
	if Outcome(-1).String() != "unknown" || Outcome(len(words)).String() != "unknown" {
		t.Error("a number that is no outcome has a word")
	}
	for i, o := range Outcomes() {
		if o != Outcome(i) {
			t.Errorf("outcome %d is %d, want all of them in their order", i, o)
		}
		if o.String() != words[o] {
			t.Errorf("%d is the word %q, want %q", o, o, words[o])
		}
		for _, w := range []*Work{shareWork("1"), blockWork("1")} {
			synctest.Test(t, func(t *testing.T) {
				source := newFakeSource(w)
				source.submit = func(context.Context, Solution) (Outcome, error) { return o, why }
				b := startLoop(t, &fakeEngine{answer: once()}, source, func(c *Config) { c.Attempts = 1 })
				time.Sleep(5 * time.Second)
				b.stop()
				all := b.all()
				if len(all) != 1 || all[0].outcome != o || !errors.Is(all[0].err, why) || all[0].Block != w.Target.IsZero() {
					t.Errorf("%v: told %+v", o, all)
				}
				if len(b.engine.jobs) < 100 {
					t.Errorf("%v: %d jobs, so the search has ended", o, len(b.engine.jobs))
				}
			})
		}
	}
}

// A share that the source does not answer is submitted again, a bounded number of
// times, and the search does not wait for that.
func TestSubmitAgain(t *testing.T) {
	for _, tc := range []struct {
		name     string
		answers  int // the attempt that is answered
		attempts int
		want     Outcome
	}{
		{"at once", 1, 1, Accepted},
		{"the third time", 3, 3, Accepted},
		{"never", 9, 3, Unanswered},
	} {
		for _, w := range []*Work{shareWork("1"), blockWork("1")} {
			t.Run(tc.name+" block="+map[bool]string{true: "yes", false: "no"}[w.Target.IsZero()], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					source := newFakeSource(w)
					var at []time.Time
					source.submit = func(context.Context, Solution) (Outcome, error) {
						at = append(at, time.Now())
						if len(at) < tc.answers {
							return Unanswered, nil
						}
						return Accepted, nil
					}
					b := startLoop(t, &fakeEngine{answer: once()}, source, nil)
					time.Sleep(10 * time.Second)
					b.stop()
					all := b.all()
					if len(all) != 1 || all[0].outcome != tc.want || (all[0].err == nil) != (tc.want == Accepted) {
						t.Fatalf("told %+v", all)
					}
					if len(at) != tc.attempts || tc.attempts > 1 && at[2].Sub(at[1]) != retryAfter {
						t.Errorf("attempts at %v, want %d", at, tc.attempts)
					}
				})
			})
		}
	}
}

// hang is a source that does not answer before the context ends.
func hang(ctx context.Context, _ Solution) (Outcome, error) {
	<-ctx.Done()
	return Unanswered, ctx.Err()
}

// While a source hangs, shares are searched and queued up to the bound, and the rest
// are dropped. Each attempt is over at its deadline.
func TestSlowSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(shareWork("1"))
		source.submit = hang
		b := startLoop(t, &fakeEngine{answer: every(0)}, source, func(c *Config) { c.Queue, c.Parallel, c.Timeout = 2, 1, time.Minute })
		time.Sleep(chunkTime*10 + chunkTime/2)
		var full int
		for _, s := range b.all() {
			if s.outcome != Unanswered || !errors.Is(s.err, ErrQueueFull) {
				t.Errorf("told %+v", s)
			}
			full++
		}
		if n := len(b.engine.seen()); n != 11 || full != n-1-1-2 {
			t.Errorf("%d jobs, %d shares dropped; want all but one at the source and two in the queue", n, full)
		}
		b.engine.mu.Lock()
		b.engine.answer = nil
		b.engine.mu.Unlock()
		b.source.post(nil, true)
		time.Sleep(3 * (3*time.Minute + 2*retryAfter))
		if n := len(b.source.tried()); n != 9 {
			t.Errorf("%d attempts for three shares, want 9", n)
		}
		all := b.all()[full+1:] // without the share of the last search, which was dropped
		if len(all) != 3 {
			t.Fatalf("told of %d shares, want 3", len(all))
		}
		for _, s := range all {
			if s.outcome != Unanswered || !errors.Is(s.err, context.DeadlineExceeded) {
				t.Errorf("told %+v", s)
			}
		}
	})
}

// A share whose answer is lost does not hold up the shares behind it.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(shareWork("1"))
		first := true
		source.submit = func(ctx context.Context, s Solution) (Outcome, error) {
			source.mu.Lock()
			lost := first
			first = false
			source.mu.Unlock()
			if lost {
				return hang(ctx, s)
			}
			return Accepted, nil
		}
		b := startLoop(t, &fakeEngine{answer: every(0)}, source, nil)
		time.Sleep(200*chunkTime + chunkTime/2)
		var accepted int
		for _, s := range b.all() {
			if s.outcome != Accepted {
				t.Fatalf("told %+v", s)
			}
			accepted++
		}
		if accepted < 190 {
			t.Errorf("%d shares of 200 have an answer", accepted)
		}
	})
}

// A block that the source does not answer holds the search up to its deadlines, and
// no longer.
func TestSlowSourceOfBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(blockWork("1"))
		source.submit = hang
		b := startLoop(t, &fakeEngine{answer: once()}, source, func(c *Config) { c.Timeout = time.Minute })
		time.Sleep(3*time.Minute + 3*retryAfter)
		if n := len(b.engine.seen()); n != 1 {
			t.Errorf("%d jobs, want 1", n)
		}
		time.Sleep(2 * time.Second)
		if n := len(b.engine.seen()); n < 100 {
			t.Errorf("%d jobs after the deadlines", n)
		}
		if n := len(b.source.tried()); n != 3 {
			t.Errorf("%d attempts, want 3", n)
		}
	})
}

// At the end of the loop the shares that wait are dropped, and the one that is under
// way is given up. A block is not submitted again.
func TestShutdownDropsShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(shareWork("1"))
		source.submit = hang
		b := startLoop(t, &fakeEngine{answer: every(0)}, source, func(c *Config) { c.Parallel = 1 })
		time.Sleep(5*chunkTime + chunkTime/2)
		stopping := time.Now()
		b.stop()
		if took := time.Since(stopping); took > chunkTime {
			t.Errorf("the end took %v", took)
		}
		all := b.all()
		if len(all) < 5 || len(b.source.tried()) != 1 {
			t.Errorf("told of %d shares, %d submitted", len(all), len(b.source.tried()))
		}
		for _, s := range all {
			if s.outcome != Unanswered || !errors.Is(s.err, context.Canceled) {
				t.Errorf("told %+v", s)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(blockWork("1"))
		source.submit = func(context.Context, Solution) (Outcome, error) { return Unanswered, nil }
		b := startLoop(t, &fakeEngine{answer: once()}, source, func(c *Config) { c.Attempts = 100 })
		time.Sleep(retryAfter / 2)
		b.stop()
		if n := len(b.source.tried()); n != 1 {
			t.Errorf("%d attempts, want 1", n)
		}
	})
}

// Observers are optional.
func TestNoObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startLoop(t, &fakeEngine{answer: once()}, newFakeSource(blockWork("1")), func(c *Config) { c.Observer = Observer{} })
		time.Sleep(time.Second / 2)
		b.stop()
		if len(b.source.tried()) != 1 {
			t.Error("nothing was submitted")
		}
		Observer{}.exhausted(Work{})
	})
}

// Two loops search with one engine. Each counts its own hashes, over the works on
// one parent, and its own only.
func TestProgressIsOfOneSearch(t *testing.T) {
	engine, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	hard := func(id string) *Work {
		w := shareWork(id)
		w.Target = pow.ZerosTarget(200)
		return w
	}
	var loops [2]*Loop
	var sources [2]*fakeSource
	for i := range loops {
		sources[i] = newFakeSource(hard("1"))
		if loops[i], err = New(Config{Engine: engine, Source: sources[i]}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			loops[i].Run(ctx)
		}()
		defer func() {
			cancel()
			<-done
		}()
	}
	until := func(ok func() bool) {
		for !ok() {
			time.Sleep(time.Millisecond)
		}
	}
	for i := range loops {
		until(func() bool { return loops[i].Progress().Hashes > 1<<20 && loops[i].Progress().Rate > 0 })
	}
	if a, b, all := loops[0].Progress().Hashes, loops[1].Progress().Hashes, engine.Hashes(); a+b > all {
		t.Errorf("%d and %d hashes, but the engine has done %d", a, b, all)
	}

	// Newer work continues the count, a new parent begins another.
	before := loops[0].Progress()
	sources[0].post(hard("2"), false)
	until(func() bool { return loops[0].Progress().Hashes > before.Hashes+1<<20 })
	if p := loops[0].Progress(); !p.Since.Equal(before.Since) {
		t.Errorf("the search began at %v, with newer work at %v", before.Since, p.Since)
	}
	other := hard("3")
	other.Prev[0]++
	sources[0].post(other, true)
	until(func() bool { p := loops[0].Progress(); return p.Mining && p.Since.After(before.Since) })
	sources[0].post(nil, true)
	until(func() bool { return loops[0].Progress() == Progress{} })
	if !loops[1].Progress().Mining {
		t.Error("the other search has ended, too")
	}
}

// The context of a submission ends with it, so that its timer is not kept.
func TestSubmissionsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(blockWork("1"))
		var given context.Context
		source.submit = func(ctx context.Context, _ Solution) (Outcome, error) {
			given = ctx
			return Accepted, nil
		}
		l, err := New(Config{Engine: &fakeEngine{}, Source: source})
		if err != nil {
			t.Fatal(err)
		}
		if outcome := l.submit(t.Context(), Solution{Block: true}); outcome != Accepted {
			t.Fatal(outcome)
		}
		if !errors.Is(given.Err(), context.Canceled) {
			t.Errorf("the context of the submission: %v, want it to have ended", given.Err())
		}
	})
}

// A block that the source does not answer is submitted for minutes, with pauses that grow
// up to a bound, and the search goes on meanwhile.
func TestSubmitBlockForMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(blockWork("1"))
		began := time.Now()
		const away = 8 * time.Minute
		var at []time.Duration
		source.submit = func(context.Context, Solution) (Outcome, error) {
			at = append(at, time.Since(began))
			if time.Since(began) < away {
				return Unanswered, errors.New("connection refused")
			}
			return Accepted, nil
		}
		var retries []time.Duration
		b := startLoop(t, &fakeEngine{answer: once()}, source, func(c *Config) {
			c.BlockAttempts = 60
			c.Observer.Retrying = func(s Solution, attempt int, after time.Duration, err error) {
				if !s.Block || attempt != len(retries)+1 || err == nil {
					t.Errorf("retry after attempt %d, the %d. call: %+v, %v", attempt, len(retries)+1, s, err)
				}
				retries = append(retries, after)
			}
		})
		time.Sleep(10 * time.Second)
		if n := len(b.engine.seen()); n < 100 {
			t.Errorf("%d jobs after ten seconds, so the search waits for the answer", n)
		}
		if len(b.all()) != 0 {
			t.Errorf("told %+v, though the block is still being submitted", b.all())
		}
		time.Sleep(10 * time.Minute)
		b.stop()
		if all := b.all(); len(all) != 1 || all[0].outcome != Accepted || all[0].err != nil {
			t.Fatalf("told %+v", all)
		}
		if last := at[len(at)-1]; last < away || last > away+longestRetry {
			t.Errorf("accepted after %v, want soon after %v", last, away)
		}
		if len(retries) != len(at)-1 {
			t.Fatalf("told of %d retries, and there were %d attempts", len(retries), len(at))
		}
		want := []time.Duration{time.Second, time.Second, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, longestRetry, longestRetry}
		for i := range want {
			if retries[i] != want[i] || at[i+1]-at[i] < want[i] {
				t.Errorf("pause %d is %v, and took %v; want %v", i, retries[i], at[i+1]-at[i], want[i])
			}
		}
	})
}

// A source that was away, and therefore had no work, gets the block as soon as it has work
// again, and not only after the pause. The pauses of a source that has work, and does not
// answer, stay as they are.
func TestSubmitBlockOnReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(blockWork("1"))
		const away = 5*time.Minute + 3*time.Second
		began := time.Now()
		var mu sync.Mutex
		var last, accepted time.Duration
		source.submit = func(context.Context, Solution) (Outcome, error) {
			mu.Lock()
			defer mu.Unlock()
			if last = time.Since(began); last >= away {
				accepted = last
				return Accepted, nil
			}
			return Unanswered, errors.New("connection refused")
		}
		b := startLoop(t, &fakeEngine{answer: once()}, source, func(c *Config) { c.BlockAttempts = 60 })
		time.Sleep(time.Second) // the loop solves the block
		source.post(nil, true)
		time.Sleep(away - time.Minute - time.Second)
		source.post(blockWork("2"), true) // it has work, but does not answer
		time.Sleep(time.Minute - 5*time.Second)
		source.post(nil, true)
		time.Sleep(5 * time.Second)
		mu.Lock()
		waited := time.Since(began) - last // since the latest attempt
		mu.Unlock()
		source.post(blockWork("3"), true)
		time.Sleep(longestRetry)
		b.stop()
		if waited > longestRetry {
			t.Errorf("no attempt for %v", waited)
		}
		if all := b.all(); len(all) != 1 || all[0].outcome != Accepted {
			t.Fatalf("told %+v", all)
		}
		if accepted < away || accepted > away+retryAfter {
			t.Errorf("accepted after %v, want within %v of %v", accepted, retryAfter, away)
		}
		if n := len(source.tried()); n > 40 {
			t.Errorf("%d attempts in %v", n, away)
		}
	})
}

// However a source without work behaves, it is not given up in less than eight minutes, it
// is not asked for work by the submissions, and the attempts are bounded.
func TestSubmitBlockToRestlessSource(t *testing.T) {
	for _, tc := range []struct {
		name         string
		every        time.Duration // the source changes what it offers
		returns      bool          // every other time it has work
		fails        bool          // every time without work is an error
		mostAttempts int
	}{
		{"nothing new", 100 * time.Millisecond, false, false, 3 + 57},
		{"comes and goes", 2 * time.Second, true, false, 3 + 2*57},
		{"comes and fails", 2 * time.Second, true, true, 3 + 2*57},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := newFakeSource(blockWork("1"))
				began := time.Now()
				var last time.Duration
				source.submit = func(context.Context, Solution) (Outcome, error) {
					source.mu.Lock()
					defer source.mu.Unlock()
					last = time.Since(began)
					return Unanswered, errors.New("connection refused")
				}
				b := startLoop(t, &fakeEngine{answer: once()}, source, func(c *Config) { c.BlockAttempts = 60 })
				time.Sleep(time.Second) // the loop solves the block
				posts := 0
				for ; len(b.all()) == 0 && time.Since(began) < time.Hour; posts++ {
					if tc.returns && posts%2 == 1 {
						source.setErr(nil)
						source.post(blockWork("2"), false)
					} else {
						if tc.fails {
							source.setErr(errors.New("the store cannot be read"))
						}
						source.post(nil, true)
					}
					time.Sleep(tc.every)
				}
				b.stop()
				if last < 8*time.Minute {
					t.Errorf("given up after %v", last)
				}
				if n := len(source.tried()); n < 60 || n > tc.mostAttempts {
					t.Errorf("%d attempts", n)
				}
				if n := source.asked(); !tc.fails && n > posts+3 {
					t.Errorf("asked for work %d times, though it changed only %d times", n, posts)
				}
			})
		})
	}
}

// The attempts are bounded, and the number of blocks that are submitted meanwhile.
func TestLateBlocksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(blockWork("1"))
		source.submit = func(context.Context, Solution) (Outcome, error) { return Unanswered, errors.New("gone") }
		b := startLoop(t, &fakeEngine{answer: every(0)}, source, func(c *Config) { c.Attempts, c.BlockAttempts = 1, 60 })
		time.Sleep(30 * time.Second)
		if n := len(b.loop.late); n != maxLate {
			t.Errorf("%d blocks are being submitted, want %d", n, maxLate)
		}
		if n := len(b.all()); n == 0 {
			t.Error("no block has been given up, so they pile up")
		}
		before := len(b.all())
		time.Sleep(10 * time.Minute)
		if n := len(b.all()); n < before+maxLate {
			t.Errorf("after ten minutes %d blocks have an outcome", n)
		}
		for _, s := range b.all() {
			if s.outcome != Unanswered || s.err == nil {
				t.Fatalf("told %+v", s)
			}
		}
		stopping := time.Now()
		b.stop()
		if took := time.Since(stopping); took > time.Second {
			t.Errorf("the end took %v, so a pause was waited for", took)
		}
		if n := len(b.loop.late); n != 0 {
			t.Errorf("%d blocks are still being submitted", n)
		}
	})
}
