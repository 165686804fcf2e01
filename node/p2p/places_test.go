package p2p

import (
	"net/http"
	"testing"

	"github.com/lodepow/lode/node/gossip"
)

// TestPeersHavePlacesOfTheirOwn: strangers who hold every slot keep no peer out,
// and a peer holds no more than its own places and one slot like anybody.
func TestPeersHavePlacesOfTheirOwn(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	session := gossip.Session{7}
	s := &script{session: session}
	s.set(n)
	n.served.TakeN(n.served.Most())

	if w := call(n, http.MethodGet, "/p2p/addresses", ""); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("a stranger: %d %s", w.Code, w.Body)
	}
	if w := call(n, http.MethodGet, "/p2p/addresses", "", SessionHeader, gossip.Session{8}.String()); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a session that is nobody's: %d %s", w.Code, w.Body)
	}
	if w := call(n, http.MethodGet, "/p2p/addresses", "", SessionHeader, session.String()); w.Code != http.StatusOK {
		t.Errorf("a peer: %d %s", w.Code, w.Body)
	}
	for range placesOfPeer {
		if !n.places.take(session) {
			t.Fatal("a peer's place is taken")
		}
	}
	if w := call(n, http.MethodGet, "/p2p/addresses", "", SessionHeader, session.String()); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a peer that has taken its places: %d %s", w.Code, w.Body)
	}
	n.served.FreeN(n.served.Most())
	if w := call(n, http.MethodGet, "/p2p/addresses", "", SessionHeader, session.String()); w.Code != http.StatusOK {
		t.Errorf("a peer that has taken its places, with slots free: %d %s", w.Code, w.Body)
	}
	for range placesOfPeer {
		n.places.free(session)
	}
	if len(n.places.taken) != 0 || n.served.InUse() != 0 {
		t.Errorf("%d sessions and %d slots are left", len(n.places.taken), n.served.InUse())
	}
}
