package gossip

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestBansEnd(t *testing.T) {
	h := newTestNode(t, 1, nil).g.host
	b := &h.bans
	p := &peer{address: "http://10.0.0.1:80", phase: connected}
	h.banPeer(p)
	if !b.hasAddress(start, "http://10.0.0.1:80") || !b.hasAddress(start, "http://10.0.0.1:81") {
		t.Error("the peer is not banned by address and by IP address")
	}
	if b.hasAddress(start.Add(time.Hour), p.address) {
		t.Error("the peer is still banned after an hour")
	}
	h.banPeer(&peer{address: "http://127.0.0.1:80", phase: connected})
	if b.hasAddress(start, "http://127.0.0.1:81") {
		t.Error("a ban of one address covers the whole loopback")
	}
	h.banPeer(&peer{address: "http://10.0.0.2:80", phase: connected, from: netip.MustParseAddr("127.0.0.1")})
	if b.hasAddress(start, "http://10.0.0.2:81") {
		t.Error("a ban of one address covers this whole machine")
	}
	for i := range 3 * maxBans {
		h.banPeer(&peer{address: address(i), phase: connected})
	}
	if len(b.until) > maxBans || len(b.order) != len(b.until) {
		t.Errorf("%d bans, %d of them in order, want at most %d", len(b.until), len(b.order), maxBans)
	}
}

// TestOldestBanMakesRoom checks which ban ends when there are too many, and that a ban which
// is repeated counts once.
func TestOldestBanMakesRoom(t *testing.T) {
	b := newBans(time.Hour)
	b.addAddress(start, address(0))
	b.addAddress(start, address(0))
	for i := 1; i < maxBans; i++ {
		b.addAddress(start, address(i))
	}
	if !b.hasAddress(start, address(0)) {
		t.Fatal("a ban ended although there was room for all")
	}
	b.addAddress(start, address(maxBans))
	for i, want := range map[int]bool{0: false, 1: true, maxBans - 1: true, maxBans: true} {
		if got := b.hasAddress(start, address(i)); got != want {
			t.Errorf("the peer banned as number %d is banned: %v, want %v", i, got, want)
		}
	}
}

// TestBannedAddress checks that a node at a name that is banned is refused wherever its
// hello comes from, and is not dialled.
func TestBannedAddress(t *testing.T) {
	const evil = "http://evil.example:8000"
	h := newTestNode(t, 1, nil)
	r := h.named(1, evil, "10.0.0.1", "10.0.0.2")
	s, _ := mustTake[GetAddresses](h)
	h.fail(s, fault(FaultMalformed, "no addresses"))
	if refusal := h.helloFrom("10.0.0.3", r); refusal == nil || refusal.Reason != Banned {
		t.Errorf("a hello from elsewhere in the name of a banned peer: %v, want %s", refusal, Banned)
	}
	h.ids++
	h.step(Connect{ID: h.ids, Address: evil})
	if err := h.told[h.ids]; err == nil || !strings.Contains(err.Error(), "banned") {
		t.Errorf("the outcome of a Connect is %v", err)
	}
}

// helloFrom has the host answer a Hello that comes from an IP address.
func (h *testNode) helloFrom(from string, r *remote) *Refusal {
	h.t.Helper()
	h.ids++
	h.step(Incoming{ID: h.ids, From: netip.MustParseAddr(from), Request: Hello{r.greeting(), r.session}})
	return h.replies[h.ids].Refusal
}

// answerFrom is answer with the IP address that has answered.
func (h *testNode) answerFrom(from string, s Send, a Answer) {
	h.t.Helper()
	h.step(Answered{ID: s.ID, Answer: a, From: netip.MustParseAddr(from)})
}

// TestBanOfIPv6 checks that a ban covers the /64 network of an IPv6 address, which one
// host usually has for itself, and nothing beyond.
func TestBanOfIPv6(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Own = append(c.Own, netip.MustParseAddr("2001:db8::ff")) })
	r := newRemote(1)
	r.address = "http://[2a00:1450::1]:8000"
	if refusal := h.helloFrom("2a00:1450::1", r); refusal != nil {
		t.Fatal(refusal)
	}
	s, _ := mustTake[Hello](h)
	h.answerFrom("2a00:1450::1", s, r.welcome(s))
	s, _ = mustTake[GetAddresses](h)
	h.fail(s, fault(FaultMalformed, "no addresses"))
	again := newRemote(2)
	again.address = "http://[2a00:1450::2]:8000"
	if refusal := h.helloFrom("2a00:1450::ffff:2", again); refusal == nil || refusal.Reason != Banned {
		t.Errorf("a hello from the next address of the same network: %v, want %s", refusal, Banned)
	}
	if !h.g.host.bans.hasAddress(h.now, again.address) {
		t.Error("the next address of the same network is not banned")
	}
	again.address = "http://[2a00:1450:0:1::2]:8000"
	if refusal := h.helloFrom("2a00:1450:0:1::2", again); refusal != nil {
		t.Errorf("a hello from another network: %v", refusal)
	}
}

