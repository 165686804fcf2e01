package p2p

import (
	"net/http"
	"testing"

	"github.com/lodepow/lode/node/gossip"
)

// TestPlacesForPeers takes all slots. A peer is still served, in its reserved places,
// but when those are taken, too, it is refused like a stranger.
func TestPlacesForPeers(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	session := gossip.Session{7}
	s := &script{session: session}
	s.set(n)
	n.served.TakeN(n.served.Most())

	if w := call(n, http.MethodGet, "/p2p/addresses", ""); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("a stranger: %d %s", w.Code, w.Body)
	}
	if w := call(n, http.MethodGet, "/p2p/addresses", "", SessionHeader, gossip.Session{8}.String()); w.Code != http.StatusServiceUnavailable {
		t.Errorf("an unknown session: %d %s", w.Code, w.Body)
	}
	if w := call(n, http.MethodGet, "/p2p/addresses", "", SessionHeader, session.String()); w.Code != http.StatusOK {
		t.Errorf("a peer: %d %s", w.Code, w.Body)
	}
	for range placesOfPeer {
		if !n.places.take(session) {
			t.Fatal("a place that is reserved for a peer is not free")
		}
	}
	if w := call(n, http.MethodGet, "/p2p/addresses", "", SessionHeader, session.String()); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a peer when its places and all slots are taken: %d %s", w.Code, w.Body)
	}
	n.served.FreeN(n.served.Most())
	if w := call(n, http.MethodGet, "/p2p/addresses", "", SessionHeader, session.String()); w.Code != http.StatusOK {
		t.Errorf("a peer when its places are taken and slots are free: %d %s", w.Code, w.Body)
	}
	for range placesOfPeer {
		n.places.free(session)
	}
	if len(n.places.taken) != 0 || n.served.InUse() != 0 {
		t.Errorf("at the end, %d sessions hold places and %d slots are in use", len(n.places.taken), n.served.InUse())
	}
}
