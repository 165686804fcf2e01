package p2p

import (
	"sync"

	"github.com/lodepow/lode/chain"
)

// maxChanges is how many events of the chain may wait for the state machine.
const maxChanges = 8192

// changes queues the events of the chain, whose callback must not wait. If the
// queue overflows it is emptied, and whoever reads it is told that events are
// lost: what they said can be read from the chain then.
type changes struct {
	most int
	wake chan struct{} // has one when there is something

	mu    sync.Mutex
	queue []chain.Event
	lost  bool
}

func newChanges(most int) *changes {
	return &changes{most: most, wake: make(chan struct{}, 1)}
}

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

// take returns the next events, at most so many, or that some are lost.
func (c *changes) take(most int) (events []chain.Event, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost {
		c.lost = false
		return nil, true
	}
	if len(c.queue) <= most {
		events, c.queue = c.queue, nil
		return events, false
	}
	events, c.queue = c.queue[:most:most], c.queue[most:]
	c.signal()
	return events, false
}
