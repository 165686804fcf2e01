package mine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/pow"
)

func TestConfig(t *testing.T) {
	source, engine := newFakeSource(nil), &fakeEngine{}
	for name, c := range map[string]Config{
		"nothing":           {},
		"no source":         {Engine: engine},
		"no engine":         {Source: source},
		"a negative queue":  {Engine: engine, Source: source, Queue: -1},
		"negative parallel": {Engine: engine, Source: source, Parallel: -1},
		"negative attempts": {Engine: engine, Source: source, Attempts: -1},
		"negative timeout":  {Engine: engine, Source: source, Timeout: -1},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCleanStopsWithinAChunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startLoop(t, &fakeEngine{}, newFakeSource(shareWork("old")), nil)
		time.Sleep(100*time.Millisecond + chunkTime/2)
		clean := time.Now()
		b.source.post(shareWork("new"), true)
		time.Sleep(50 * time.Millisecond)
		b.stop()

		jobs := b.engine.jobs
		at := slices.IndexFunc(jobs, func(j pow.Job) bool { return j.Header.MerkleRoot != jobs[0].Header.MerkleRoot })
		if at < 0 {
			t.Fatal("the new work was not taken")
		}
		// The chunk that was under way ends half a chunk later. The next chunk is
		// one of the new work.
		after := slices.IndexFunc(b.engine.chunks, func(c time.Time) bool { return c.After(clean) })
		if late := b.engine.chunks[after].Sub(clean); late > chunkTime/2 {
			t.Errorf("the next chunk began %v after the old work had become stale", late)
		}
		chunksOfOld := 0
		for _, j := range jobs[:at-1] {
			chunksOfOld += int(j.Count / chunkNonces)
		}
		if whole := jobs[at-1].Count / chunkNonces; chunksOfOld+int(whole) <= after {
			t.Error("the last job of the old work was searched to its end")
		}
		if !slices.Equal(b.taken, []string{"old", "new"}) {
			t.Errorf("taken: %v", b.taken)
		}
	})
}

func TestNewerIsTakenWithTheNextJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startLoop(t, &fakeEngine{}, newFakeSource(shareWork("1")), nil)
		time.Sleep(4 * chunkTime)
		since := b.loop.Progress().Since
		b.source.post(shareWork("2"), false)
		time.Sleep(2 * firstNonces / chunkNonces * chunkTime)
		b.stop()

		// The first job was searched to its end: as many chunks as it has.
		if got := b.engine.chunks[firstNonces/chunkNonces].Sub(b.engine.chunks[0]); got != firstNonces/chunkNonces*chunkTime {
			t.Errorf("the second job began after %v", got)
		}
		if jobs := b.engine.jobs; len(jobs) < 2 || jobs[0].Header.MerkleRoot == jobs[1].Header.MerkleRoot {
			t.Error("the second job is one of the old work")
		}
		if !slices.Equal(b.taken, []string{"1", "2"}) {
			t.Errorf("taken: %v", b.taken)
		}
		if since.IsZero() {
			t.Error("the search has no beginning")
		}
	})
}

// A source that has newer work all the time still gets every work searched.
func TestNewerAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(shareWork("0"))
		engine := &fakeEngine{}
		n := byte('0')
		engine.before = func(pow.Job) {
			n++
			source.post(shareWork(string(n)), false)
		}
		b := startLoop(t, engine, source, nil)
		time.Sleep(time.Second / 4)
		b.stop()
		if len(b.taken) < 20 || len(b.engine.jobs) != len(b.taken) {
			t.Errorf("%d works, %d jobs", len(b.taken), len(b.engine.jobs))
		}
	})
}

// Stale work ends a search that began with older work of the same parent.
func TestCleanReachesOutdatedWork(t *testing.T) {
	first := NewLifetime()
	o := first.Offer(shareWork("1"))
	second := first.Next()
	third := second.Next()
	for i, l := range []Lifetime{first, second} {
		if !l.IsOutdated() || l.IsOver() {
			t.Errorf("lifetime %d: outdated %v, over %v", i, l.IsOutdated(), l.IsOver())
		}
	}
	if third.IsOutdated() {
		t.Error("the newest is outdated")
	}
	third.End()
	third.End() // again does no harm
	third.Outdate()
	for name, c := range map[string]<-chan struct{}{"Stale": o.Stale, "Newer": o.Newer, "the third's Newer": third.Offer(nil).Newer} {
		select {
		case <-c:
		default:
			t.Errorf("%s is open", name)
		}
	}
	if !first.IsOver() || !third.IsOver() {
		t.Error("not over")
	}
	if NewLifetime().IsOver() {
		t.Error("a new lifetime is over")
	}
}

func TestTimeRolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().Unix()
		w := shareWork("1")
		w.MinTime, w.MaxTime = uint32(start+2), uint32(start+5)
		b := startLoop(t, &fakeEngine{}, newFakeSource(w), nil)
		time.Sleep(9 * time.Second)
		b.stop()
		var times []uint32
		for _, j := range b.engine.jobs {
			if len(times) == 0 || times[len(times)-1] != j.Header.Time {
				times = append(times, j.Header.Time-uint32(start))
			}
		}
		times = slices.Compact(times)
		if !slices.Equal(times, []uint32{2, 3, 4, 5}) {
			t.Errorf("times %d, want 2 to 5 seconds after the start", times)
		}
	})
}

func TestSharesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startLoop(t, &fakeEngine{answer: every(5000)}, newFakeSource(shareWork("1")), nil)
		time.Sleep(20*chunkTime + chunkTime/2)
		b.stop()
		jobs := b.engine.jobs
		if len(jobs) < 10 {
			t.Fatalf("%d jobs", len(jobs))
		}
		for i, j := range jobs {
			if want := uint32(i * 5001); j.First != want || j.Header.MerkleRoot != jobs[0].Header.MerkleRoot {
				t.Fatalf("job %d begins with nonce %d, want %d of the same extranonce", i, j.First, want)
			}
		}
		all := b.all()
		if len(all) < 9 {
			t.Fatalf("%d shares", len(all))
		}
		for i, s := range all {
			if s.outcome != Accepted || s.err != nil || s.Block || s.WorkID != "1" || s.Header.Nonce != uint32(5000+i*5001) || s.Hash != s.Header.Hash() {
				t.Errorf("share %d: %+v", i, s)
			}
		}
		if len(b.engine.blocks) != 0 {
			t.Error("a share was counted as a block")
		}
	})
}

// A search that has been cancelled is resumed behind what was searched, and nothing
// is searched twice, if the source offers the same work again.
func TestSameWorkAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(shareWork("1"))
		b := startLoop(t, &fakeEngine{}, source, nil)
		time.Sleep(3*chunkTime + chunkTime/2)
		source.post(source.work, true) // the connection was lost for a moment
		time.Sleep(20 * chunkTime)
		b.stop()
		if jobs := b.engine.jobs; len(jobs) < 2 || jobs[1].First != 4*chunkNonces || jobs[1].Header.MerkleRoot != jobs[0].Header.MerkleRoot {
			t.Errorf("the second job begins with nonce %d, want %d", jobs[1].First, 4*chunkNonces)
		}
		if len(b.taken) != 1 {
			t.Errorf("taken: %v", b.taken)
		}
	})
}

// A source may change the target of work that is being searched, as a pool does with
// its difficulty. The search goes on from where it was.
func TestOtherTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(shareWork("1"))
		b := startLoop(t, &fakeEngine{}, source, nil)
		time.Sleep(3*chunkTime + chunkTime/2)
		harder := shareWork("1")
		harder.Target = pow.ZerosTarget(9)
		source.post(harder, false)
		time.Sleep(20 * chunkTime)
		part := shareWork("1")
		part.Extranonces = newSpace(t, []byte{1}, 3)
		source.post(part, false)
		time.Sleep(20 * chunkTime)
		b.stop()
		jobs := b.engine.jobs
		if len(jobs) < 4 || jobs[1].First != firstNonces || jobs[1].Target != harder.Target || jobs[0].Target == harder.Target {
			t.Errorf("the second job begins with nonce %d, with the target %s", jobs[1].First, jobs[1].Target)
		}
		last := jobs[len(jobs)-1]
		if last.Header.MerkleRoot != part.root([]byte{1, 0, 0, 0}) {
			t.Error("other extranonces were not taken")
		}
	})
}

func TestBlockEndsTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(blockWork("1"))
		start := time.Now()
		var mining bool
		var b *bench
		source.submit = func(context.Context, Solution) (Outcome, error) {
			mining = b.loop.Progress().Mining
			time.Sleep(time.Second)
			source.post(shareWork("2"), true)
			return Accepted, nil
		}
		engine := &fakeEngine{answer: once()}
		c := make(chan struct{})
		engine.before = func(pow.Job) { <-c } // until b is set
		b = startLoop(t, engine, source, nil)
		close(c)
		time.Sleep(900 * time.Millisecond)
		if n := len(b.engine.seen()); n != 1 {
			t.Errorf("%d jobs while the block's outcome is not known, want 1", n)
		}
		time.Sleep(time.Second)
		b.stop()
		if all := b.all(); len(all) != 1 || !all[0].Block || all[0].outcome != Accepted {
			t.Errorf("%+v", all)
		}
		if len(b.engine.blocks) != 1 || !b.engine.blocks[0].Equal(start) {
			t.Errorf("blocks found since %v, want %v", b.engine.blocks, start)
		}
		if mining {
			t.Error("the progress was one of mining while the block was submitted")
		}
		if !slices.Equal(b.taken, []string{"1", "2"}) {
			t.Errorf("taken: %v", b.taken)
		}
	})
}

// A block that is found while its work becomes stale goes to the source all the
// same: the chain decides.
func TestBlockOfStaleWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(blockWork("1"))
		engine := &fakeEngine{answer: once()}
		engine.before = func(pow.Job) {
			engine.mu.Lock()
			engine.before = nil
			engine.mu.Unlock()
			time.AfterFunc(chunkTime/2, func() { source.post(shareWork("2"), true) })
		}
		source.submit = func(context.Context, Solution) (Outcome, error) { return Lost, nil }
		b := startLoop(t, engine, source, nil)
		time.Sleep(10 * chunkTime)
		b.stop()
		if all := b.all(); len(all) != 1 || all[0].WorkID != "1" || !all[0].Block || all[0].outcome != Lost {
			t.Errorf("%+v", all)
		}
		if !slices.Equal(b.taken, []string{"1", "2"}) {
			t.Errorf("taken: %v", b.taken)
		}
	})
}

// A block that is found while the loop ends is submitted, too.
func TestBlockAtShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(blockWork("1"))
		source.submit = func(ctx context.Context, _ Solution) (Outcome, error) {
			if ctx.Err() != nil {
				return Unanswered, ctx.Err()
			}
			return Accepted, nil
		}
		engine := &fakeEngine{answer: once()}
		b := startLoop(t, engine, source, nil)
		time.Sleep(chunkTime / 2)
		b.stop()
		if all := b.all(); len(all) != 1 || all[0].outcome != Accepted {
			t.Errorf("%+v", all)
		}
		if b.loop.Progress().Mining {
			t.Error("still mining")
		}
	})
}

func TestExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := uint32(time.Now().Unix())
		w := shareWork("1")
		w.Extranonces = Space{}
		w.MaxTime = start + 1
		source := newFakeSource(w)
		b := startLoop(t, &fakeEngine{fast: true}, source, nil)
		synctest.Wait()
		perRound := nonceSpace / firstNonces
		jobs := b.engine.seen()
		if len(jobs) != perRound || jobs[0].Header.Time != start {
			t.Fatalf("%d jobs of time %d, want %d of %d", len(jobs), jobs[0].Header.Time, perRound, start)
		}
		if b.loop.Progress().Mining {
			t.Error("mining, but there is nothing left to search")
		}
		b.engine.forget()
		time.Sleep(time.Second + recheckAfter)
		if jobs := b.engine.seen(); len(jobs) != perRound || jobs[0].Header.Time != start+1 || jobs[0].First != 0 {
			t.Fatalf("a second later: %d jobs, want %d", len(jobs), perRound)
		}
		b.engine.forget()
		time.Sleep(time.Hour) // the time does not pass MaxTime
		if jobs := b.engine.seen(); len(jobs) != 0 {
			t.Fatalf("an hour later: %d jobs more", len(jobs))
		}
		b.engine.forget()
		b.engine.slow()
		b.source.post(shareWork("2"), false)
		time.Sleep(chunkTime)
		b.stop()
		if len(b.engine.jobs) == 0 || !slices.Equal(b.taken, []string{"1", "2"}) {
			t.Errorf("newer work was not taken: %v", b.taken)
		}
		if !slices.Equal(b.exhausted, []string{"1", "1"}) {
			t.Errorf("exhausted: %v", b.exhausted)
		}
	})
}

func TestNoWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(nil)
		b := startLoop(t, &fakeEngine{}, source, nil)
		time.Sleep(time.Hour)
		if source.asked() != 1 || b.loop.Progress() != (Progress{}) {
			t.Errorf("asked %d times for work, progress %+v", source.asked(), b.loop.Progress())
		}
		source.post(shareWork("1"), false)
		time.Sleep(chunkTime)
		if p := b.loop.Progress(); !p.Mining || p.Height != 7 || p.Expected < 4e9 || p.Expected > 5e9 {
			t.Errorf("%+v", p)
		}
		source.post(nil, true)
		time.Sleep(2 * chunkTime)
		if b.loop.Progress().Mining {
			t.Error("mining without work")
		}

		source.mu.Lock()
		source.wait = time.Minute
		source.mu.Unlock()
		source.post(nil, false)
		synctest.Wait()
		offers := source.asked()
		time.Sleep(10*time.Minute + time.Second)
		if n := source.asked() - offers; n != 10 {
			t.Errorf("asked %d times in ten minutes, want once a minute", n)
		}
	})
}

func TestOfferFails(t *testing.T) {
	for name, spoil := range map[string]func(*fakeSource){
		"error":        func(f *fakeSource) { f.err = errors.New("no template") },
		"invalid work": func(f *fakeSource) { w := *shareWork("1"); w.Bits = 0; f.work = &w },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := newFakeSource(shareWork("1"))
				spoil(source)
				b := startLoop(t, &fakeEngine{}, source, nil)
				time.Sleep(9*retryAfter + retryAfter/2)
				if source.asked() != 10 || len(b.engine.seen()) != 0 || b.loop.Progress().Mining {
					t.Errorf("asked %d times, want once a second; %d jobs", source.asked(), len(b.engine.seen()))
				}
				source.mu.Lock()
				source.err, source.work = nil, shareWork("2")
				source.mu.Unlock()
				time.Sleep(retryAfter)
				if !b.loop.Progress().Mining {
					t.Error("not mining after the source has recovered")
				}
			})
		})
	}
}

// An engine that fails, or that returns a header which does not solve the work, does
// no harm.
func TestEngineIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeEngine{err: errors.New("no such kernel")}
		b := startLoop(t, engine, newFakeSource(shareWork("1")), nil)
		time.Sleep(9*retryAfter + retryAfter/2)
		if n := len(engine.seen()); n != 10 {
			t.Errorf("%d searches, want one a second", n)
		}
		b.stop()
	})
	synctest.Test(t, func(t *testing.T) {
		b := startLoop(t, &fakeEngine{answer: once()}, newFakeSource(shareWork("1")), func(c *Config) { c.Engine = liar{c.Engine} })
		time.Sleep(20 * chunkTime)
		b.stop()
		if len(b.source.tried()) != 0 || len(b.engine.jobs) < 2 {
			t.Errorf("%d solutions, %d jobs", len(b.source.tried()), len(b.engine.jobs))
		}
	})
}

// liar changes the answers of an engine.
type liar struct{ Engine }

func (l liar) Search(ctx context.Context, job pow.Job) (pow.Result, error) {
	r, err := l.Engine.Search(ctx, job)
	r.Header.Prev[0]++
	return r, err
}

func TestStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := shareWork("1")
		b := startLoop(t, &fakeEngine{}, newFakeSource(w), func(c *Config) { c.Start = 1<<32 + 77 })
		time.Sleep(chunkTime)
		b.stop()
		if got, want := b.engine.jobs[0].Header.MerkleRoot, w.root([]byte{0, 0, 0, 77}); got != want {
			t.Errorf("the first job is not that of extranonce 77")
		}
	})
}

func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		source := newFakeSource(shareWork("1"))
		b := startLoop(t, &fakeEngine{}, source, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&out, nil)) })
		time.Sleep(reportEvery - time.Second)
		source.post(blockWork("2"), true) // with other bits, so it is another search
		time.Sleep(reportEvery)
		b.stop()
		if got := out.String(); strings.Contains(got, "mining") {
			t.Errorf("a search of %v was reported: %s", reportEvery, got)
		}
		out.Reset()
		b = startLoop(t, &fakeEngine{}, newFakeSource(shareWork("1")), func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&out, nil)) })
		time.Sleep(2*reportEvery + time.Second)
		b.stop()
		if got := out.String(); strings.Count(got, "msg=mining height=7 hashes=0 rate=0 expected=42950") != 2 {
			t.Errorf("two lines of a search of 21 seconds are not in %s", got)
		}
	})
}
