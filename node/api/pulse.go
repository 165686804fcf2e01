package api

import (
	"sync"
	"time"
)

// pulse looks at the mempool and at the miner for all event streams together, and wakes
// them when there is something to say. So a stream costs nothing while nothing happens.
type pulse struct {
	// look returns how often the pending transactions have changed, and whether and in which
	// mode the node mines.
	look func() (posts uint64, mining bool, mode string)

	mu      sync.Mutex
	streams int
	wake    chan struct{} // closed, and replaced, when there may be something to say
	stop    chan struct{} // closed when the last stream leaves
	ended   chan struct{} // closed when run has ended

	// What the latest look saw.
	posts  uint64
	mining bool
	mode   string

	again bool // a stream has seen something else than the latest look, so the next beat wakes the streams
}

func newPulse(look func() (uint64, bool, string)) *pulse {
	return &pulse{look: look, wake: make(chan struct{})}
}

// join adds a stream, which must call leave at its end.
func (p *pulse) join() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams++; p.streams == 1 {
		p.stop, p.ended = make(chan struct{}), make(chan struct{})
		go p.run(p.stop, p.ended)
	}
}

// leave removes a stream. The last one waits for the end of run.
func (p *pulse) leave() {
	p.mu.Lock()
	p.streams--
	last, ended := p.streams == 0, p.ended
	if last {
		close(p.stop)
	}
	p.mu.Unlock()
	if last {
		<-ended
	}
}

// news returns a channel that is closed when there may be something to say.
func (p *pulse) news() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wake
}

// seen notes whether and in which mode a stream has seen that the node mines. A stream looks
// for itself, a moment after a beat. If it has seen something else than the latest beat, such
// as a short search, the next beat may find all as it was at the latest one, but has news for
// this stream nevertheless.
func (p *pulse) seen(mining bool, mode string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if mining != p.mining || mode != p.mode {
		p.again = true
	}
}

func (p *pulse) run(stop <-chan struct{}, ended chan<- struct{}) {
	defer close(ended)
	tick := time.NewTicker(eventTick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.beat()
		case <-stop:
			return
		}
	}
}

// beat looks once, and wakes the streams if anything has changed, or if a stream has seen
// something else than the latest beat. While the node mines, its progress changes all the time.
func (p *pulse) beat() {
	posts, mining, mode := p.look()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.again || posts != p.posts || mining || p.mining || mode != p.mode {
		close(p.wake)
		p.wake = make(chan struct{})
	}
	p.posts, p.mining, p.mode, p.again = posts, mining, mode, false
}
