package gossip

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

// TestBusyWithConnects checks how many clients may wait for connections.
func TestBusyWithConnects(t *testing.T) {
	h := newTestNode(t, 1, nil)
	for i := range maxWaiters + 1 {
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(1)})
		if err, told := h.told[h.ids]; told != (i == maxWaiters) || told && err == nil {
			t.Fatalf("client %d is told %v (at once: %v)", i, err, told)
		}
	}
	s, _ := mustTake[Hello](h)
	h.fail(s, errors.New("connection refused"))
	if len(h.told) != maxWaiters+1 {
		t.Errorf("%d clients are told the outcome, want %d", len(h.told), maxWaiters+1)
	}
	h.ids++
	h.step(Connect{ID: h.ids, Address: address(2)})
	if err, told := h.told[h.ids]; told {
		t.Errorf("when the others have left, a client is told %v at once", err)
	}
}

// TestClientsChooseABoundedNumber checks how many peers clients may choose, beyond those that
// the node chooses itself.
func TestClientsChooseABoundedNumber(t *testing.T) {
	for _, outbound := range []int{-1, 2} {
		h := newTestNode(t, 1, func(c *Config) { c.Limits.Outbound = outbound })
		most := max(0, outbound) + maxByHand
		for i := range most + 2 {
			h.ids++
			h.step(Connect{ID: h.ids, Address: address(i)})
			if err, told := h.told[h.ids]; told != (i >= most) || told && err == nil {
				t.Fatalf("with a bound of %d, client %d is told %v (at once: %v)", outbound, i, err, told)
			}
		}
		// Neither a peer that is there already nor a guest needs another place.
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(0)})
		if err, told := h.told[h.ids]; told {
			t.Errorf("a client that names a peer is told %v at once", err)
		}
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(900), Heard: true, From: netip.MustParseAddr("10.3.0.9")})
		if err, told := h.told[h.ids]; told {
			t.Errorf("a client that may not choose is told %v at once", err)
		}
	}
}

// heard has a client who may not choose name an address, and returns the id of the Connect.
func (h *testNode) heard(a Address) ID {
	h.t.Helper()
	h.ids++
	h.step(Connect{ID: h.ids, Address: a, Heard: true, From: netip.MustParseAddr("10.3.0.9")})
	return h.ids
}

// TestNamingAPeerTakesNoPlace checks that a client who names a peer needs no place for it, and
// that the peer does not count as one that the client has brought.
func TestNamingAPeerTakesNoPlace(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.guestAt(r, "10.0.0.1")
	for i := range maxGreetedEach {
		h.heard(address(10 + i))
	}
	var full Refusal
	if err := h.told[h.heard(address(20))]; !errors.As(err, &full) || full.Reason != Busy {
		t.Fatalf("the client with too many calls under way is told %v", err)
	}
	if err, told := h.told[h.heard(r.address)]; told && err != nil {
		t.Errorf("the client that names a peer is told %v", err)
	}
	p := h.g.host.peers.byAddress[r.address]
	if p.heard || p.out || p.source.String() != "10.0.0.1" {
		t.Errorf("the peer counts as called for a client: %v, as chosen: %v, as from %s", p.heard, p.out, p.source)
	}
}

// TestChosenNeedsNoGuestPlace checks that a client who may choose can connect the node with an
// address although it takes no guests.
func TestChosenNeedsNoGuestPlace(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Limits.Inbound = -1 })
	h.ids++
	h.step(Connect{ID: h.ids, Address: address(1)})
	if err, told := h.told[h.ids]; told || pending[Hello](h) != 1 {
		t.Errorf("the client is told %v, and %d hellos are under way", err, pending[Hello](h))
	}
}

// TestNamingAClaim checks what becomes of a guest that is being checked when a client names
// its address: it is called once only, and counts as called for the client, or as chosen.
func TestNamingAClaim(t *testing.T) {
	for _, mayChoose := range []bool{false, true} {
		h := newTestNode(t, 1, nil)
		r := newRemote(1)
		if refusal := h.helloFrom("10.0.0.1", r); refusal != nil {
			t.Fatal(refusal)
		}
		p := h.g.host.peers.byAddress[r.address]
		if mayChoose {
			h.ids++
			h.step(Connect{ID: h.ids, Address: r.address})
		} else {
			h.heard(r.address)
		}
		if n := pending[Hello](h); n != 1 {
			t.Errorf("may choose %v: %d hellos are under way, want 1", mayChoose, n)
		}
		if p.phase != dialling || p.heard == mayChoose || p.out != mayChoose || p.chosen != mayChoose {
			t.Errorf("may choose %v: the peer is %s, called for a client %v, of the node's choice %v, chosen %v", mayChoose, p.phase, p.heard, p.out, p.chosen)
		}
		s, _ := mustTake[Hello](h)
		h.answer(s, r.welcome(s))
		if s, _ := mustTake[GetAddresses](h); s.Heard == mayChoose {
			t.Errorf("may choose %v: the next request goes to an address that was heard: %v", mayChoose, s.Heard)
		}
		if p.theirs != r.session {
			t.Errorf("may choose %v: the session that came with the claim is not in use", mayChoose)
		}
	}
}

