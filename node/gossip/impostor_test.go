package gossip

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// ipRemote is newRemote for a remote that listens at an IP address.
func ipRemote(ip string) *remote {
	r := newRemote(1)
	r.address = Address("http://" + ip + ":8000")
	return r
}

// TestDialledNodeIsNoDuplicate checks that a guest with the id of another node keeps
// this node neither from connecting with that one, nor makes it believe that it has.
func TestDialledNodeIsNoDuplicate(t *testing.T) {
	h := newTestNode(t, 1, nil)
	honest, impostor := newRemote(1), newRemote(2)
	impostor.id = honest.id
	h.welcome(impostor)

	h.ids++
	id := h.ids
	h.step(Connect{ID: id, Address: honest.address})
	s, hello := mustTake[Hello](h)
	h.answer(s, honest.welcome(s))
	h.mustBe(honest.address, oneWay)
	if err, told := h.told[id]; told {
		t.Errorf("the outcome is %v before the node is connected", err)
	}
	h.incoming(hello.Session, Hello{honest.greeting(), honest.session})
	h.mustBe(honest.address, connected)
	h.confirm(honest, honest.address)
	if err, told := h.told[id]; !told || err != nil {
		t.Errorf("the outcome is %v (reported: %v), want nil", err, told)
	}
}

// TestSuccessIsOfTheAddress checks that a Connect fails if the node at the address does
// not become a peer, though a guest has its id.
func TestSuccessIsOfTheAddress(t *testing.T) {
	h := newTestNode(t, 1, nil)
	honest, impostor := newRemote(1), newRemote(2)
	impostor.id = honest.id
	h.welcome(impostor)
	h.ids++
	h.step(Connect{ID: h.ids, Address: honest.address})
	s, _ := mustTake[Hello](h)
	h.answer(s, honest.welcome(s))
	h.now = h.now.Add(h.g.host.config.ConnectWait)
	h.step(Wake{})
	if err := h.told[h.ids]; err == nil || !strings.Contains(err.Error(), "could not reach this node") {
		t.Errorf("the outcome is %v, want an error", err)
	}
}

// TestDuplicateByItsOwnWord checks that of two addresses of a node the one remains that
// the node gives as its own, in whatever order and way they were connected.
func TestDuplicateByItsOwnWord(t *testing.T) {
	const second = "http://second.example:8000"
	for _, tc := range []struct {
		name string
		play func(h *testNode, r *remote)
	}{
		{"its own address last", func(h *testNode, r *remote) {
			h.step(Connect{ID: 100, Address: second, Keep: true})
			s, hello := mustTake[Hello](h)
			h.answer(s, r.welcome(s))
			h.incoming(hello.Session, Hello{r.greeting(), r.session})
			h.mustBe(second, connected)
			h.confirm(r, second)
			h.join(r)
		}},
		{"its own address first", func(h *testNode, r *remote) {
			h.join(r)
			h.step(Connect{ID: 100, Address: second, Keep: true})
			s, _ := mustTake[Hello](h)
			h.answer(s, r.welcome(s))
		}},
		{"it came to this node", func(h *testNode, r *remote) {
			h.welcome(r)
			h.step(Connect{ID: 100, Address: second, Keep: true})
			s, hello := mustTake[Hello](h)
			h.answer(s, r.welcome(s))
			if _, told := h.told[100]; told {
				t.Error("an outcome is reported before the node at the second address has proved to be the same")
			}
			h.incoming(hello.Session, Hello{r.greeting(), r.session})
		}},
		{"it comes to this node later", func(h *testNode, r *remote) {
			h.step(Connect{ID: 100, Address: second, Keep: true})
			s, hello := mustTake[Hello](h)
			h.answer(s, r.welcome(s))
			h.incoming(hello.Session, Hello{r.greeting(), r.session})
			h.confirm(r, second)
			if reply := h.incoming(Session{}, Hello{r.greeting(), r.session}); reply.Refusal != nil {
				t.Fatal(reply.Refusal)
			}
			s, _ = mustTake[Hello](h)
			h.answer(s, r.welcome(s))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			r := newRemote(1)
			tc.play(h, r)
			if err, told := h.told[100]; !told || err != nil {
				t.Errorf("the outcome is %v (reported: %v), want nil", err, told)
			}
			peers := h.g.Peers()
			if len(peers) != 1 || peers[0].Address != r.address || !peers[0].Out {
				t.Fatalf("the peers are %+v, want one of this node's choice at %s", peers, r.address)
			}
			h.now = h.now.Add(10 * time.Second)
			h.step(Wake{})
			for s, _, ok := take[Hello](h); ok; s, _, ok = take[Hello](h) {
				h.answer(s, r.welcome(s)) // the second address once, to learn that it is the same node
			}
			h.sends = nil
			h.now = h.now.Add(2 * time.Minute)
			h.step(Wake{})
			for _, s := range h.sends {
				if s.To == second {
					t.Errorf("a %T goes to the second address while the node is connected", s.Request)
				}
			}
			// When the node is no longer connected, the address that was to be kept is
			// dialled again.
			h.g.host.drop(h.g.host.peers.byAddress[r.address], "unreachable", "")
			h.sends = nil
			h.now = h.now.Add(time.Minute)
			h.step(Wake{})
			for {
				s, _, ok := take[Hello](h)
				if !ok {
					t.Fatal("no hello goes to the second address after the node was lost")
				}
				if s.To == second {
					break
				}
			}
		})
	}
}

