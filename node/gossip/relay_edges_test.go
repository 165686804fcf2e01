package gossip

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// These tests state the bounds of what is fetched because peers have announced it.

// announces has a remote announce blocks.
func (h *testNode) announces(r *remote, hashes ...pow.Hash) {
	h.t.Helper()
	var a Announce
	for _, hash := range hashes {
		a.Blocks = append(a.Blocks, Announced{Hash: hash})
	}
	if reply := h.incoming(r.given, a); reply.Refusal != nil {
		h.t.Fatal(reply.Refusal)
	}
}

func fakes(from, count int) (hashes []pow.Hash) {
	for i := range count {
		hashes = append(hashes, numbered(from+i))
	}
	return hashes
}

// TestWantedBlocksAreBounded checks that eight announced blocks are fetched from a peer, and
// 64 in all, unless a peer of this node's choice announces more. A peer whose block is not
// fetched is remembered.
func TestWantedBlocksAreBounded(t *testing.T) {
	h := newTestNode(t, 1, nil)
	for i := range 8 {
		r := newRemote(i + 1)
		h.welcome(r)
		h.announces(r, fakes(1+8*i, 8)...)
		if n := pending[GetBlocks](h); n != 8*(i+1) || len(h.g.relay.missed) != 0 {
			t.Fatalf("%d blocks of %d peers are fetched, and %d peers are missed", n, i+1, len(h.g.relay.missed))
		}
		h.announces(r, numbered(1000+i))
		if n := pending[GetBlocks](h); n != 8*(i+1) || len(h.g.relay.missed) != 1 {
			t.Fatalf("a ninth block: %d blocks are fetched, and %d peers are missed", n, len(h.g.relay.missed))
		}
		h.g.relay.missed = nil
	}
	guest, chosen := newRemote(20), newRemote(21)
	h.welcome(guest)
	h.announces(guest, numbered(2000), numbered(2001))
	if n := pending[GetBlocks](h); n != 64 || len(h.g.relay.missed) != 1 || h.g.relay.missed[0].address != guest.address {
		t.Errorf("another guest: %d blocks are fetched, and %d peers are missed", n, len(h.g.relay.missed))
	}
	h.join(chosen)
	h.announces(chosen, fakes(3000, 9)...)
	if n := pending[GetBlocks](h); n != 72 || len(h.g.relay.missed) != 2 {
		t.Errorf("a chosen peer: %d blocks are fetched, and %d peers are missed", n, len(h.g.relay.missed))
	}
}

// TestAgeOfAnnouncedBlocks checks which ages are believed.
func TestAgeOfAnnouncedBlocks(t *testing.T) {
	for age, want := range map[time.Duration]time.Duration{
		-time.Hour: 0, 0: 0, time.Second: time.Second, maxAge: maxAge, maxAge + 1: maxAge, 1 << 62: maxAge,
	} {
		h := newTestNode(t, 1, nil)
		r := newRemote(1)
		h.welcome(r)
		h.incoming(r.given, Announce{Blocks: []Announced{{Hash: pow.Hash{1}, Age: age}}})
		if got := h.now.Sub(h.g.relay.wanted[0].found); got != want {
			t.Errorf("a block that is said to be %v old counts as %v old, want %v", age, got, want)
		}
	}
}

