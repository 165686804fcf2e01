package gossip

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// These tests are about what follows when peers send, or do not send, the blocks that they
// have announced.

// busy makes the chain busy with something else, and returns a function that ends that.
func (h *testNode) busy() (done func()) {
	const id = 1 << 40
	h.g.intake.current = &acceptance{id: id, done: func(Accepted) {}}
	return func() { h.step(Accepted{ID: id}) }
}

// sendsBlock has a remote answer that was asked for a block: with the block, or with none if it
// is the zero block.
func (h *testNode) sendsBlock(r *remote, b block.Block) {
	h.t.Helper()
	i := slices.IndexFunc(h.sends, func(s Send) bool { _, ok := s.Request.(GetBlocks); return ok && s.To == r.address })
	if i < 0 {
		h.t.Fatalf("%s is not asked for a block", r.address)
	}
	s := h.sends[i]
	h.sends = slices.Delete(h.sends, i, i+1)
	if b.Header == (pow.Header{}) {
		h.answer(s, Blocks{})
		return
	}
	h.answer(s, Blocks{[]block.Block{b}})
}

// TestBlockThatWaitsForTheChain checks that a peer that announces a block which waits for the
// chain is not asked for it, is not told of it, and is asked if the body turns out to be wrong.
func TestBlockThatWaitsForTheChain(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		h := newTestNode(t, 1, nil)
		first, second := newRemote(1), newRemote(2)
		h.join(first)
		h.join(second)
		b := mineOn(h.chain.Tip(), 1)
		sent := b
		if wrong {
			sent.Coinbase.Extranonce++
		}
		done := h.busy()
		h.announces(first, b.Hash())
		h.sendsBlock(first, sent)
		h.announces(second, b.Hash())
		if pending[GetBlocks](h) != 0 || !h.g.relay.pending(b.Hash()) {
			t.Errorf("wrong %v: %d requests for a block that waits for the chain, which is pending: %v", wrong, pending[GetBlocks](h), h.g.relay.pending(b.Hash()))
		}
		done()
		if wrong {
			if h.g.relay.rejected.has(b.Hash()) {
				t.Error("the block is rejected because of a wrong body")
			}
			h.sendsBlock(second, b)
		}
		if h.chain.Tip().Hash != b.Hash() {
			t.Errorf("wrong %v: the block is not the tip", wrong)
		}
		if n := pending[Announce](h); n != 0 {
			t.Errorf("wrong %v: the block is announced to %d peers that have it", wrong, n)
		}
	}
}

// TestRefusedBlockIsAskedOfNobody checks that a block whose header breaks a rule is not asked
// of the others that have announced it.
func TestRefusedBlockIsAskedOfNobody(t *testing.T) {
	h := newTestNode(t, 1, nil)
	first, second := newRemote(1), newRemote(2)
	h.welcome(first)
	h.welcome(second)
	w := &wantedBlock{hash: pow.Hash{1}}
	p, q := h.g.host.peers.byAddress[first.address], h.g.host.peers.byAddress[second.address]
	h.g.host.begin(h.now)
	h.g.relay.onAccepted(&acceptance{next: []*peer{q}}, p, w, block.Reject(block.TimeTooOld, "x"))
	if p.phase != closed || h.g.relay.find(w.hash) != nil || !h.g.relay.rejected.has(w.hash) {
		t.Errorf("the peer is %s, the block is wanted: %v, rejected: %v", p.phase, h.g.relay.find(w.hash) != nil, h.g.relay.rejected.has(w.hash))
	}
}

// TestBlocksThatAreNoFault checks that a peer is not to blame for a block that is ahead of the
// clock, or whose parent is not there any more.
func TestBlocksThatAreNoFault(t *testing.T) {
	for _, reason := range []block.Reason{block.TimeTooNew, block.PrevNotFound} {
		h := newTestNode(t, 1, nil)
		p := h.guests(1)[0]
		w := &wantedBlock{hash: pow.Hash{1}}
		h.g.host.begin(h.now)
		h.g.relay.onAccepted(&acceptance{}, p, w, block.Reject(reason, "x"))
		if p.phase == closed || h.g.relay.rejected.has(w.hash) || !p.brought.block.IsZero() {
			t.Errorf("%s: the peer is %s, the block is rejected: %v", reason, p.phase, h.g.relay.rejected.has(w.hash))
		}
	}
}

