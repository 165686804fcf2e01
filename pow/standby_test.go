package pow

import (
	"errors"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// awaitCount waits until n has the wanted value.
func awaitCount(n *atomic.Int64, want int64) {
	for n.Load() != want {
		runtime.Gosched()
	}
}

// endStandbys moves the clock until all standbys have ended. One that begins late begins
// its time late.
func endStandbys(e *Engine, clock *movableClock) {
	for e.standbys.present.Load() != 0 {
		clock.at.Add(int64(standbyTime))
		runtime.Gosched()
	}
}

// Where the clock stands still, a standby ends after a number of looks, and there are no
// more of them than can run at the same time.
func TestStandbysEndWithoutAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := testEngine(t, Kernels()[0], 4)
		if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Count: 1 << 16}); !errors.Is(err, ErrExhausted) {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // in virtual time, which a goroutine that never rests would stop
		if n := e.standbys.present.Load(); n != 0 {
			t.Errorf("%d standbys are left", n)
		}
	})
	var s standbys
	looks := -1 // the first reading of the clock is the start
	if s.awaitSearch(func() time.Time { looks++; return time.Unix(0, 0) }) || looks != standbyLooks {
		t.Errorf("a standby found a search or ended after %d looks, want none and %d", looks, standbyLooks)
	}
	e := &Engine{workers: 8, procs: func() int { return 3 }, clock: (&movableClock{}).now}
	s.looks = math.MaxInt
	e.standbys.looks = math.MaxInt
	s.present.Store(2)
	s.add(e)
	if n := s.present.Load(); n != 2 {
		t.Errorf("%d standbys beside a caller on three processors, want 2", n)
	}
}

// movableClock is a clock that stands still until it is set.
type movableClock struct{ at atomic.Int64 }

func (c *movableClock) now() time.Time { return time.Unix(0, c.at.Load()) }

// A standby stays as long as the clock says less than standbyTime, and no longer.
func TestStandbyEndsWithItsTime(t *testing.T) {
	readings := []time.Duration{5, 5, 5 + standbyTime - 1, 5 + standbyTime - 1, 5 + standbyTime, 5 + 10*standbyTime}
	const wanted = 5
	var read atomic.Int64
	var s standbys
	if s.awaitSearch(func() time.Time {
		i := min(int(read.Add(1)), len(readings)) - 1
		return time.Unix(0, int64(readings[i]))
	}) {
		t.Error("a standby has found a search, and there is none")
	}
	if got := read.Load(); got != wanted {
		t.Errorf("the clock was read %d times, want %d", got, wanted)
	}
	if s.waiting.Load() != 0 {
		t.Errorf("%d standbys wait", s.waiting.Load())
	}
}

// A standby that is about to end takes a seat that was offered while it was still
// counted, because the search relies on it.
func TestStandbyLooksOnceMore(t *testing.T) {
	for _, seats := range []int64{0, 1} {
		var s standbys
		c := &claims{}
		c.team.seats.Store(seats)
		var read int
		got := s.awaitSearch(func() time.Time {
			if read++; read == 2 {
				if rest := s.offer(c, 1); rest != 0 {
					t.Errorf("%d seats are left, although a standby waits", rest)
				}
			}
			return time.Unix(int64(read), 0)
		})
		if got != (seats == 1) {
			t.Errorf("%d free seats: the standby found one: %v", seats, got)
		}
	}
}

// Only one search at a time offers its seats, and it needs goroutines for those that no
// standby will take.
func TestOffer(t *testing.T) {
	var s standbys
	first, second := &claims{}, &claims{}
	s.waiting.Store(2)
	for _, tc := range []struct{ seats, want int64 }{{0, 0}, {1, 0}, {2, 0}, {3, 1}, {5, 3}} {
		if rest := s.offer(first, tc.seats); rest != tc.want {
			t.Errorf("%d seats: %d are left, want %d", tc.seats, rest, tc.want)
		}
		if tc.seats == 0 {
			if s.search.Load() != nil {
				t.Error("no seats are offered")
			}
			continue
		}
		if rest := s.offer(second, tc.seats); rest != tc.seats {
			t.Errorf("%d seats of a second search: %d are left, want all", tc.seats, rest)
		}
		s.withdraw(second)
		if s.search.Load() != first {
			t.Error("a search withdrew the offer of another")
		}
		s.withdraw(first)
		if s.search.Load() != nil {
			t.Error("an offer was not withdrawn")
		}
	}
}

func TestTakeSeats(t *testing.T) {
	var team team
	team.seats.Store(2)
	for _, want := range []uint64{2, 1, 0, 0} {
		if number, ok := team.take(); number != want || ok != (want > 0) {
			t.Errorf("got seat %d, %v; want seat %d", number, ok, want)
		}
	}
}

// With a clock that stands still, the standbys of a search stay until the clock moves.
// There are never more than workers besides the caller.
func TestSearchLeavesStandbys(t *testing.T) {
	for _, tc := range []struct {
		what    string
		workers int
		nice    bool
		chunks  uint64
		want    int64
	}{
		{"one worker", 1, false, 10, 0},
		{"two workers", 2, false, 10, 1},
		{"three workers", 3, false, 10, 2},
		{"a space of two chunks", 3, false, 2, 1},
		{"nice", 3, true, 10, 0},
	} {
		t.Run(tc.what, func(t *testing.T) {
			// Every worker waits in its first chunk until all of them are there.
			var inside atomic.Int64
			workers := min(int64(tc.chunks), int64(tc.workers))
			k := longKernel(func(int64) {
				inside.Add(1)
				for inside.Load() < workers {
					runtime.Gosched()
				}
			})
			e, err := newEngine(k, Config{Workers: tc.workers, Nice: tc.nice})
			if err != nil {
				t.Fatal(err)
			}
			var clock movableClock
			e.clock = clock.now
			e.procs = func() int { return 4 }
			e.standbys.looks = math.MaxInt
			for range 3 {
				inside.Store(0)
				if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Count: 64 * tc.chunks}); !errors.Is(err, ErrExhausted) {
					t.Fatal(err)
				}
				awaitCount(&e.standbys.waiting, tc.want)
				if got := e.standbys.present.Load(); got != tc.want {
					t.Errorf("%d standbys, want %d", got, tc.want)
				}
			}
			endStandbys(e, &clock)
			if e.standbys.waiting.Load() != 0 || e.standbys.search.Load() != nil {
				t.Errorf("%d standbys wait, for the search %p", e.standbys.waiting.Load(), e.standbys.search.Load())
			}
		})
	}
}

