package gossip

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

func TestConnectedWhenBothKnowEachOther(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	peers := h.g.Peers()
	if len(peers) != 1 || peers[0].Node != r.id || !peers[0].Out {
		t.Fatalf("the peers are %+v", peers)
	}
	if err, ok := h.told[1]; !ok || err != nil {
		t.Errorf("the outcome is %v (reported: %v), want nil", err, ok)
	}
}

func TestConnectFails(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Allow = func(a Address) bool { return a != address(3) } })
	connect := func(a Address) ID { h.ids++; h.step(Connect{ID: h.ids, Address: a}); return h.ids }
	for _, test := range []struct {
		name string
		at   Address
		play func()
		want string
	}{
		{"itself", "http://self:80", func() {}, "this node itself"},
		{"not allowed", address(3), func() {}, "not an address that this node may connect with"},
		{"nobody", address(4), func() { s, _ := mustTake[Hello](h); h.fail(s, errors.New("connection refused")) }, "connection refused"},
		{"itself by another name", address(5), func() { s, _ := mustTake[Hello](h); h.fail(s, *refuse(Self, "this is the same node")) }, "same node"},
		{"itself by another name, again", address(5), func() {}, "this node itself"},
		{"another network", address(6), func() {
			s, _ := mustTake[Hello](h)
			gr := newRemote(6).greeting()
			gr.Network, gr.NetworkID = "other", pow.Hash{1}
			h.answer(s, Welcome{Greeting: gr})
		}, "on the network test, not on other"},
		{"no answer", address(7), func() { h.now = h.now.Add(h.g.host.config.ConnectWait); h.step(Wake{}) }, "did not answer in time"},
		{"one way only", address(8), func() {
			s, _ := mustTake[Hello](h)
			for s.To != address(8) { // skip those to the addresses before
				s, _ = mustTake[Hello](h)
			}
			h.answer(s, Welcome{Greeting: newRemote(8).greeting()})
			h.now = h.now.Add(h.g.host.config.ConnectWait)
			h.step(Wake{})
		}, "could not reach this node at http://self:80"},
	} {
		id := connect(test.at)
		test.play()
		if err, ok := h.told[id]; !ok || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: the outcome is %v (reported: %v), want an error that contains %q", test.name, err, ok, test.want)
		}
	}
}

// TestTwoSpellings checks that a node that can be reached by two addresses is one
// peer.
func TestTwoSpellings(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	h.ids++
	h.step(Connect{ID: h.ids, Address: address(99)})
	s, _ := mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	if peers := h.g.Peers(); len(peers) != 1 || peers[0].Address != r.address {
		t.Errorf("the peers are %+v", peers)
	}
	if err, ok := h.told[h.ids]; !ok || err != nil {
		t.Errorf("the outcome is %v (reported: %v), want nil because the node is connected", err, ok)
	}
	h.now = h.now.Add(time.Minute)
	h.step(Wake{})
	for _, s := range h.sends {
		if s.To == address(99) {
			t.Errorf("a %T is sent to the other address again", s.Request)
		}
	}
}

// TestRestart checks that a new process at the address of a peer takes the peer's
// place.
func TestRestart(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	again := newRemote(1)
	again.id, again.session = NodeID{9}, Session{9}
	if reply := h.incoming(Session{}, Hello{again.greeting(), again.session}); reply.Refusal != nil {
		t.Fatal(reply.Refusal)
	}
	h.now = h.now.Add(time.Second)
	h.step(Wake{})
	s, _ := mustTake[Hello](h)
	h.answer(s, again.welcome(s))
	peers := h.g.Peers()
	if len(peers) != 1 || peers[0].Node != again.id {
		t.Fatalf("the peers are %+v, want the new process only", peers)
	}
	h.accept(mineOn(h.chain.Tip(), 1))
	if s, _ := mustTake[Announce](h); s.Session != again.session {
		t.Errorf("announced with session %s, want %s", s.Session, again.session)
	}
}

func TestPeersAreDroppedAfterThreeFailures(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.join(newRemote(1))
	for i := range maxFails {
		if len(h.g.Peers()) != 1 {
			t.Fatalf("the peer is dropped after %d failures, want %d", i, maxFails)
		}
		h.now = h.now.Add(2 * h.g.host.config.HelloEvery)
		h.step(Wake{})
		s, _ := mustTake[Hello](h)
		h.fail(s, errors.New("timeout"))
	}
	if len(h.g.Peers()) != 0 {
		t.Error("the peer is not dropped")
	}
	h.now = h.now.Add(h.g.host.config.KnownBackoff)
	h.step(Wake{})
	if s, _ := mustTake[Hello](h); s.To != address(1) {
		t.Errorf("the hello goes to %s", s.To)
	}
}

// TestUnknownSession checks that a peer that does not know the session any more
// gives a new one, and what was to be announced to it is not lost.
func TestUnknownSession(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	tx := h.post("x")
	s, _ := mustTake[Announce](h)
	h.fail(s, *refuse(UnknownSession, "say hello first"))
	h.now = h.now.Add(time.Second)
	h.step(Wake{})
	hello, _ := mustTake[Hello](h)
	r.session = Session{42}
	h.answer(hello, r.welcome(hello))
	h.incoming(r.given, Hello{r.greeting(), r.session})
	h.sends = slices.DeleteFunc(h.sends, func(s Send) bool { // refuse announcements with the old session
		a, ok := s.Request.(Announce)
		if ok && s.Session != r.session {
			h.fail(s, *refuse(UnknownSession, "say hello first"))
		}
		return ok && s.Session != r.session && len(a.Txs) > 0
	})
	h.now = h.now.Add(2 * time.Second)
	h.step(Wake{})
	s, a := mustTake[Announce](h)
	if s.Session != r.session || !slices.Equal(a.Txs, []pow.Hash{tx.ID()}) {
		t.Errorf("announced %v with session %s, want the transaction with the new session", a.Txs, s.Session)
	}
}

