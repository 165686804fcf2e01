package pow

import (
	"cmp"
	"sync/atomic"
	"time"
)

// standbyTime is how long a goroutine stands by after a search. It covers the gap
// between the searches of a run, and is too short to matter to an engine that is idle
// afterwards.
const standbyTime = 100 * time.Microsecond

// standbyLooks bounds how often a standby looks for a search, so that it also ends where
// the clock stands still, as in tests with virtual time. It takes far longer than
// standbyTime.
const standbyLooks = 1 << 16

// standbys are goroutines that have worked in a search, and wait awake for the next one.
//
// A thread without work sleeps in the kernel. To wake it costs the caller a system call,
// a core of a virtual machine that has halted takes 80 to 800 µs until it runs again, and
// the kernel may put the thread into the queue of the caller's core, where it waits for
// the next tick, for up to some milliseconds. A search for 16 zero bits is over by then.
//
// A standby therefore reads the clock, and looks whether a search offers seats, again and
// again. It ends when there has been none for standbyTime, or after standbyLooks looks.
// Nothing waits for it.
type standbys struct {
	search  atomic.Pointer[claims] // the search that offers seats, or nil
	waiting atomic.Int64           // standbys that would take a seat at once
	present atomic.Int64           // standbys in all
	looks   int                    // 0: standbyLooks; tests change it
}

// offer offers the seats of a search, and returns how many of them no standby will take.
func (s *standbys) offer(c *claims, seats int64) (rest int64) {
	if seats == 0 {
		return 0
	}
	if !s.search.CompareAndSwap(nil, c) {
		return seats // there is another search
	}
	// A standby that is about to end looks for an offer once more after it has ceased to
	// be counted.
	return max(0, seats-s.waiting.Load())
}

// withdraw ends the offer of a search.
func (s *standbys) withdraw(c *claims) { s.search.CompareAndSwap(c, nil) }

// add starts a standby, unless there are as many as workers, or goroutines that can run
// at the same time, besides the caller.
func (s *standbys) add(e *Engine) {
	if s.present.Add(1) >= int64(min(e.workers, e.procs())) {
		s.present.Add(-1)
		return
	}
	go func() {
		defer s.present.Add(-1)
		for s.awaitSearch(e.clock) {
			c := s.search.Load()
			if c != nil && c.join() && c.team.blocked.Load() {
				return
			}
		}
	}()
}

// awaitSearch waits for a search that offers a seat. It returns false if there is none
// within standbyTime.
func (s *standbys) awaitSearch(clock func() time.Time) bool {
	s.waiting.Add(1)
	since := clock()
	for range cmp.Or(s.looks, standbyLooks) {
		if clock().Sub(since) >= standbyTime {
			break
		}
		if s.offered() {
			s.waiting.Add(-1)
			return true
		}
	}
	s.waiting.Add(-1)
	return s.offered()
}

// offered reports whether there is a search with a free seat.
func (s *standbys) offered() bool {
	c := s.search.Load()
	return c != nil && c.team.seats.Load() > 0
}