// A search whose standbys do not come starts goroutines in their place after its first
// chunk.
func TestStandbysThatDoNotCome(t *testing.T) {
	const workers = 3
	var inside atomic.Int64
	k := longKernel(func(chunk int64) {
		if chunk > 1 {
			inside.Add(1)
			for inside.Load() < workers { // until all workers are there
				runtime.Gosched()
			}
		}
	})
	e := testEngine(t, k, workers)
	var clock movableClock
	e.clock = clock.now
	e.standbys.waiting.Store(10)
	if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Count: 64 * 10}); !errors.Is(err, ErrExhausted) {
		t.Error(err)
	}
	endStandbys(e, &clock)
}

// A search recruits for the seats that nobody is about to take: standbys have taken some
// of them, and goroutines that have not looked yet will take others.
func TestRecruit(t *testing.T) {
	for _, tc := range []struct {
		free, coming int64
		nice         bool
		taken        int64
	}{
		{free: 0, coming: 0, taken: 0},
		{free: 3, coming: 0, taken: 3},
		{free: 3, coming: 3, taken: 0},
		{free: 2, coming: 5, taken: 0},
		{free: 5, coming: 2, taken: 4}, // one more than it must, see start
		{free: 5, coming: 4, taken: 2},
		{free: 3, coming: 0, nice: true, taken: 0}, // there are no standbys that could be late
	} {
		e := testEngine(t, longKernel(func(int64) {}), 8)
		e.nice = tc.nice
		s, err := Job{Target: ZerosTarget(200), Count: 64}.prepare()
		if err != nil {
			t.Fatal(err)
		}
		c := newClaims(t.Context(), e, s, e.divide(s))
		c.next.Store(64) // there is nothing left to search
		c.team.working.Add(int(tc.free))
		c.team.seats.Store(tc.free)
		c.team.coming.Store(tc.coming)
		c.team.blocked.Store(true) // nobody is to stand by
		c.recruit()
		_ = c.team.group.Wait()
		if got := c.team.left.Load(); got != tc.taken || c.team.seats.Load() != tc.free-tc.taken {
			t.Errorf("%d free seats, %d coming, nice %v: %d were taken, want %d; %d are left", tc.free, tc.coming, tc.nice, got, tc.taken, c.team.seats.Load())
		}
		if got := c.team.coming.Load(); got != tc.coming {
			t.Errorf("%d are still coming, want %d", got, tc.coming)
		}
	}
}

// A caller that has waited for awaitTime sleeps until the others have left, and they do
// not stand by then.
func TestCallerSleeps(t *testing.T) {
	release := make(chan struct{})
	var clock movableClock
	k := longKernel(func(int64) {})
	k.scan = func(in *sha256d.Input, first uint32, count int) sha256d.Candidate {
		if first == 64 {
			<-release
		}
		return sha256d.Candidate{Hashes: count * len(in.Versions)}
	}
	e := testEngine(t, k, 2)
	var reads atomic.Int64
	e.clock = func() time.Time {
		reads.Add(1)
		return clock.now()
	}
	s, err := Job{Target: ZerosTarget(200), Count: 128}.prepare()
	if err != nil {
		t.Fatal(err)
	}
	c := newClaims(t.Context(), e, s, e.divide(s))
	c.team.seats.Store(1)
	c.team.working.Add(1)
	c.next.Store(64)
	c.start(1)
	awaitCount(&c.team.seats, 0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.await(1)
	}()
	for before := reads.Load(); reads.Load() < before+10; { // the caller is awake
		runtime.Gosched()
	}
	if c.team.blocked.Load() {
		t.Error("the caller sleeps already")
	}
	clock.at.Store(int64(awaitTime))
	for !c.team.blocked.Load() {
		runtime.Gosched()
	}
	close(release)
	<-done
	_ = c.team.group.Wait()
	if c.team.left.Load() != 1 || e.standbys.present.Load() != 0 {
		t.Errorf("%d workers have left, and %d stand by; want 1 and none", c.team.left.Load(), e.standbys.present.Load())
	}
}

// An engine gives way before its workers start, but not for a while after another
// program has got the core by that.
func TestGiveWay(t *testing.T) {
	e := testEngine(t, Kernels()[0], 2)
	var clock movableClock
	clock.at.Store(int64(time.Hour))
	e.clock = clock.now
	yields := 0
	var takes time.Duration
	e.yieldCore = func() { yields++; clock.at.Add(int64(takes)) }
	for i, step := range []struct {
		pause, takes time.Duration
		want         int
	}{
		{0, 0, 1},
		{0, longWay, 2},
		{0, longWay + 1, 3},
		{0, 0, 3},
		{noWay - 1, 0, 3},
		{1, 0, 4},
		{0, 0, 5},
	} {
		clock.at.Add(int64(step.pause))
		takes = step.takes
		if e.giveWay(); yields != step.want {
			t.Errorf("step %d: %d yields, want %d", i, yields, step.want)
		}
	}
}
