package p2p

import (
	"net/http"
	"sync"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/slots"
)

// placesOfPeer is how many requests of a peer are served at once beside those of
// everybody: an announcement and a hello.
const placesOfPeer = 2

// places are the requests under way that came with a peer's session. They take
// no slot that others can hold, so whoever sends slow bodies cannot keep peers
// from announcing.
type places struct {
	mu    sync.Mutex
	taken map[gossip.Session]int
}

func (p *places) take(s gossip.Session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[s] >= placesOfPeer {
		return false
	}
	if p.taken == nil {
		p.taken = map[gossip.Session]int{}
	}
	p.taken[s]++
	return true
}

func (p *places) free(s gossip.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[s]--; p.taken[s] == 0 {
		delete(p.taken, s)
	}
}

// admit takes a place for a request: one of the peer's own, or else one of those
// that everybody shares. It returns how to give it back, or nil if there is
// none.
func (n *Network) admit(r *http.Request, from *source) (free func()) {
	var session gossip.Session
	if err := session.UnmarshalText([]byte(r.Header.Get(SessionHeader))); err == nil && n.knows(session) && n.places.take(session) {
		return func() { n.places.free(session) }
	}
	if !slots.TakeBoth(n.served, from.served) {
		return nil
	}
	return func() {
		n.served.Free()
		from.served.Free()
	}
}

func (n *Network) knows(s gossip.Session) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.machine.Knows(s)
}