// TestAnnouncersOfABlockAreBounded checks how many further peers are remembered, while a block
// is being fetched and while it waits for the chain.
func TestAnnouncersOfABlockAreBounded(t *testing.T) {
	h := newTestNode(t, 1, nil)
	b := mineOn(h.chain.Tip(), 1)
	var remotes []*remote
	for i := range 2*maxAnnouncers + 4 {
		r := newRemote(i + 1)
		h.welcome(r)
		remotes = append(remotes, r)
	}
	h.busy()
	h.announces(remotes[0], b.Hash())
	h.sendsBlock(remotes[0], b)
	for _, r := range remotes[1:] {
		h.announces(r, b.Hash())
		h.announces(r, pow.Hash{1})
	}
	if n := len(h.g.intake.find(b.Hash()).next); n != maxAnnouncers {
		t.Errorf("%d peers are remembered that have the block which waits, want %d", n, maxAnnouncers)
	}
	if n := len(h.g.relay.find(pow.Hash{1}).next); n != maxAnnouncers {
		t.Errorf("%d peers are remembered that have the block which is fetched, want %d", n, maxAnnouncers)
	}
}

// TestKnownBlockRaisesTheTip checks that a peer that announces a block which this node has is
// known to have it, and is not asked for it.
func TestKnownBlockRaisesTheTip(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.welcome(r)
	p := h.g.host.peers.byAddress[r.address]
	h.accept(mineChain(h.chain.Tip(), 2, 1)...)
	h.announces(r, h.chain.Tip().Hash)
	if p.tip.Hash != h.chain.Tip().Hash || pending[GetBlocks](h) != 0 {
		t.Errorf("the peer's tip is %+v, and it is asked for %d blocks", p.tip, pending[GetBlocks](h))
	}
}

// TestSenderIsKnownToHaveItsBlock checks that the tip of a peer is the block that it has sent,
// and that only a block that becomes the tip counts as propagated.
func TestSenderIsKnownToHaveItsBlock(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.welcome(r)
	p := h.g.host.peers.byAddress[r.address]
	genesis := h.chain.Tip()
	for i, want := range []int{1, 1} { // the second block is beside the first one
		b := mineOn(genesis, uint64(1+i))
		p.tip = Tip{}
		h.announces(r, b.Hash())
		h.sendsBlock(r, b)
		if p.tip.Hash != b.Hash() {
			t.Errorf("block %d: the peer's tip is %+v", i+1, p.tip)
		}
		if n := len(h.noted(NotePropagated)); n != want {
			t.Errorf("after block %d, %d blocks count as propagated, want %d", i+1, n, want)
		}
	}
}