// TestAnnouncersAreBounded checks the order in which those who have announced something are
// asked, and how many are remembered.
func TestAnnouncersAreBounded(t *testing.T) {
	guest, other, chosen, second := &peer{}, &peer{}, &peer{out: true}, &peer{out: true}
	for name, tc := range map[string]struct {
		peers []*peer
		p     *peer
		want  []*peer
	}{
		"the first":                       {nil, guest, []*peer{guest}},
		"a second":                        {[]*peer{guest}, other, []*peer{guest, other}},
		"a third is too many":             {[]*peer{guest, chosen}, other, []*peer{guest, chosen}},
		"a chosen one comes first":        {[]*peer{guest}, chosen, []*peer{chosen, guest}},
		"a chosen one has always room":    {[]*peer{guest, other}, chosen, []*peer{chosen, guest, other}},
		"the last chosen one comes first": {[]*peer{chosen, guest, other}, second, []*peer{second, chosen, guest, other}},
		"a guest that is there":           {[]*peer{guest, other}, guest, []*peer{guest, other}},
		"a chosen one that is there":      {[]*peer{guest, chosen}, chosen, []*peer{guest, chosen}},
	} {
		if got := addAnnouncer(tc.peers, tc.p, 2); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// TestBlockIsAskedOfThree checks that a block that does not come is asked of one more peer
// every two seconds, up to three, and of a peer of this node's choice beyond them.
func TestBlockIsAskedOfThree(t *testing.T) {
	h := newTestNode(t, 1, nil)
	chosen := newRemote(100)
	h.join(chosen)
	for i := range 6 {
		r := newRemote(i + 1)
		h.welcome(r)
		h.announces(r, pow.Hash{1})
	}
	tick := func() int {
		h.now = h.now.Add(h.g.host.config.AskAnother)
		h.step(Wake{})
		return pending[GetBlocks](h)
	}
	for i, want := range []int{2, 3, 3, 3} {
		if got := tick(); got != want {
			t.Errorf("after %d waits %d peers are asked, want %d", i+1, got, want)
		}
	}
	h.announces(chosen, pow.Hash{1})
	if got := pending[GetBlocks](h); got != 4 {
		t.Errorf("%d peers are asked when a chosen peer has announced the block, want it at once beside three others", got)
	}
	if got := tick(); got != 4 {
		t.Errorf("in the end %d peers are asked, want 4", got)
	}
}

// TestSecondAnnouncerIsAskedWhenDue checks that a peer that announces a block after the wait
// for the first peer is over is asked at once, and one that announces it before is not.
func TestSecondAnnouncerIsAskedWhenDue(t *testing.T) {
	h := newTestNode(t, 1, nil)
	first, second := newRemote(1), newRemote(2)
	h.welcome(first)
	h.welcome(second)
	h.announces(first, pow.Hash{1})
	h.announces(first, pow.Hash{1}) // again: is asked already
	h.now = h.now.Add(h.g.host.config.AskAnother)
	h.step(Wake{})
	if n := pending[GetBlocks](h); n != 1 {
		t.Fatalf("%d requests for a block that one peer has announced twice", n)
	}
	h.announces(second, pow.Hash{1})
	if n := pending[GetBlocks](h); n != 2 {
		t.Errorf("%d requests after a second peer has announced it, want 2", n)
	}
}

// TestBlockForgivesFailures checks that a peer that sends a block is forgiven the requests
// that it has not answered.
func TestBlockForgivesFailures(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.welcome(r)
	p := h.g.host.peers.byAddress[r.address]
	mined := mineOn(h.chain.Tip(), 1)
	p.fails = maxFails - 1
	h.announces(r, mined.Hash())
	s, _ := mustTake[GetBlocks](h)
	h.answer(s, Blocks{[]block.Block{mined}})
	if p.fails != 0 || p.wants != 0 {
		t.Errorf("%d failures are counted, and %d blocks are wanted of it", p.fails, p.wants)
	}
	if h.now != p.brought.block {
		t.Errorf("the block that it has brought is not recorded: %v", p.brought.block)
	}
}

// TestPeerWithoutTheBlock checks that a peer that does not have the block which it has
// announced is not charged, and that the block is forgotten if no other peer has it.
func TestPeerWithoutTheBlock(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.welcome(r)
	h.announces(r, pow.Hash{1})
	s, _ := mustTake[GetBlocks](h)
	h.answer(s, Blocks{})
	if len(h.g.relay.wanted) != 0 || len(h.noted(NoteBanned)) != 0 || h.g.host.peers.byAddress[r.address].fails != 0 {
		t.Errorf("%d blocks are wanted, bans for %v", len(h.g.relay.wanted), h.noted(NoteBanned))
	}
	h.announces(r, pow.Hash{1}) // and it may be announced again
	s, _ = mustTake[GetBlocks](h)
	h.fail(s, errors.New("timeout"))
	if got := h.g.host.peers.byAddress[r.address].fails; got != 1 || len(h.g.relay.wanted) != 0 {
		t.Errorf("%d failures are counted, want 1; %d blocks are wanted", got, len(h.g.relay.wanted))
	}
}

// TestRefusedBlockIsNotFetchedAgain checks that a block whose header breaks a rule is not
// fetched again, no matter who announces it.
func TestRefusedBlockIsNotFetchedAgain(t *testing.T) {
	bad := mineOn(params().GenesisState(), 1)
	bad.Header.Time = params().GenesisState().MedianTimePast() // is too old
	target, err := bad.Header.Bits.Target()
	if err != nil {
		t.Fatal(err)
	}
	for !bad.Header.Hash().Meets(target) {
		bad.Header.Nonce++
	}
	h := newTestNode(t, 1, nil)
	first, second := newRemote(1), newRemote(2)
	h.welcome(first)
	h.welcome(second)
	h.announces(first, bad.Hash())
	s, _ := mustTake[GetBlocks](h)
	h.answer(s, Blocks{[]block.Block{bad}})
	if got := h.noted(NoteBanned); !slices.Equal(got, []string{string(FaultInvalid)}) {
		t.Fatalf("banned for %v", got)
	}
	h.announces(second, bad.Hash())
	if n := pending[GetBlocks](h); n != 0 {
		t.Errorf("%d requests for a block that broke a rule", n)
	}
}
