package gossip

import (
	"slices"
	"testing"
	"time"
)

// TestRivalsAreBounded checks how many tried addresses are being called at a time because
// others compete with them, and that a peer is not called.
func TestRivalsAreBounded(t *testing.T) {
	h := newTestNode(t, 1, nil)
	g := h.g.greeter
	rival := func(i int) []Address { // calls one, and returns who is being called
		h.sends = nil
		g.effects = g.effects[:0]
		g.callRival(address(i), address(100+i))
		var called []Address
		for _, e := range g.effects {
			if s, ok := e.(Send); ok {
				h.sends = append(h.sends, s)
				called = append(called, s.To)
			}
		}
		return called
	}
	var sends []Send
	for i := range 2 * maxRivals {
		if called := rival(i); (len(called) == 1) != (i < maxRivals) {
			t.Errorf("for rival %d, %v are called", i, called)
		}
		sends = append(sends, h.sends...)
	}
	for _, s := range sends {
		h.answer(s, Addresses{})
	}
	for i := range 2 * maxRivals {
		if called := rival(20 + i); (len(called) == 1) != (i < maxRivals) {
			t.Errorf("after the first calls, for rival %d, %v are called", i, called)
		}
		sends = append(sends, h.sends...)
	}

	h = newTestNode(t, 1, nil)
	g = h.g.greeter
	h.join(newRemote(1))
	if called := rival(1); len(called) != 0 {
		t.Errorf("the peer %v is called", called)
	}
}

// TestExtraPeersAreDropped checks which of the peers that were dialled because others were
// slow are dropped when others have answered after all.
func TestExtraPeersAreDropped(t *testing.T) {
	for _, tc := range []struct {
		name  string
		alter func(h *testNode, p *peer)
		want  bool
	}{
		{"as it is", func(*testNode, *peer) {}, true},
		{"a guest", func(_ *testNode, p *peer) { p.out = false }, false},
		{"has given a session", func(_ *testNode, p *peer) { p.phase = connected }, false},
		{"is not in the book", func(h *testNode, p *peer) { h.g.host.book.forget(p.address) }, false},
		{"is chosen", func(h *testNode, p *peer) { h.g.host.book.choose(p.address) }, false},
		{"is kept", func(h *testNode, p *peer) { h.g.host.book.keep(p.address) }, false},
		{"a client waits for it", func(h *testNode, p *peer) {
			h.g.greeter.waiters = append(h.g.greeter.waiters, &waiter{address: p.address})
		}, false},
		{"a client waits for another", func(h *testNode, _ *peer) {
			h.g.greeter.waiters = append(h.g.greeter.waiters, &waiter{address: address(99)})
		}, true},
		{"no more than the limit are dialled", func(h *testNode, _ *peer) { h.g.host.peers.outbound = 2 }, false},
		{"no more than the limit have answered", func(h *testNode, _ *peer) {
			h.g.host.peers.all[0].phase, h.g.host.peers.all[1].phase = dialling, dialling
		}, false},
		{"two of them are guests", func(h *testNode, _ *peer) {
			h.g.host.peers.all[0].out, h.g.host.peers.all[1].out = false, false
		}, false},
		{"one of them is a guest", func(h *testNode, _ *peer) { h.g.host.peers.all[0].out = false }, true},
	} {
		h := newTestNode(t, 1, func(c *Config) { c.Limits.Outbound = 2 })
		var p *peer
		for i := range 4 {
			p = &peer{address: address(i), out: true, phase: oneWay, ours: Session{byte(i + 1)}}
			h.g.host.book.learn(p.address, "", nil)
			h.g.host.peers.add(p)
		}
		tc.alter(h, p)
		if got := h.g.greeter.dropExtra(p); got != tc.want || (p.phase == closed) != tc.want {
			t.Errorf("%s: the peer is dropped: %v, and is %s, want %v", tc.name, got, p.phase, tc.want)
		}
	}
}

