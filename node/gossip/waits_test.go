package gossip

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

// TestKeptAfterAFailure checks which addresses that a client wanted kept are kept although no
// connection was made: those at which a node of this network may be.
func TestKeptAfterAFailure(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		kept bool
	}{
		"nobody":          {errors.New("connection refused"), true},
		"busy":            {*refuse(Busy, "x"), true},
		"full":            {*refuse(Full, "x"), true},
		"another network": {*refuse(WrongNetwork, "x"), false},
		"another version": {*refuse(WrongVersion, "x"), false},
		"this node":       {*refuse(Self, "x"), false},
		"no node":         {NotNode{"answered 404"}, false},
	} {
		h := newTestNode(t, 1, nil)
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(1), Keep: true})
		s, _ := mustTake[Hello](h)
		h.fail(s, tc.err)
		if err, told := h.told[h.ids]; !told || err == nil {
			t.Errorf("%s: the client is told %v", name, err)
		}
		if got := h.g.host.book.isKept(address(1)); got != tc.kept || h.g.host.book.isChosen(address(1)) != tc.kept {
			t.Errorf("%s: the address is kept: %v, chosen: %v, want %v", name, got, h.g.host.book.isChosen(address(1)), tc.kept)
		}
	}
}

// TestKeptAddressOfAClient checks for whom the address counts that a client who may not choose
// wants kept: for the client, or for its own host if nobody knows where the client is.
func TestKeptAddressOfAClient(t *testing.T) {
	for from, want := range map[string]string{"10.3.0.9": "10.3.0.9", "": ""} {
		h := newTestNode(t, 1, nil)
		var ip netip.Addr
		if from != "" {
			ip = netip.MustParseAddr(from)
		}
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(1), Keep: true, Heard: true, From: ip})
		s, _ := mustTake[Hello](h)
		h.fail(s, errors.New("connection refused"))
		h.now = h.now.Add(h.g.host.config.HelloTimeout)
		h.step(Wake{})
		if e := h.g.host.book.at[address(1)]; e == nil || e.Source != want || e.kept || e.Chosen {
			t.Errorf("from %q: the entry is %+v, want a new one of %q", from, e, want)
		}
	}
}

// TestClientsOfUnknownOrigin checks that clients of whom nobody knows where they are do not
// count as one machine.
func TestClientsOfUnknownOrigin(t *testing.T) {
	h := newTestNode(t, 1, nil)
	for i := range maxGreeted + 1 {
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(i), Heard: true})
		if err, told := h.told[h.ids]; told != (i == maxGreeted) {
			t.Errorf("client %d is told %v", i, err)
		}
	}
}

// TestWaitsOfOthersGoOn checks that the outcome at one address is told only to the clients who
// wait for that address.
func TestWaitsOfOthersGoOn(t *testing.T) {
	h := newTestNode(t, 1, nil)
	var ids []ID
	for i := range 4 {
		h.ids++
		ids = append(ids, h.ids)
		h.step(Connect{ID: h.ids, Address: address(i % 2)})
	}
	s, _ := mustTake[Hello](h)
	h.fail(s, errors.New("connection refused"))
	for i, id := range ids {
		if _, told := h.told[id]; told != (i%2 == 0) {
			t.Errorf("client %d is told the outcome: %v, want %v", i, told, i%2 == 0)
		}
	}
	h.now = h.now.Add(h.g.host.config.ConnectWait + time.Second)
	h.step(Wake{})
	if len(h.told) != len(ids) {
		t.Errorf("%d outcomes, want %d", len(h.told), len(ids))
	}
}

// TestFailureIsToldAtTheEnd checks that a client who may not choose is told of a failure when
// the time for an answer is over and not before, and of its cause only if a node has given it.
func TestFailureIsToldAtTheEnd(t *testing.T) {
	const silence = "http://10.0.0.1:80 did not answer in time"
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"nobody":  {errors.New("connection refused"), silence},
		"no node": {NotNode{"answered 404"}, silence},
		"busy":    {*refuse(Busy, "try again"), "http://10.0.0.1:80: busy: try again"},
	} {
		h := newTestNode(t, 1, nil)
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(1), Heard: true, From: netip.MustParseAddr("10.3.0.9")})
		s, _ := mustTake[Hello](h)
		begin := h.now
		h.fail(s, tc.err)
		h.now = begin.Add(h.g.host.config.HelloTimeout - 1)
		h.step(Wake{})
		if err, told := h.told[h.ids]; told {
			t.Errorf("%s: the client is told %v before the time is over", name, err)
		}
		h.now = begin.Add(h.g.host.config.HelloTimeout)
		h.step(Wake{})
		if err := h.told[h.ids]; err == nil || err.Error() != tc.want {
			t.Errorf("%s: the client is told %v, want %s", name, err, tc.want)
		}
	}
}