func TestAddressesSpread(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.ids++
	h.step(Connect{ID: h.ids, Address: address(1)})
	r := newRemote(1)
	s, _ := mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	s, _ = mustTake[GetAddresses](h)
	h.answer(s, Addresses{[]Address{address(2), "http://self:80", "nonsense", "HTTP://other:1", "http://127.0.0.1:80", "http://localhost:80"}})
	s, _ = mustTake[Hello](h)
	if s.To != address(2) {
		t.Errorf("the hello goes to %s", s.To)
	}
	h.fail(s, errors.New("timeout"))
	if got := h.g.Addresses(); !slices.Equal(got.Addresses, []Address{address(1)}) {
		t.Errorf("the addresses are %v, want only the connected peer", got.Addresses)
	}
	entries, changed := h.g.Book()
	if len(entries) != 2 || !changed {
		t.Errorf("the book has %+v (changed: %v), want two entries and a change", entries, changed)
	}
	if _, changed := h.g.Book(); changed {
		t.Error("the book has changed again")
	}
	again := newTestNode(t, 2, func(c *Config) { c.Book = entries })
	if got := len(again.sends); got != 1 { // the other address has just failed
		t.Errorf("a node with that book sends %d hellos, want 1", got)
	}
}

// TestAddressesAreAskedAgain checks that a peer that knew no addresses at first is
// asked again.
func TestAddressesAreAskedAgain(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	for end := h.now.Add(2 * h.g.host.config.AddressesSoon); h.now.Before(end); h.now = h.now.Add(time.Second) {
		h.step(Wake{})
		if s, _, ok := take[Hello](h); ok {
			h.answer(s, r.welcome(s))
		}
		if s, _, ok := take[GetPool](h); ok {
			h.answer(s, Pool{})
		}
		if s, _, ok := take[GetAddresses](h); ok {
			h.answer(s, Addresses{[]Address{address(2)}})
			if s, _ := mustTake[Hello](h); s.To != address(2) {
				t.Errorf("the hello goes to %s", s.To)
			}
			return
		}
	}
	t.Error("the peer's addresses were not asked for again")
}

func TestGuestThatProvesNothingIsNoPeer(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	if reply := h.incoming(Session{}, Hello{r.greeting(), r.session}); reply.Refusal != nil {
		t.Fatal(reply.Refusal)
	}
	s, _ := mustTake[Hello](h)
	if s.To != r.address || s.Session != r.session {
		t.Fatalf("the host greets %s with %s", s.To, s.Session)
	}
	other := newRemote(2)
	h.answer(s, other.welcome(s)) // another node listens there
	if peers := h.g.Peers(); len(peers) != 0 {
		t.Errorf("the peers are %+v", peers)
	}
	if reply := h.incoming(Session{9}, Announce{}); reply.Refusal == nil || reply.Refusal.Reason != UnknownSession {
		t.Errorf("an announcement with an unknown session: %+v, want a refusal", reply)
	}
}

func TestRefusals(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Limits.Inbound = 1 })
	hello := func(change func(*Greeting)) *Refusal {
		g := newRemote(1).greeting()
		change(&g)
		return h.incoming(Session{}, Hello{g, Session{1}}).Refusal
	}
	for _, test := range []struct {
		name   string
		change func(*Greeting)
		reason RefusalReason
	}{
		{"another network", func(g *Greeting) { g.Network, g.NetworkID = "other", pow.Hash{1} }, WrongNetwork},
		{"other parameters", func(g *Greeting) { g.NetworkID = pow.Hash{1} }, WrongNetwork},
		{"another version", func(g *Greeting) { g.Version = 2 }, WrongVersion},
		{"itself", func(g *Greeting) { g.Node = h.g.host.config.Node }, Self},
		{"this node's address", func(g *Greeting) { g.Address = "http://self:80" }, BadRequest},
		{"no address", func(g *Greeting) { g.Address = "" }, BadRequest},
		{"an address with a path", func(g *Greeting) { g.Address = "http://h:1/path" }, BadRequest},
	} {
		if r := hello(test.change); r == nil || r.Reason != test.reason {
			t.Errorf("%s: %v, want %s", test.name, r, test.reason)
		}
	}
	if r := hello(func(*Greeting) {}); r != nil {
		t.Fatal(r)
	}
	if r := hello(func(g *Greeting) { g.Node, g.Address = NodeID{5}, address(5) }); r == nil || r.Reason != Full {
		t.Errorf("a guest beyond the limit: %v, want %s", r, Full)
	}
}

// A client that waits for a connection is given the cause of its failure, and not only
// the cause's text, so that the API can say it without the words of the network library.
func TestConnectFailsWithCause(t *testing.T) {
	h := newTestNode(t, 1, nil)
	cause := errors.New("dial tcp: lookup junk: no such host")
	h.ids++
	h.step(Connect{ID: h.ids, Address: address(4)})
	s, _ := mustTake[Hello](h)
	h.fail(s, cause)
	if err := h.told[h.ids]; !errors.Is(err, cause) {
		t.Errorf("the outcome is %v, want one that wraps %v", err, cause)
	}
}
