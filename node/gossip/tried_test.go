package gossip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestGuestsAreNew checks that a node that came to this one is a new address, and
// remains one when a client who may not choose has it called; and that it is tried once
// this node has dialled it by its own choice.
func TestGuestsAreNew(t *testing.T) {
	h := newTestNode(t, 1, nil)
	guest, asked := newRemote(1), newRemote(2)
	h.welcome(guest)
	h.ids++
	h.step(Connect{ID: h.ids, Address: asked.address, Heard: true, From: netip.MustParseAddr("10.0.0.9")})
	s, _ := mustTake[Hello](h)
	h.answer(s, asked.welcome(s))
	for _, r := range []*remote{guest, asked} {
		if e := h.g.host.book.at[r.address]; e == nil || e.Tried || e.Seen.IsZero() {
			t.Errorf("the entry is %+v, want a new one that was seen", e)
		}
	}
	entries, _ := h.g.Book()
	h = newTestNode(t, 2, func(c *Config) { c.Book = entries })
	for range entries {
		s, _ := mustTake[Hello](h)
		r := guest
		if s.To == asked.address {
			r = asked
		}
		h.answer(s, r.welcome(s))
		if e := h.g.host.book.at[s.To]; e == nil || !e.Tried {
			t.Errorf("the entry is %+v, want a tried one", e)
		}
	}
}

// TestManyAreDialledWhenAlone checks that addresses that do not answer do not keep the
// node alone: it dials more of them each second, within a bound, until one answers. It
// then has no more peers of its choice than usual.
func TestManyAreDialledWhenAlone(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) {
		for i := range 200 {
			c.Book = append(c.Book, Entry{Address: Address(fmt.Sprintf("http://10.%d.0.1:80", i)), Tried: i%2 == 0})
		}
	})
	limit := h.g.host.config.Limits.Outbound
	dialled := func() (n int) {
		for _, s := range h.sends {
			if _, ok := s.Request.(Hello); ok {
				n++
			}
		}
		return n
	}
	for i, want := range []int{limit, 2 * limit, 3 * limit, limit + maxSlowDials} {
		if got := dialled(); got != want {
			t.Errorf("after %d s %d addresses are dialled, want %d", i, got, want)
		}
		h.now = h.now.Add(h.g.host.config.SlowDial)
		h.step(Wake{})
	}
	if got := dialled(); got != limit+maxSlowDials {
		t.Errorf("%d addresses are dialled, want no more than %d", got, limit+maxSlowDials)
	}
	for i := range limit + maxSlowDials {
		s, _ := mustTake[Hello](h)
		r := newRemote(i + 1)
		r.address = s.To
		h.answer(s, r.welcome(s))
	}
	out := 0
	for _, p := range h.g.Peers() {
		if p.Out {
			out++
		}
	}
	if out != limit || dialled() != 0 {
		t.Errorf("%d peers of this node's choice, and %d more addresses are dialled, want %d and none", out, dialled(), limit)
	}
}

// TestRivalIsCalled checks that a tried address gives way to another only if nobody
// answers there any more.
func TestRivalIsCalled(t *testing.T) {
	for _, test := range []struct {
		name  string
		reply func(h *testNode, s Send)
		stays bool
	}{
		{"it answers", func(h *testNode, s Send) { h.answer(s, Addresses{}) }, true},
		{"it refuses", func(h *testNode, s Send) { h.fail(s, Refusal{Reason: Busy}) }, true},
		{"it is gone", func(h *testNode, s Send) { h.fail(s, errors.New("connection refused")) }, false},
	} {
		h := newTestNode(t, 1, func(c *Config) {
			for i := range triedOfHost {
				c.Book = append(c.Book, Entry{Address: Address(fmt.Sprintf("http://10.0.0.1:%d", 1000+i)), Tried: true, Next: start.Add(time.Hour)})
			}
		})
		r := newRemote(1)
		r.address = "http://10.0.0.1:80"
		h.ids++
		h.step(Connect{ID: h.ids, Address: r.address})
		s, _ := mustTake[Hello](h)
		h.answer(s, r.welcome(s))
		s, _ = mustTake[GetAddresses](h)
		if s.To == r.address { // the usual question to a new peer
			h.answer(s, Addresses{})
			s, _ = mustTake[GetAddresses](h)
		}
		old := h.g.host.book.at[s.To]
		if old == nil || !old.Tried || s.To == r.address {
			t.Fatalf("%s: %s is asked for addresses, which is no tried address of its host", test.name, s.To)
		}
		test.reply(h, s)
		if stays := h.g.host.book.at[s.To] != nil; stays != test.stays || h.g.host.book.at[r.address].Tried == test.stays {
			t.Errorf("%s: the old address stays: %v, want %v", test.name, stays, test.stays)
		}
	}
}

// TestBestPeersBecomeAnchors checks which peers are anchors, and that these are dialled
// first after a restart.
func TestBestPeersBecomeAnchors(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.accept(mineChain(h.chain.Tip(), 3, 1)...)
	var remotes []*remote
	for i := range 5 {
		r := newRemote(i + 1)
		if i != 0 { // the first one is behind
			r.tip = h.chain.Tip()
		}
		h.join(r)
		remotes = append(remotes, r)
		h.now = h.now.Add(time.Second)
	}
	h.g.host.peers.byAddress[remotes[4].address].brought.block = h.now
	guest := newRemote(100)
	guest.tip = h.chain.Tip()
	h.welcome(guest)
	entries, changed := h.g.Book()
	var anchors []Address
	for i, e := range entries {
		entries[i].Chosen = false
		if e.Anchor {
			anchors = append(anchors, e.Address)
		}
	}
	if want := []Address{remotes[1].address, remotes[4].address}; !changed || !slices.Equal(anchors, want) {
		t.Errorf("the anchors are %v, want %v", anchors, want)
	}
	for i := range 50 {
		entries = append(entries, Entry{Address: address(500 + i), Tried: true})
	}
	h = newTestNode(t, 2, func(c *Config) { c.Book = entries })
	var first []Address
	for range 2 {
		s, _ := mustTake[Hello](h)
		first = append(first, s.To)
	}
	slices.Sort(first)
	if !slices.Equal(first, anchors) {
		t.Errorf("after a restart %v are dialled first, want the anchors", first)
	}
}
