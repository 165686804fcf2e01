package gossip

import (
	"errors"
	"testing"
	"time"
)

// mustBe fails the test unless the peer at an address is in a phase.
func (h *testNode) mustBe(a Address, want phase) {
	h.t.Helper()
	p := h.g.host.peers.byAddress[a]
	if p == nil {
		h.t.Fatalf("there is no peer at %s, want one that is %s", a, want)
	}
	if p.phase != want {
		h.t.Fatalf("the peer at %s is %s, want %s", a, p.phase, want)
	}
}

// TestPhasesOfAPeerOfOurChoice follows a peer that this node has dialled.
func TestPhasesOfAPeerOfOurChoice(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address})
	h.mustBe(r.address, dialling)
	if len(h.g.Peers()) != 0 {
		t.Error("an address that is being dialled is listed as a peer")
	}
	s, hello := mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	h.mustBe(r.address, oneWay)
	h.incoming(hello.Session, Hello{r.greeting(), r.session})
	h.mustBe(r.address, connected)
	h.accept(mineOn(h.chain.Tip(), 1))
	s, _ = mustTake[Announce](h)
	h.fail(s, *refuse(UnknownSession, "say hello first"))
	h.mustBe(r.address, forgotten)
	r.session = Session{42}
	h.incoming(hello.Session, Hello{r.greeting(), r.session})
	h.mustBe(r.address, connected)

	p := h.g.host.peers.byAddress[r.address]
	for range maxFails {
		h.now = h.now.Add(time.Minute)
		h.step(Wake{})
		s, _ := mustTake[Hello](h)
		h.fail(s, errors.New("timeout"))
	}
	if p.phase != closed {
		t.Errorf("a peer that does not answer is %s, want %s", p.phase, closed)
	}
}

// TestPhasesOfAGuest follows a peer that came to this node. It has given a session
// before it is proven.
func TestPhasesOfAGuest(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.incoming(Session{}, Hello{r.greeting(), r.session})
	h.mustBe(r.address, checking)
	s, _ := mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	h.mustBe(r.address, connected)
}

// TestOfferIsTakenOnceProven checks that a session that anybody may have sent is
// not used before the node that it names has answered at the peer's address.
func TestOfferIsTakenOnceProven(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r, liar := newRemote(1), newRemote(1)
	liar.id, liar.session = NodeID{9}, Session{9}
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address})
	h.incoming(Session{}, Hello{liar.greeting(), liar.session})
	s, _ := mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	h.mustBe(r.address, oneWay) // the offer was not the peer's

	h.incoming(Session{}, Hello{r.greeting(), r.session})
	h.mustBe(r.address, oneWay)
	h.now = h.now.Add(h.g.host.config.HelloLeast)
	h.step(Wake{})
	s, _ = mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	h.mustBe(r.address, connected)
	if got := h.g.host.peers.byAddress[r.address].theirs; got != r.session {
		t.Errorf("the session in use is %s, want %s", got, r.session)
	}
}

// TestNewsAreSentWithAnOffer: news that have gathered before the peer gave a session
// are announced as soon as its offer is used.
func TestNewsAreSentWithAnOffer(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address})
	s, _ := mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	blk := mineOn(h.chain.Tip(), 1)
	h.accept(blk)
	h.incoming(Session{}, Hello{r.greeting(), r.session})
	h.mustBe(r.address, oneWay)
	s, _ = mustTake[GetAddresses](h)
	h.fail(s, *refuse(UnknownSession, "say hello first"))
	h.mustBe(r.address, connected)
	if to := h.announcedTo(blk.Hash()); !to[r.address] {
		t.Error("the block is not announced")
	}
}

// TestTimingIsConfigured: intervals of the configuration replace the defaults.
func TestTimingIsConfigured(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) {
		c.HelloEvery = 4 * time.Minute
		c.PoolEvery = time.Hour
		c.ConnectWait = 3 * time.Second
		c.HelloTimeout = 7 * time.Second
	})
	r := newRemote(1)
	begin := h.now
	h.ids++
	id := h.ids
	h.step(Connect{ID: id, Address: r.address})
	if next := h.g.Next().Sub(begin); next != 3*time.Second {
		t.Errorf("the next wake is in %s, want 3s, when the connection has to be made", next)
	}
	s, _ := mustTake[Hello](h)
	if s.Timeout != 7*time.Second {
		t.Errorf("a hello has a timeout of %s, want 7s", s.Timeout)
	}
	h.answer(s, r.welcome(s))
	h.now = begin.Add(3 * time.Second)
	h.step(Wake{})
	if err := h.told[id]; err == nil {
		t.Error("no outcome of the connect after 3s")
	}
	for {
		if s, _, ok := take[GetAddresses](h); ok {
			h.answer(s, Addresses{})
		} else if s, _, ok := take[GetPool](h); ok {
			h.answer(s, Pool{})
		} else {
			break
		}
	}
	for h.now.Sub(begin) < 10*time.Minute {
		h.now = h.g.Next()
		h.step(Wake{})
		if s, _, ok := take[Hello](h); ok && s.To == r.address {
			if wait := h.now.Sub(begin); wait < 3*time.Minute || wait > 5*time.Minute {
				t.Errorf("the next hello came after %s, want four minutes give or take a quarter", wait)
			}
			return
		}
	}
	t.Error("no further hello in ten minutes")
}
