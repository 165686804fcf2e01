package gossip

import (
	"fmt"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
)

// TestRefusedAnnouncementsStayShort: a peer that never takes an announcement
// costs no memory, and the one that it takes at last is not too long.
func TestRefusedAnnouncementsStayShort(t *testing.T) {
	h := newHost(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	p := h.g.byAddress[r.address]
	for range 80 {
		h.accept(mineChain(h.chain.Tip(), 1, 7)...)
		s, a := mustTake[Announce](h)
		if len(a.Blocks) > maxBlockNews {
			t.Fatalf("an announcement of %d blocks, at most %d", len(a.Blocks), maxBlockNews)
		}
		for range maxBlockNews { // while it is under way
			h.accept(mineChain(h.chain.Tip(), 1, 7)...)
		}
		h.fail(s, Refusal{Reason: Busy})
		if len(p.blocks) > maxBlockNews {
			t.Fatalf("%d blocks wait to be announced, at most %d", len(p.blocks), maxBlockNews)
		}
		h.now = h.now.Add(time.Second)
		h.step(Wake{})
		if s, _, ok := take[Announce](h); ok {
			h.fail(s, Refusal{Reason: Busy})
			h.now = h.now.Add(time.Second)
		}
		for { // what else it asks
			s, _, ok := take[Hello](h)
			if !ok {
				break
			}
			h.answer(s, Welcome{r.greeting()})
		}
	}
}

// TestNobodyIsBannedForAnother: a ban hits who is at an address, not whom it
// claims to be, and not what else is at the address that somebody named.
func TestNobodyIsBannedForAnother(t *testing.T) {
	welcome := func(h *host, r *remote) {
		t.Helper()
		s, _ := mustTake[Hello](h)
		h.answer(s, Welcome{r.greeting()})
		if p := h.g.byNode[r.id]; p == nil || p.address != r.address {
			t.Fatal("the honest node is not connected")
		}
	}
	t.Run("node id", func(t *testing.T) {
		h := newHost(t, 1, nil)
		honest, liar := newRemote(1), newRemote(2)
		liar.id = honest.id
		h.join(liar)
		h.now = h.now.Add(time.Hour / 2)
		h.step(Wake{})
		s, _ := mustTake[Hello](h)
		h.fail(s, fault(FaultMalformed, "no greeting"))
		if got := h.noted(NoteBanned); len(got) != 1 {
			t.Fatalf("bans: %v", got)
		}
		h.ids++
		h.step(Connect{ID: h.ids, Address: honest.address})
		welcome(h, honest)
	})
	t.Run("another service of its machine", func(t *testing.T) {
		h := newHost(t, 1, nil)
		honest, liar := newRemote(1), newRemote(2)
		honest.address, liar.address = "http://10.0.0.1:8000", "http://10.0.0.1:80"
		if reply := h.incoming(Session{}, Hello{liar.greeting(), liar.session}); reply.Refusal != nil {
			t.Fatal(reply.Refusal)
		}
		s, _ := mustTake[Hello](h)
		h.fail(s, fault(FaultMalformed, "a web page"))
		if !h.g.bans.hasAddress(h.now, liar.address) {
			t.Error("what is no node is not banned")
		}
		h.ids++
		h.step(Connect{ID: h.ids, Address: honest.address})
		welcome(h, honest)
	})
}

// TestOldForksAreNotKept: a block on top of an old one costs next to nothing on a
// network that began with little hash rate, and so would filling a disk.
func TestOldForksAreNotKept(t *testing.T) {
	for behind, want := range map[int]bool{1: true, maxBehind: true, maxBehind + 1: false, 40: false} {
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			h := newHost(t, 1, nil)
			blocks := mineChain(h.chain.Tip(), 40, 7)
			h.accept(blocks...)
			r := newRemote(1)
			h.join(r)
			parent := chain.Genesis(params())
			for _, b := range blocks[:40-behind] {
				parent = parent.Apply(b.Header)
			}
			fork := mineOn(parent, 9)
			h.incoming(r.given, Announce{Blocks: []Announced{{Hash: fork.Hash()}}})
			s, _ := mustTake[GetBlocks](h)
			h.answer(s, Blocks{[]chain.Block{fork}})
			if _, kept := h.chain.State(fork.Hash()); kept != want {
				t.Errorf("kept: %v, want %v", kept, want)
			}
			if got := h.noted(NoteBanned); len(got) > 0 {
				t.Errorf("bans: %v", got)
			}
		})
	}
}
