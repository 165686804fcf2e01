package chain

import (
	"slices"
	"sync/atomic"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// held is the set of blocks that are good by themselves and cannot be placed yet:
// orphans, whose parent is unknown, and early blocks, whose header time is too far
// ahead of the clock. The set is bounded, and the oldest block makes room for a
// new one. Chain.write guards everything but count.
type held struct {
	max, maxBytes int

	blocks   map[pow.Hash]heldBlock
	byParent map[pow.Hash][]pow.Hash
	order    []pow.Hash          // of arrival
	bytes    int                 // of all blocks
	early    map[pow.Hash]uint32 // header times of the early blocks
	count    atomic.Int64        // of blocks; may be read without write
}

type heldBlock struct {
	block.Block
	hash pow.Hash
	size int
}

func newHeld(limit, maxBytes int) *held {
	return &held{
		max: limit, maxBytes: maxBytes,
		blocks:   map[pow.Hash]heldBlock{},
		byParent: map[pow.Hash][]pow.Hash{},
		early:    map[pow.Hash]uint32{},
	}
}

// hasRoom reports whether the block can be held at all, if necessary in place of all
// other held blocks.
func (h *held) hasRoom(b block.Block) bool { return h.max > 0 && b.Size() <= h.maxBytes }

// add holds a block for which there is room.
func (h *held) add(b block.Block, hash pow.Hash, early bool) {
	if _, ok := h.blocks[hash]; ok {
		return
	}
	size := b.Size()
	for len(h.blocks) > 0 && (len(h.blocks) >= h.max || h.bytes+size > h.maxBytes) {
		h.remove(h.order[0])
	}
	h.blocks[hash] = heldBlock{Block: b, hash: hash, size: size}
	h.byParent[b.Header.Prev] = append(h.byParent[b.Header.Prev], hash)
	h.order = append(h.order, hash)
	h.bytes += size
	if early {
		h.early[hash] = b.Header.Time
	}
	h.count.Store(int64(len(h.blocks)))
}

func (h *held) remove(hash pow.Hash) {
	b, ok := h.blocks[hash]
	if !ok {
		return
	}
	same := func(other pow.Hash) bool { return other == hash }
	delete(h.blocks, hash)
	delete(h.early, hash)
	h.order = slices.DeleteFunc(h.order, same)
	h.bytes -= b.size
	parent := b.Header.Prev
	h.byParent[parent] = slices.DeleteFunc(h.byParent[parent], same)
	if len(h.byParent[parent]) == 0 {
		delete(h.byParent, parent)
	}
	h.count.Store(int64(len(h.blocks)))
}

// isAwaited reports whether a held block waits for the given parent.
func (h *held) isAwaited(parent pow.Hash) bool { return len(h.byParent[parent]) > 0 }

// takeChildren removes and returns the blocks that wait for the parent, in order
// of arrival.
func (h *held) takeChildren(parent pow.Hash) []heldBlock {
	return h.take(slices.Clone(h.byParent[parent]))
}

// takeDue removes and returns, in order of arrival, the early blocks whose header
// time is at most latest. Their time has come, so they can now be placed.
func (h *held) takeDue(latest int64) []heldBlock {
	if len(h.early) == 0 {
		return nil
	}
	var due []pow.Hash
	for _, hash := range h.order {
		if time, ok := h.early[hash]; ok && int64(time) <= latest {
			due = append(due, hash)
		}
	}
	return h.take(due)
}

func (h *held) take(hashes []pow.Hash) []heldBlock {
	var blocks []heldBlock
	for _, hash := range hashes {
		blocks = append(blocks, h.blocks[hash])
		h.remove(hash)
	}
	return blocks
}
