package p2p

import (
	"net/http"
	"sync"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/slots"
)

// placesOfPeer is how many requests each peer can always have served at once, even
// if all slots are taken: an announcement and a hello.
const placesOfPeer = 2

// places reserves places for the requests that carry a peer's session. Strangers
// who take all slots with slow requests therefore cannot keep peers from
// announcing blocks.
type places struct {
	mu    sync.Mutex
	taken map[gossip.Session]int // places in use, where there are any
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

// admit takes a place for a request: one that is reserved for the peer, or else a
// slot. It returns a function that gives it back, or nil if there is neither.
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

// knows reports whether a session is a peer's.
func (n *Network) knows(s gossip.Session) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.machine.Knows(s)
}
