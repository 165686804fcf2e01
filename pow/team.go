package pow

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// team is what the workers of one search need to come together and to part. Worker 0
// is there from the start. The seats are for the others: goroutines that the search
// starts, and standbys.
type team struct {
	group errgroup.Group // of the goroutines that the search has started
	cores cores          // of the workers

	coming atomic.Int64 // goroutines that the search has started and that have not looked for a seat yet

	seats   atomic.Int64   // free seats; seat n is that of worker n
	working sync.WaitGroup // counts the seats, until they have been left or withdrawn
	left    atomic.Int64   // seats that have been taken and left

	// The caller of Search sleeps until the seats have been left, and the scheduler will
	// run it on the thread of the last worker. So none of them should stand by.
	blocked atomic.Bool
}

// take takes a seat, and returns its number, or false if there is none.
func (t *team) take() (number uint64, ok bool) {
	for {
		n := t.seats.Load()
		if n <= 0 {
			return 0, false
		}
		if t.seats.CompareAndSwap(n, n-1) {
			return uint64(n), true
		}
	}
}

// searchTogether searches with all workers, and returns when all of them have ended.
//
// The caller's goroutine is one of them, because it is running already. The threads of a
// nice engine cannot be used for anything else afterwards, so there the caller waits.
func (c *claims) searchTogether() {
	e, t := c.engine, &c.team
	seats := int64(c.workers) - 1
	t.working.Add(int(seats))
	t.seats.Store(seats)
	first := worker{claims: c}
	if e.nice {
		t.group.Go(func() error {
			first.work()
			return nil
		})
		c.start(seats)
	} else {
		if seats > 0 {
			t.cores.settle()
		}
		c.start(e.standbys.offer(c, seats))
		first.work()
		e.standbys.withdraw(c)
		taken := seats - max(0, t.seats.Swap(0))
		t.working.Add(int(taken - seats))
		c.await(taken)
	}
	_ = t.group.Wait() // no worker fails
	if c.unwatch != nil && !c.unwatch() {
		e.tellCancelled(c.ended.Load())
	}
}

// start starts goroutines for the given number of seats.
//
// It starts one more, which will find no seat: the Go scheduler reserves the last
// goroutine for the thread that has started it, which is busy, and lets other threads
// take it only after they have slept.
func (c *claims) start(seats int64) {
	if seats <= 0 {
		return
	}
	c.team.coming.Add(seats + 1)
	for range seats + 1 {
		c.team.group.Go(func() error {
			c.team.coming.Add(-1)
			if c.join() && !c.engine.nice && !c.team.blocked.Load() {
				c.engine.standbys.add(c.engine)
			}
			return nil
		})
	}
	if !c.engine.nice {
		c.engine.giveWay()
	}
}

const (
	// longWay is how long giving way takes only if another program has got the core. A
	// thread of ours works on it for some 20 µs until it moves to another core.
	longWay = 500 * time.Microsecond

	// noWay is for how long an engine does not give way after that. So it loses the core
	// for at most one turn of another program a second, some milliseconds.
	noWay = time.Second
)

// giveWay lets other threads in the queue of the caller's core run first: those that
// have been woken for the search may be among them, and they will move to another core.
func (e *Engine) giveWay() {
	before := e.clock()
	if before.UnixNano() < e.noWayBefore.Load() {
		return
	}
	e.yieldCore()
	if after := e.clock(); after.Sub(before) > longWay {
		e.noWayBefore.Store(after.Add(noWay).UnixNano())
	}
}

// recruit starts goroutines for the seats that standbys should have taken by now. The
// threads of those standbys are not running: something else has their cores.
func (c *claims) recruit() {
	if !c.engine.nice {
		c.start(c.team.seats.Load() - c.team.coming.Load())
	}
}

// join takes a seat, if there is one, and works. It reports whether there was one.
func (c *claims) join() bool {
	number, ok := c.team.take()
	if !ok {
		return false
	}
	if !c.engine.nice {
		if number == 1 { // it was the last one, so another search may offer its seats
			c.engine.standbys.withdraw(c)
		}
		c.team.cores.settle()
	}
	worker{claims: c, number: number}.work()
	c.team.left.Add(1)
	c.team.working.Done()
	return true
}

// awaitTime is how long the caller of a search waits awake for the others to finish
// their chunks. The chunks of short searches take less. To sleep and to be woken takes
// longer.
const awaitTime = 50 * time.Microsecond

// await waits until as many seats have been left as were taken.
func (c *claims) await(taken int64) {
	t, clock := &c.team, c.engine.clock
	for since := clock(); t.left.Load() < taken; {
		if clock().Sub(since) >= awaitTime {
			t.blocked.Store(true)
			t.working.Wait()
			return
		}
	}
}