// TestOfferIsKeptWhileDialled checks that the session of a node that has come while it was
// called for one client is not lost when another client names it.
func TestOfferIsKeptWhileDialled(t *testing.T) {
	for _, from := range []string{"10.0.0.1", "10.9.9.9"} {
		h := newTestNode(t, 1, nil)
		r := ipRemote("10.0.0.1")
		h.heard(r.address)
		if refusal := h.helloFrom(from, r); refusal != nil {
			t.Fatal(refusal)
		}
		h.ids++
		h.step(Connect{ID: h.ids, Address: r.address})
		if n := pending[Hello](h); n != 1 {
			t.Errorf("%d hellos are under way, want 1", n)
		}
		s, _ := mustTake[Hello](h)
		h.answerFrom("10.0.0.1", s, r.welcome(s))
		h.mustBe(r.address, connected)
	}
}

// TestFailedClaimIsGreetedAgain checks that a claim which had failed, and was called again for
// a client with success, is a peer like others from then on.
func TestFailedClaimIsGreetedAgain(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r, liar := newRemote(1), newRemote(1)
	liar.id, liar.session = NodeID{66}, Session{66}
	if refusal := h.helloFrom("10.9.9.9", liar); refusal != nil {
		t.Fatal(refusal)
	}
	s, _ := mustTake[Hello](h)
	h.answer(s, r.welcome(s)) // another node listens there
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address})
	s, _ = mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	h.sends = nil
	h.now = h.now.Add(2 * h.g.host.config.HelloEvery)
	h.step(Wake{})
	if n := pending[Hello](h); n != 1 || len(h.g.Peers()) != 1 {
		t.Errorf("%d hellos are under way to %d peers, want one to one", n, len(h.g.Peers()))
	}
}

// TestClientBesideTheOperator checks that of two clients who wait for the same address, the one
// who may not choose is told of a failure when the time for an answer is over.
func TestClientBesideTheOperator(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.ids++
	first := h.ids
	h.step(Connect{ID: first, Address: address(1)})
	h.now = h.now.Add(time.Second)
	begin, second := h.now, h.heard(address(1))
	s, _ := mustTake[Hello](h)
	h.fail(s, errors.New("connection refused"))
	if _, told := h.told[first]; !told {
		t.Error("the client who may choose is not told at once")
	}
	for _, step := range []struct {
		after time.Duration
		told  bool
	}{{h.g.host.config.HelloTimeout - 1, false}, {h.g.host.config.HelloTimeout, true}} {
		h.now = begin.Add(step.after)
		h.step(Wake{})
		if err, told := h.told[second]; told != step.told {
			t.Errorf("after %v the client who may not choose is told %v", step.after, err)
		}
		if n := len(h.g.greeter.waiters); n > 0 == step.told {
			t.Errorf("after %v %d clients wait", step.after, n)
		}
	}
}

// TestLostPeerIsSilent checks that a client who may not choose, and who waits for a peer, is
// told no more than that it did not answer when the peer is lost.
func TestLostPeerIsSilent(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r, p := h.connectedPeer()
	h.now = h.now.Add(2 * h.g.host.config.HelloLeast)
	h.step(Wake{})
	id := h.heard(r.address)
	h.g.host.begin(h.now)
	h.g.host.drop(p, "unreachable", "connection refused")
	h.now = h.now.Add(h.g.host.config.HelloTimeout)
	h.step(Wake{})
	if err := h.told[id]; err == nil || err.Error() != string(r.address)+" did not answer in time" {
		t.Errorf("the client is told %v", err)
	}
}

// TestDuplicateEndsNoOtherWait checks that when a node turns out to be connected by another
// address, only those who wait for that node wait for its other address.
func TestDuplicateEndsNoOtherWait(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	h.ids++
	other := h.ids
	h.step(Connect{ID: other, Address: address(7)})
	h.sends = nil
	h.ids++
	h.step(Connect{ID: h.ids, Address: address(99)})
	s, _ := mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	if err, told := h.told[h.ids]; !told || err != nil {
		t.Errorf("the client of the second address is told %v (at all: %v)", err, told)
	}
	if err, told := h.told[other]; told {
		t.Errorf("the client of another node is told %v", err)
	}
}

// TestGuestsThatClientsKeep checks that clients who may choose make guests peers of this
// node's choice only as long as there is room for such peers.
func TestGuestsThatClientsKeep(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Limits.Outbound, c.Limits.Inbound = -1, 2*maxByHand })
	for i := range maxByHand + 1 {
		r := newRemote(i + 1)
		h.welcome(r)
		h.ids++
		h.step(Connect{ID: h.ids, Address: r.address, Keep: true})
		if got, want := h.g.host.peers.byAddress[r.address].out, i < maxByHand; got != want {
			t.Fatalf("guest %d is of this node's choice: %v, want %v", i+1, got, want)
		}
	}
	r := newRemote(200)
	h.g.host.peers.outbound = 0
	h.welcome(r)
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address}) // not to be kept
	if h.g.host.peers.byAddress[r.address].out {
		t.Error("a connected guest that is not to be kept is of this node's choice")
	}
}

// TestNamingAClaimBeyondTheBound checks that a client who may choose, when the node has as
// many peers of its choice as it takes, leaves a guest that is being checked what it is.
func TestNamingAClaimBeyondTheBound(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	if refusal := h.helloFrom("10.0.0.1", r); refusal != nil {
		t.Fatal(refusal)
	}
	h.g.host.peers.outbound = 1000
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address})
	if p := h.g.host.peers.byAddress[r.address]; p.phase != checking || p.heard || p.out {
		t.Errorf("the guest is %s, called for a client: %v, of this node's choice: %v", p.phase, p.heard, p.out)
	}
}