// TestSeveralAreAskedForABlock checks what the answers of peers count for that were asked for
// the same block: an empty one ends nothing while another one is due, and after the block has
// come, nobody is asked any more, and another copy counts for nothing.
func TestSeveralAreAskedForABlock(t *testing.T) {
	start := func() (*testNode, []*remote, block.Block) {
		h := newTestNode(t, 1, nil)
		b := mineOn(h.chain.Tip(), 1)
		var remotes []*remote
		for i := range 3 {
			r := newRemote(i + 1)
			h.welcome(r)
			h.announces(r, b.Hash())
			remotes = append(remotes, r)
		}
		h.now = h.now.Add(h.g.host.config.AskAnother)
		h.step(Wake{}) // the first two are asked
		return h, remotes, b
	}
	t.Run("the second has it", func(t *testing.T) {
		h, remotes, b := start()
		h.sendsBlock(remotes[1], b)
		if h.chain.Tip().Hash != b.Hash() {
			t.Fatal("the block is not the tip")
		}
		h.sendsBlock(remotes[0], block.Block{})
		if n := pending[GetBlocks](h); n != 0 {
			t.Errorf("%d peers are asked for a block that has come", n)
		}
	})
	t.Run("both have it", func(t *testing.T) {
		h, remotes, b := start()
		h.sendsBlock(remotes[1], b)
		h.sendsBlock(remotes[0], b)
		if p := h.g.host.peers.byAddress[remotes[0].address]; !p.brought.block.IsZero() {
			t.Error("the second copy counts as a block that was brought")
		}
	})
	t.Run("the last one does not have it", func(t *testing.T) {
		h, remotes, b := start()
		h.now = h.now.Add(h.g.host.config.AskAnother)
		h.step(Wake{}) // all three are asked, and nobody is left
		h.now = h.now.Add(h.g.host.config.AskAnother)
		h.step(Wake{})
		h.sendsBlock(remotes[2], block.Block{})
		h.sendsBlock(remotes[1], block.Block{})
		h.sendsBlock(remotes[0], b)
		if h.chain.Tip().Hash != b.Hash() {
			t.Error("the block is not the tip, though one of the peers that were asked has sent it")
		}
	})
	t.Run("the next one is gone", func(t *testing.T) {
		h, remotes, b := start()
		h.g.host.begin(h.now)
		h.g.host.drop(h.g.host.peers.byAddress[remotes[2].address], "unreachable", "")
		h.sendsBlock(remotes[0], block.Block{})
		h.sendsBlock(remotes[1], block.Block{})
		if n := pending[GetBlocks](h); n != 0 || h.g.relay.find(b.Hash()) != nil {
			t.Errorf("%d peers are asked for the block, which is wanted: %v", n, h.g.relay.find(b.Hash()) != nil)
		}
	})
}

// TestChildOfAWaitingBlock checks that a block whose parent waits for the chain is handed to
// the chain as well.
func TestChildOfAWaitingBlock(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.welcome(r)
	blocks := mineChain(h.chain.Tip(), 2, 1)
	done := h.busy()
	for _, b := range blocks {
		h.announces(r, b.Hash())
		h.sendsBlock(r, b)
	}
	done()
	if h.chain.Tip().Hash != blocks[1].Hash() {
		t.Errorf("the tip is at height %d, want 2", h.chain.Tip().Height)
	}
}

// TestForksOfAShortChain checks that no fork of a chain with at most sixteen blocks is too old.
func TestForksOfAShortChain(t *testing.T) {
	for height, want := range map[int]bool{1: true, 10: true, maxBehind: true, maxBehind + 1: false} {
		t.Run(fmt.Sprint(height), func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			genesis := h.chain.Tip()
			h.accept(mineChain(genesis, height, 7)...)
			r := newRemote(1)
			h.welcome(r)
			fork := mineOn(genesis, 9)
			h.announces(r, fork.Hash())
			h.sendsBlock(r, fork)
			if _, kept := h.chain.State(fork.Hash()); kept != want {
				t.Errorf("a fork of genesis is kept: %v, want %v", kept, want)
			}
		})
	}
}

// TestMissedPeersAreForgotten checks that a peer that is gone is not greeted because of a block
// that was not kept, and that the others are greeted once.
func TestMissedPeersAreForgotten(t *testing.T) {
	h := newTestNode(t, 1, nil)
	all := h.guests(3)
	h.g.host.begin(h.now)
	for _, p := range all {
		h.g.relay.miss(p)
		h.g.relay.miss(p)
	}
	h.g.host.drop(all[1], "unreachable", "")
	if !slices.Equal(h.g.relay.missed, []*peer{all[0], all[2]}) {
		t.Errorf("%d peers are missed, want the two that are left", len(h.g.relay.missed))
	}
	h.g.relay.greetMissed()
	if n := len(h.g.relay.missed); n != 0 {
		t.Errorf("%d peers are missed after they were greeted", n)
	}
}