// TestOfferIsNotReplaced checks that the session that a peer offers is not replaced by
// one that somebody else sends in its name.
func TestOfferIsNotReplaced(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r, liar := ipRemote("10.0.0.1"), ipRemote("10.0.0.1")
	liar.session = Session{66}
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address})
	if refusal := h.helloFrom("10.0.0.1", r); refusal != nil {
		t.Fatal(refusal)
	}
	if refusal := h.helloFrom("10.9.9.9", liar); refusal != nil {
		t.Fatal(refusal)
	}
	s, _ := mustTake[Hello](h)
	h.answerFrom("10.0.0.1", s, r.welcome(s))
	h.mustBe(r.address, connected)
	if got := h.g.host.peers.byAddress[r.address].theirs; got != r.session {
		t.Errorf("the session in use is %s, want %s, which came from where the peer answers", got, r.session)
	}
}

// TestNobodyComesFirst checks that a node becomes a peer although somebody else has come
// with its address before it.
func TestNobodyComesFirst(t *testing.T) {
	for name, id := range map[string]NodeID{"another id": {66}, "its id": newRemote(1).id} {
		t.Run(name, func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			r, liar := ipRemote("10.0.0.1"), ipRemote("10.0.0.1")
			liar.id, liar.session = id, Session{66}
			if refusal := h.helloFrom("10.9.9.9", liar); refusal != nil {
				t.Fatal(refusal)
			}
			if refusal := h.helloFrom("10.0.0.1", r); refusal != nil {
				t.Fatal(refusal)
			}
			s, _ := mustTake[Hello](h)
			h.answerFrom("10.0.0.1", s, r.welcome(s))
			h.mustBe(r.address, connected)
			p := h.g.host.peers.byAddress[r.address]
			if p.theirs != r.session || p.source != netip.MustParseAddr("10.0.0.1") {
				t.Errorf("the peer came from %s with session %s, want 10.0.0.1 and %s", p.source, p.theirs, r.session)
			}
		})
	}
}

// TestClaimIsInNobodysWay checks that a client can connect this node with an address
// that somebody has just claimed under another id.
func TestClaimIsInNobodysWay(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r, liar := newRemote(1), newRemote(1)
	liar.id, liar.session = NodeID{66}, Session{66}
	if refusal := h.helloFrom("10.9.9.9", liar); refusal != nil {
		t.Fatal(refusal)
	}
	const id = 100
	h.step(Connect{ID: id, Address: r.address})
	s, hello := mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	h.incoming(hello.Session, Hello{r.greeting(), r.session})
	h.confirm(r, r.address)
	if err, told := h.told[id]; !told || err != nil {
		t.Errorf("the outcome is %v (reported: %v), want nil", err, told)
	}
	if peers := h.g.Peers(); len(peers) != 1 || !peers[0].Out || peers[0].Node != r.id {
		t.Errorf("the peers are %+v, want the node that the client asked for", peers)
	}
}

// TestNoNodeIsNotKept checks that an address at which something other than a node
// answers is not dialled again after a client has asked for it, whether it was to be
// kept or not, and that one at which nobody answers is.
func TestNoNodeIsNotKept(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		keep bool
		want bool // whether it is dialled again
	}{
		{"no node", NotNode{"answered 404 Not Found"}, false, false},
		{"no node, to be kept", NotNode{"answered 404 Not Found"}, true, false},
		{"another network, to be kept", *refuse(WrongNetwork, "this node is on the network lab"), true, false},
		{"nobody", errors.New("connection refused"), false, false},
		{"nobody, to be kept", errors.New("connection refused"), true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			h.ids++
			h.step(Connect{ID: h.ids, Address: address(1), Keep: tc.keep})
			s, _ := mustTake[Hello](h)
			h.fail(s, tc.err)
			_, want, _ := strings.Cut(tc.err.Error(), ": ") // without the reason of a refusal
			if want == "" {
				want = tc.err.Error()
			}
			if err := h.told[h.ids]; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the outcome is %v, want one that contains %q", err, want)
			}
			again := false
			for range 3600 {
				h.now = h.now.Add(time.Second)
				h.step(Wake{})
				if s, _, ok := take[Hello](h); ok {
					again = true
					h.fail(s, tc.err)
				}
			}
			if again != tc.want {
				t.Errorf("the address is dialled again: %v, want %v", again, tc.want)
			}
			if got := h.g.Known() > 0; got != tc.want {
				t.Errorf("the address is in the book: %v, want %v", got, tc.want)
			}
		})
	}
}

