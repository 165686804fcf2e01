package p2p

import (
	"sync"

	"github.com/lodepow/lode/chain"
)

// maxChanges bounds how many events of the chain wait for the state machine.
const maxChanges = 8192

// changes is a queue of events of the chain. The chain calls its subscribers on the
// goroutine that changes it, so they must not wait for the state machine. When the
// queue is full, all its events are dropped and the reader learns that some are
// lost; it then reads the state of the chain itself.
type changes struct {
	most int
	wake chan struct{} // holds one element while there is something to take

	mu    sync.Mutex
	queue []chain.Event // at most most; empty while lost is true
	spare []chain.Event // what the latest take has returned, unless it was long; the next queue
	lost  bool
}

func newChanges(most int) *changes {
	return &changes{most: most, wake: make(chan struct{}, 1)}
}

// add appends an event. It does not wait.
func (c *changes) add(ev chain.Event) {
	c.mu.Lock()
	switch {
	case c.lost:
	case len(c.queue) == c.most:
		c.queue, c.lost = nil, true
	default:
		c.queue = append(c.queue, ev)
	}
	c.mu.Unlock()
	c.signal()
}

func (c *changes) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// take removes and returns the next events, at most most of them. They are valid until
// the next call. lost is true if events have been lost since the last call; then there
// are none to return.
func (c *changes) take(most int) (events []chain.Event, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost {
		c.lost = false
		return nil, true
	}
	if len(c.queue) <= most {
		clear(c.spare) // so that what the events refer to can be freed
		events, c.queue, c.spare = c.queue, c.spare[:0], c.queue
		if cap(c.spare) > most {
			c.spare = nil
		}
		return events, false
	}
	events, c.queue = c.queue[:most:most], c.queue[most:]
	c.signal()
	return events, false
}