// TestOrderOfBestPeers checks which of two peers becomes an anchor first, and who may
// become one at all.
func TestOrderOfBestPeers(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.accept(mineChain(h.chain.Tip(), 3, 1)...)
	tip := h.chain.Tip()
	level, behind := Tip{Work: tip.Work}, Tip{Work: work(1)}
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	good := func(i int) *peer {
		return &peer{address: address(i), out: true, phase: connected, tip: level, since: at(i), ours: Session{byte(i)}}
	}
	with := func(p *peer, change func(*peer)) *peer { change(p); return p }
	for _, tc := range []struct {
		name  string
		peers []*peer
		want  []Address
	}{
		{"the longer connected", []*peer{good(3), good(1), good(2)}, []Address{address(1), address(2)}},
		{"the more useful", []*peer{good(1), good(2), with(good(3), func(p *peer) { p.brought.block = at(1) })}, []Address{address(3), address(1)}},
		{"the more useful, in another order", []*peer{with(good(3), func(p *peer) { p.brought.block = at(1) }), good(1), good(2)}, []Address{address(3), address(1)}},
		{"not behind", []*peer{with(good(1), func(p *peer) { p.tip = behind }), good(2), good(3)}, []Address{address(2), address(3)}},
		{"not behind, in another order", []*peer{good(2), with(good(1), func(p *peer) { p.tip = behind })}, []Address{address(2), address(1)}},
		{"useful before not behind", []*peer{with(good(1), func(p *peer) { p.tip, p.brought.block = behind, at(1) }), good(2)}, []Address{address(1), address(2)}},
		{"no guest", []*peer{with(good(1), func(p *peer) { p.out = false }), good(2)}, []Address{address(2)}},
		{"none without a session", []*peer{with(good(1), func(p *peer) { p.phase = oneWay }), good(2)}, []Address{address(2)}},
		{"none that is new", []*peer{good(50), good(2)}, []Address{address(2)}},
		{"none that is not in the book", []*peer{good(60), good(2)}, []Address{address(2)}},
	} {
		h.g.host.peers = newPeers()
		h.g.host.book = newTestBook(100, nil)
		for i := range 10 {
			h.g.host.book.try(address(i), NodeID{1}, start)
		}
		h.g.host.book.learn(address(50), "", nil)
		for _, p := range tc.peers {
			h.g.host.peers.add(p)
		}
		if got := h.g.greeter.bestPeers(); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// TestDialsWhileOneAnswers checks that addresses that are slow to answer make the node dial
// others only as long as no peer of its choice has answered.
func TestDialsWhileOneAnswers(t *testing.T) {
	for _, tc := range []struct {
		name      string
		peers     []peer
		more, yet bool // whether another address is dialled, and whether the node looks again soon
	}{
		{"nobody", nil, true, false},
		{"two are dialled", []peer{{out: true}, {out: true}}, false, true},
		{"one is dialled", []peer{{out: true}}, true, true},
		{"one of two is slow", []peer{{out: true}, {out: true, hello: helloState{sent: start.Add(-time.Second)}}}, true, true},
		{"one of two is almost slow", []peer{{out: true}, {out: true, hello: helloState{sent: start.Add(1 - time.Second)}}}, false, true},
		{"one is slow, one has answered", []peer{{out: true, hello: helloState{sent: start.Add(-time.Hour)}}, {out: true, phase: oneWay}}, false, false},
		{"one has answered", []peer{{out: true, phase: oneWay}}, true, false},
		{"guests", []peer{{phase: oneWay}, {phase: checking}, {phase: connected}}, true, false},
		{"two are dialled, a guest has answered", []peer{{out: true}, {out: true}, {phase: oneWay}}, false, true},
	} {
		h := newTestNode(t, 1, func(c *Config) { c.Limits.Outbound = 2 })
		for i := range tc.peers {
			p := &tc.peers[i]
			p.address, p.ours = address(i), Session{byte(i + 1)}
			if p.hello.sent.IsZero() {
				p.hello.sent = h.now
			}
			h.g.host.peers.add(p)
		}
		if more, yet := h.g.greeter.wantsOutbound(); more != tc.more || yet != tc.yet {
			t.Errorf("%s: another is dialled: %v, and again soon: %v; want %v and %v", tc.name, more, yet, tc.more, tc.yet)
		}
	}
}

// TestFailedGuestKeepsItsPlace checks that a guest whose hello has failed keeps its place
// until the time for an answer is over, and that other peers lose it at once.
func TestFailedGuestKeepsItsPlace(t *testing.T) {
	for _, tc := range []struct {
		name  string
		p     peer
		after time.Duration // from the hello to its failure
		gone  bool
	}{
		{"a guest", peer{phase: checking}, time.Second, false},
		{"a guest, at the last moment", peer{phase: checking}, 5*time.Second - 1, false},
		{"a guest, too late", peer{phase: checking}, 5 * time.Second, true},
		{"of this node's choice", peer{phase: dialling, out: true}, time.Second, true},
		{"a guest that has answered before", peer{phase: oneWay}, time.Second, true},
	} {
		h := newTestNode(t, 1, nil)
		p := &tc.p
		p.address, p.ours, p.hello.sent = address(1), Session{1}, h.now
		h.g.host.peers.add(p)
		h.g.host.now = h.now.Add(tc.after)
		h.g.greeter.dismiss(p, "unreachable", "")
		if gone := p.phase == closed; gone != tc.gone {
			t.Errorf("%s: the place is free: %v, want %v", tc.name, gone, tc.gone)
		}
		for _, step := range []struct {
			at   time.Duration
			gone bool
		}{{5*time.Second - 1, tc.gone}, {5 * time.Second, true}} {
			h.now = start.Add(step.at)
			if h.now.Before(h.g.host.now) {
				continue
			}
			h.step(Wake{})
			if gone := p.phase == closed; gone != step.gone {
				t.Errorf("%s: %v after the hello the place is free: %v, want %v", tc.name, step.at, gone, step.gone)
			}
		}
	}
}

// TestBannedAddressIsNotDialled checks that an address that is banned, and that another node
// has named again, is not dialled until the ban is over.
func TestBannedAddressIsNotDialled(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.g.host.bans.addAddress(h.now, address(1))
	h.g.host.book.learn(address(1), "10.3.0.9", nil)
	h.g.host.dialSoon()
	for _, step := range []struct {
		at   time.Duration
		want int
	}{{0, 0}, {time.Hour - time.Minute, 0}, {time.Hour - 1, 0}, {time.Hour + time.Minute, 1}} {
		h.now = start.Add(step.at)
		h.step(Wake{})
		if n := pending[Hello](h); n != step.want {
			t.Errorf("%v after the ban %d hellos are under way, want %d", step.at, n, step.want)
		}
	}
}

// TestConnectedByAnotherAddress checks when an address is not dialled because its node is
// connected by another one.
func TestConnectedByAnotherAddress(t *testing.T) {
	for name, tc := range map[string]struct {
		alter func(e *entry, p *peer)
		want  bool
	}{
		"as it is":             {func(*entry, *peer) {}, true},
		"another node":         {func(e *entry, _ *peer) { e.node = NodeID{9} }, false},
		"not proven":           {func(_ *entry, p *peer) { p.phase = dialling }, false},
		"another address":      {func(e *entry, _ *peer) { e.alias = address(9) }, false},
		"no address was given": {func(e *entry, _ *peer) { e.alias = "" }, false},
	} {
		h := newTestNode(t, 1, nil)
		_, p := h.connectedPeer()
		e := &entry{Entry: Entry{Address: address(2)}, node: p.node, alias: p.address}
		tc.alter(e, p)
		if got := h.g.greeter.isConnected(e); got != tc.want {
			t.Errorf("%s: the node is connected: %v, want %v", name, got, tc.want)
		}
	}
}

// TestContentNodeDoesNotDial checks that a node that has enough peers of its choice does not
// look for others again and again.
func TestContentNodeDoesNotDial(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Limits.Outbound = 1 })
	h.connectedPeer()
	h.g.host.dialSoon()
	h.step(Wake{})
	if h.g.host.dial.isSet() {
		t.Errorf("the node looks for peers again after %v", h.g.host.dial.at.Sub(h.now))
	}
}

// TestFoundAddressCountsForItsSource checks for whom an address counts at which a node was
// found: for where the guest came from, and for its own host if this node has dialled it.
func TestFoundAddressCountsForItsSource(t *testing.T) {
	h := newTestNode(t, 1, nil)
	guest, chosen := newRemote(1), newRemote(2)
	h.guestAt(guest, "10.3.0.1")
	h.sends = nil
	h.join(chosen)
	for a, want := range map[Address]string{guest.address: "10.3.0.1", chosen.address: ""} {
		if e := h.g.host.book.at[a]; e == nil || e.Source != want {
			t.Errorf("the entry of %s is %+v, want one of %q", a, e, want)
		}
	}
}