// TestNoNodeIsForgottenLater checks that an address which a client wanted kept, and at
// which nobody answered at first, is forgotten when something other than a node
// answers; but one that a flag gave, or where a node was found before, is not.
func TestNoNodeIsForgottenLater(t *testing.T) {
	play := func(h *testNode, first func(Send)) (calls int) {
		s, _ := mustTake[Hello](h)
		first(s)
		for range 3600 {
			h.now = h.now.Add(time.Second)
			h.step(Wake{})
			if s, _, ok := take[Hello](h); ok {
				calls++
				h.fail(s, NotNode{"answered 200 OK with a web page"})
			}
			h.sends = nil
		}
		return calls
	}
	nobody := func(h *testNode) func(Send) { return func(s Send) { h.fail(s, errors.New("connection refused")) } }

	h := newTestNode(t, 1, nil)
	h.step(Connect{ID: 1, Address: address(1), Keep: true})
	if calls := play(h, nobody(h)); calls != 1 {
		t.Errorf("an address from a client is called %d times, want once", calls)
	}
	h = newTestNode(t, 1, func(c *Config) { c.Peers = []Address{address(1)} })
	if calls := play(h, nobody(h)); calls < 200 {
		t.Errorf("an address from a flag is called %d times in an hour, want every 15 seconds", calls)
	}
	h = newTestNode(t, 1, nil)
	h.step(Connect{ID: 1, Address: address(1), Keep: true})
	if calls := play(h, func(s Send) { h.answer(s, Welcome{Greeting: newRemote(1).greeting()}) }); calls < 100 {
		t.Errorf("an address where a node was found is called %d times in an hour, want every 15 seconds", calls)
	}
	if bans := h.noted(NoteBanned); len(bans) > 0 {
		t.Errorf("bans for %v", bans)
	}
}

// TestDialledNodeGivesTheAddressOfAGuest checks that a node which this one has dialled,
// and which gives a private address as its own, is not lost to somebody who answers at
// that address here with its id.
func TestDialledNodeGivesTheAddressOfAGuest(t *testing.T) {
	const public = "http://node.example:8000"
	h := newTestNode(t, 1, func(c *Config) { c.Own = append(c.Own, netip.MustParseAddr("192.168.1.9")) })
	honest, impostor := ipRemote("192.168.1.5"), ipRemote("192.168.1.5")
	impostor.session = Session{66}
	h.welcome(impostor)
	h.step(Connect{ID: 100, Address: public, Keep: true})
	s, hello := mustTake[Hello](h)
	h.answer(s, honest.welcome(s))
	h.mustBe(public, oneWay)
	h.incoming(hello.Session, Hello{honest.greeting(), honest.session})
	h.mustBe(public, connected)
	h.confirm(honest, public)
	if err, told := h.told[100]; !told || err != nil {
		t.Errorf("the outcome is %v (reported: %v), want nil", err, told)
	}

	// Somebody else, who cannot know the session, is not taken for the same node.
	h.step(Connect{ID: 101, Address: address(9)})
	s, _ = mustTake[Hello](h)
	h.answer(s, impostor.welcome(s))
	h.now = h.now.Add(h.g.host.config.ConnectWait)
	h.step(Wake{})
	if err := h.told[101]; err == nil || !strings.Contains(err.Error(), "says that it is the one at "+string(impostor.address)) {
		t.Errorf("the outcome is %v, want an error", err)
	}
}

// TestOfferIsTested checks that a node learns by a hello that two addresses are the
// same node, and that the session in use stays in use.
func TestOfferIsTested(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := ipRemote("10.0.0.1")
	h.guestAt(r, "10.0.0.1")
	for i, tc := range []struct {
		from string
		want Session
	}{{"10.0.0.1", Session{7, 0}}, {"10.9.9.9", r.session}} {
		again := *r
		again.session = Session{7, byte(i)}
		if refusal := h.helloFrom(tc.from, &again); refusal != nil {
			t.Fatal(refusal)
		}
		h.now = h.now.Add(2 * time.Second)
		h.step(Wake{})
		if tc.want != r.session {
			s, _ := mustTake[Hello](h)
			if s.Session != tc.want {
				t.Errorf("the hello carries session %s, want the offered %s", s.Session, tc.want)
			}
			h.answerFrom("10.0.0.1", s, r.welcome(s))
		} else if s, _, ok := take[Hello](h); ok && s.Session != r.session {
			t.Errorf("the hello carries session %s, want %s", s.Session, r.session)
		}
	}
	h.accept(mineOn(h.chain.Tip(), 1))
	if s, _ := mustTake[Announce](h); s.Session != r.session {
		t.Errorf("announced with session %s, want %s", s.Session, r.session)
	}
}
