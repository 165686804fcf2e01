package gossip

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestUnchosenAreGuests checks that clients who may not choose cannot make any node one
// of this node's choice, or have an address kept, however many they name: a guest that
// is connected, one that is being checked, a node that answers, or nobody at all.
func TestUnchosenAreGuests(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("keep=%v", keep), func(t *testing.T) {
			h := newTestNode(t, 1, func(c *Config) { c.Book = []Entry{{Address: address(99), Next: start.Add(20 * time.Second)}} })
			ask := func(a Address) {
				h.ids++
				h.step(Connect{ID: h.ids, Address: a, Keep: keep, Heard: true, From: netip.MustParseAddr("10.3.0.9")})
			}
			guest, claimed, answers := newRemote(1), newRemote(2), newRemote(3)
			h.welcome(guest)
			ask(guest.address)
			if err, told := h.told[h.ids]; !told || err != nil {
				t.Errorf("the outcome for a connected guest is %v (reported: %v), want nil", err, told)
			}
			liar := newRemote(2)
			liar.id = NodeID{66}
			if refusal := h.helloFrom("10.9.9.9", liar); refusal != nil {
				t.Fatal(refusal)
			}
			ask(claimed.address)
			s, _ := mustTake[Hello](h)
			h.answer(s, claimed.welcome(s))

			ask(answers.address)
			id := h.ids
			s, hello := mustTake[Hello](h)
			h.answer(s, answers.welcome(s))
			h.incoming(hello.Session, Hello{answers.greeting(), answers.session})
			h.confirm(answers, answers.address)
			if err, told := h.told[id]; !told || err != nil {
				t.Errorf("the outcome for a node that answers is %v (reported: %v), want nil", err, told)
			}
			for i := range 3 {
				ask(address(10 + i))
				s, _ := mustTake[Hello](h)
				h.fail(s, errors.New("connection refused"))
			}
			h.now = h.now.Add(10 * time.Second)
			h.step(Wake{})
			for _, p := range h.g.Peers() {
				if p.Out {
					t.Errorf("%s is a peer of this node's choice", p.Address)
				}
			}
			if n := len(h.g.Peers()); n != 3 {
				t.Errorf("%d peers, want 3", n)
			}
			for _, e := range h.g.host.book.all() {
				if e.kept || e.Chosen || e.Tried {
					t.Errorf("the entry of %s is %+v (kept: %v), want a new one", e.Address, e.Entry, e.kept)
				}
			}
		})
	}
}

// TestUnchosenTakeGuestPlaces checks that the nodes that clients who may not choose have
// named are bounded like those that came to this node, and that a place is not free
// sooner because nobody is found there.
func TestUnchosenTakeGuestPlaces(t *testing.T) {
	h := newTestNode(t, 1, nil)
	ask := func(i int) error {
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(i), Heard: true, From: netip.MustParseAddr("10.3.0.9")})
		return h.told[h.ids]
	}
	for i := range maxGreetedEach {
		if err := ask(i); err != nil {
			t.Fatal(err)
		}
		s, _ := mustTake[Hello](h)
		h.fail(s, errors.New("connection refused"))
	}
	var r Refusal
	if err := ask(50); !errors.As(err, &r) || r.Reason != Busy {
		t.Errorf("the outcome beyond the limit is %v, want a refusal", err)
	}
	h.now = h.now.Add(h.g.host.config.HelloTimeout)
	h.step(Wake{})
	if err := ask(51); err != nil {
		t.Errorf("the outcome after the time for an answer is %v", err)
	}
}

// TestClientIsNotBanned checks that the fault of a node is not laid to the client who
// has named it.
func TestClientIsNotBanned(t *testing.T) {
	h := newTestNode(t, 1, nil)
	client := netip.MustParseAddr("10.3.0.9")
	r := newRemote(1)
	r.address = "http://node.example:8000"
	h.step(Connect{ID: 100, Address: r.address, Heard: true, From: client})
	s, _ := mustTake[Hello](h)
	h.answerFrom("10.4.0.1", s, r.welcome(s))
	s, _ = mustTake[GetAddresses](h)
	h.faultFrom("10.4.0.1", s)
	if !h.g.host.bans.hasSource(h.now, netip.MustParseAddr("10.4.0.1")) {
		t.Error("the node is not banned")
	}
	if h.g.host.bans.hasSource(h.now, client) {
		t.Error("the client is banned")
	}
}

