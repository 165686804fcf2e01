package chain

import (
	"slices"
	"testing"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// wantHeld compares the set of held blocks, in all of its indexes, with the blocks in
// order of arrival.
func wantHeld(t *testing.T, h *held, early int, want ...block.Block) {
	t.Helper()
	var order []pow.Hash
	children := map[pow.Hash][]pow.Hash{}
	size := 0
	for _, b := range want {
		order = append(order, b.Hash())
		children[b.Header.Prev] = append(children[b.Header.Prev], b.Hash())
		size += len(encode(t, b))
		got, ok := h.blocks[b.Hash()]
		if back, err := block.Parse(got.raw); !ok || err != nil || got.hash != b.Hash() || got.prev != b.Header.Prev || back.Hash() != b.Hash() {
			t.Errorf("block %d is held as %v, parsed with the error %v", b.Height(), got, err)
		}
		if cap(got.raw) != len(got.raw) {
			t.Errorf("block %d has %d bytes and takes up %d", b.Height(), len(got.raw), cap(got.raw))
		}
	}
	if len(h.blocks) != len(want) || !slices.Equal(h.order, order) || int(h.count.Load()) != len(want) || h.bytes != size || len(h.early) != early {
		t.Errorf("%d blocks, %d in order, count %d, %d bytes, %d early; want %d blocks of %d bytes, %d early",
			len(h.blocks), len(h.order), h.count.Load(), h.bytes, len(h.early), len(want), size, early)
	}
	if len(h.byParent) != len(children) {
		t.Errorf("%d parents are awaited, want %d", len(h.byParent), len(children))
	}
	for parent, hashes := range children {
		if !slices.Equal(h.byParent[parent], hashes) || !h.isAwaited(parent) {
			t.Errorf("parent %s: %v wait for it, want %v", parent, h.byParent[parent], hashes)
		}
	}
}

func wantTaken(t *testing.T, got []heldBlock, want ...block.Block) {
	t.Helper()
	var hashes, wantHashes []pow.Hash
	for _, b := range got {
		hashes = append(hashes, b.hash)
	}
	for _, b := range want {
		wantHashes = append(wantHashes, b.Hash())
	}
	if !slices.Equal(hashes, wantHashes) {
		t.Errorf("took %v, want %v", hashes, wantHashes)
	}
}

func TestHeldSet(t *testing.T) {
	a := rulestest.NewBranch(rulestest.Easy())
	one := a.Grow(1)
	side := a.Fork("side").Grow(1) // a second child of one
	two := a.Grow(1)
	three := a.Grow(1)
	four := a.Grow(1)
	add := func(h *held, early bool, blocks ...block.Block) {
		for _, b := range blocks {
			h.add(b, b.Hash(), early)
		}
	}

	h := newHeld(3, 1<<20)
	wantHeld(t, h, 0)
	add(h, false, two, side)
	add(h, true, three)
	wantHeld(t, h, 1, two, side, three)
	add(h, false, two) // again: keeps its place
	add(h, false, three)
	wantHeld(t, h, 1, two, side, three)
	add(h, true, four) // two makes room
	wantHeld(t, h, 2, side, three, four)
	if !h.isAwaited(two.Hash()) || h.isAwaited(side.Hash()) || h.isAwaited(four.Hash()) {
		t.Error("three alone waits for two, and nothing for side and four")
	}
	h.remove(two.Hash()) // not held any more
	wantHeld(t, h, 2, side, three, four)
	wantTaken(t, h.takeDue(int64(three.Header.Time)-1))
	wantTaken(t, h.takeDue(int64(three.Header.Time)), three)
	wantHeld(t, h, 1, side, four)
	wantTaken(t, h.takeChildren(two.Hash()))
	add(h, false, two)
	wantTaken(t, h.takeChildren(one.Hash()), side, two)
	wantHeld(t, h, 1, four)
	wantTaken(t, h.takeDue(int64(four.Header.Time)+1), four)
	wantHeld(t, h, 0)
	wantTaken(t, h.takeDue(1<<40))

	// As many blocks as there is room for in bytes. A longer one takes the place of all.
	long := a.Make(1, rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two"), rulestest.MakeTx(t, "six"))
	h = newHeld(10, len(encode(t, two))+len(encode(t, three)))
	add(h, false, two, three)
	wantHeld(t, h, 0, two, three)
	add(h, false, four)
	wantHeld(t, h, 0, three, four)
	h = newHeld(10, len(encode(t, long)))
	add(h, false, two, long)
	wantHeld(t, h, 0, long)
	invalid := two
	invalid.Coinbase.Height = -1 // has no binary form
	for name, tc := range map[string]struct {
		blocks, bytes int
		b             block.Block
		want          bool
	}{
		"exactly":         {1, len(encode(t, long)), long, true},
		"a byte less":     {1, len(encode(t, long)) - 1, long, false},
		"no blocks":       {0, 1 << 20, long, false},
		"-1 blocks":       {-1, 1 << 20, long, false},
		"no bytes at all": {1, 0, two, false},
	} {
		h := newHeld(tc.blocks, tc.bytes)
		if got := h.hasRoom(tc.b); got != tc.want {
			t.Errorf("%s: there is room: %v, want %v", name, got, tc.want)
		}
	}
	h = newHeld(1, 1<<20)
	h.add(invalid, invalid.Hash(), true)
	wantHeld(t, h, 0)
}