// named connects the host with a peer that advertises a name. The peer comes from one
// IP address, and answers from another one.
func (h *testNode) named(i int, name Address, source, from string) *remote {
	h.t.Helper()
	r := newRemote(i)
	r.address = name
	if refusal := h.helloFrom(source, r); refusal != nil {
		h.t.Fatal(refusal)
	}
	s, _ := mustTake[Hello](h)
	h.answerFrom(from, s, r.welcome(s))
	return r
}

// TestBanOfAName checks which IP addresses are banned if a peer that advertises a name
// commits a fault.
func TestBanOfAName(t *testing.T) {
	const evil, other = "http://evil.example:8000", "http://other.example:8000"
	addressesFault := func(h *testNode, from string) {
		h.t.Helper()
		s, _ := mustTake[GetAddresses](h)
		ev := Answered{ID: s.ID, Err: fault(FaultMalformed, "no addresses")}
		if from != "" {
			ev.From = netip.MustParseAddr(from)
		}
		h.step(ev)
	}
	banned := func(h *testNode, from string) bool { return h.g.host.bans.hasSource(h.now, netip.MustParseAddr(from)) }

	t.Run("where it came from and where it answers", func(t *testing.T) {
		h := newTestNode(t, 1, nil)
		h.named(1, evil, "10.0.0.1", "10.0.0.2")
		addressesFault(h, "10.0.0.2")
		for _, from := range []string{"10.0.0.1", "10.0.0.2"} {
			if refusal := h.helloFrom(from, newRemote(3)); refusal == nil || refusal.Reason != Banned {
				t.Errorf("a hello from %s: %v, want %s", from, refusal, Banned)
			}
		}
		// The next name or port at the same machine is found out when it answers.
		next := newRemote(4)
		next.address = "http://evil.example:8001"
		if refusal := h.helloFrom("10.0.0.3", next); refusal != nil {
			t.Fatal(refusal)
		}
		s, _ := mustTake[Hello](h)
		h.answerFrom("10.0.0.2", s, next.welcome(s))
		if peers := h.g.Peers(); len(peers) != 0 {
			t.Errorf("the peers are %+v, want none", peers)
		}
		h.now = h.now.Add(h.g.host.config.HelloTimeout)
		h.step(Wake{})
		if p := h.g.host.peers.byAddress[next.address]; p != nil {
			t.Errorf("the banned node still has its place, as %s", p.phase)
		}
	})
	t.Run("this machine", func(t *testing.T) {
		h := newTestNode(t, 1, nil)
		h.named(1, evil, "127.0.0.1", "127.0.0.1")
		addressesFault(h, "127.0.0.1")
		if banned(h, "127.0.0.1") {
			t.Error("the loopback is banned")
		}
	})
	t.Run("a shared address", func(t *testing.T) {
		h := newTestNode(t, 1, nil)
		h.named(1, other, "10.0.0.9", "10.0.0.9")
		s, _ := mustTake[GetAddresses](h)
		h.answer(s, Addresses{})
		for i := range 2 {
			if banned(h, "10.0.0.9") {
				t.Fatalf("the address of a proxy that several peers share is banned after %d faults", i)
			}
			h.named(2+i, Address(fmt.Sprint("http://evil.example:900", i)), "10.0.0.9", "10.0.0.9")
			addressesFault(h, "10.0.0.9")
		}
		if !banned(h, "10.0.0.9") {
			t.Error("the address is not banned though two of its peers have committed faults")
		}
	})
	t.Run("a name that comes to mean another machine", func(t *testing.T) {
		h := newTestNode(t, 1, nil)
		r := h.named(1, evil, "10.0.0.1", "10.0.0.1")
		h.now = h.now.Add(30 * time.Second)
		h.step(Wake{})
		s, _ := mustTake[Hello](h)
		h.answerFrom("10.0.0.7", s, r.welcome(s)) // the machine of an honest node
		p := h.g.host.peers.byAddress[evil]
		h.g.host.ban(p, fault(FaultInvalid, "a block that was sent before"))
		if banned(h, "10.0.0.7") {
			t.Error("an IP address is banned that need not have sent the block")
		}
		if !banned(h, "10.0.0.1") {
			t.Error("the IP address that the peer came from is not banned")
		}
	})
}