// faultFrom has a request fail with a fault in an answer from an IP address.
func (h *testNode) faultFrom(from string, s Send) {
	h.t.Helper()
	h.step(Answered{ID: s.ID, Err: fault(FaultMalformed, "x"), From: netip.MustParseAddr(from)})
}

// TestClaimedAddressIsDialled checks that an address which somebody claims under another
// id is dialled all the same, by this node's own choice or for a client, also while the
// claim, which has failed, still holds its place.
func TestClaimedAddressIsDialled(t *testing.T) {
	for _, failed := range []bool{false, true} {
		for _, client := range []bool{false, true} {
			t.Run(fmt.Sprintf("failed=%v/client=%v", failed, client), func(t *testing.T) {
				h := newTestNode(t, 1, func(c *Config) {
					if !client {
						c.Book = []Entry{{Address: address(1), Next: start.Add(2 * time.Second)}}
					}
				})
				r, liar := newRemote(1), newRemote(1)
				liar.id, liar.session = NodeID{66}, Session{66}
				if refusal := h.helloFrom("10.9.9.9", liar); refusal != nil {
					t.Fatal(refusal)
				}
				if failed {
					s, _ := mustTake[Hello](h)
					h.answer(s, r.welcome(s))
				}
				h.now = h.now.Add(2 * time.Second)
				h.step(Wake{})
				if client {
					h.step(Connect{ID: 100, Address: r.address})
				}
				s, hello := mustTake[Hello](h)
				h.answer(s, r.welcome(s))
				h.incoming(hello.Session, Hello{r.greeting(), r.session})
				h.now = h.now.Add(10 * time.Second)
				h.step(Wake{})
				if peers := h.g.Peers(); len(peers) != 1 || !peers[0].Out || peers[0].Node != r.id {
					t.Errorf("the peers are %+v, want the node at the address, of this node's choice", peers)
				}
			})
		}
	}
}

// TestEvictedClaimHarmsNobody checks that the address of an honest node is not left
// alone because somebody who had claimed it had to make room.
func TestEvictedClaimHarmsNobody(t *testing.T) {
	honest := newRemote(1)
	h := newTestNode(t, 1, func(c *Config) {
		c.Book = []Entry{{Address: honest.address, Tried: true, Seen: start, Next: start.Add(time.Minute)}}
	})
	for i := range maxGreeted {
		liar := newRemote(1 + i) // the first one claims the address of the honest node
		liar.id = NodeID{66, byte(i)}
		if refusal := h.helloFrom(fmt.Sprintf("10.9.9.%d", 1+i/maxGreetedEach), liar); refusal != nil {
			t.Fatal(refusal)
		}
		h.now = h.now.Add(time.Millisecond)
	}
	if refusal := h.helloFrom("10.8.0.1", newRemote(60)); refusal != nil {
		t.Fatal(refusal)
	}
	if h.g.host.peers.byAddress[honest.address] != nil {
		t.Fatal("the first claim was not evicted")
	}
	if e := h.g.host.book.at[honest.address]; e.Failures != 0 || !e.Next.Equal(start.Add(time.Minute)) {
		t.Errorf("the entry of the honest node is %+v", e.Entry)
	}
}

// TestAnchorsThatFailedAreFirst checks that a node which has lost its anchors, because
// its own line was down, dials them first after a restart.
func TestAnchorsThatFailedAreFirst(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) {
		for i := range 100 {
			c.Book = append(c.Book, Entry{Address: address(i), Tried: i < 50})
		}
		c.Book[49] = Entry{Address: address(49), Tried: true, Anchor: true, Failures: 9, Next: start.Add(time.Hour)}
	})
	if s, _ := mustTake[Hello](h); s.To != address(49) {
		t.Errorf("the first hello goes to %s, want the anchor", s.To)
	}
}

// TestKeptIsNoGuest checks that an address that the operator wants kept is dialled as
// such, also if a client who may not choose names it before its next turn.
func TestKeptIsNoGuest(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Peers, c.Limits.Inbound = []Address{address(1)}, -1 })
	s, _ := mustTake[Hello](h)
	h.fail(s, errors.New("connection refused"))
	h.step(Connect{ID: 100, Address: address(1), Heard: true, From: netip.MustParseAddr("10.3.0.9")})
	s, _ = mustTake[Hello](h)
	h.answer(s, Welcome{Greeting: newRemote(1).greeting()})
	if peers := h.g.Peers(); len(peers) != 1 || !peers[0].Out {
		t.Errorf("the peers are %+v, want one of this node's choice", peers)
	}
}
