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
// new one. Blocks are kept in their binary form: a block that has been read can take
// several times the memory, and the bound is one of memory. Chain.write guards
// everything but count.
type held struct {
	max, maxBytes int

	blocks   map[pow.Hash]heldEntry
	byParent map[pow.Hash][]pow.Hash
	order    []pow.Hash          // of arrival
	bytes    int                 // of all blocks
	early    map[pow.Hash]uint32 // header times of the early blocks
	count    atomic.Int64        // of blocks; may be read without write
}

// heldBlock is a block that was held.
type heldBlock struct {
	block.Block
	hash pow.Hash
}

// heldEntry is a block that is held.
type heldEntry struct {
	parent pow.Hash
	data   []byte // the binary form
}

func newHeld(limit, maxBytes int) *held {
	return &held{
		max: limit, maxBytes: maxBytes,
		blocks:   map[pow.Hash]heldEntry{},
		byParent: map[pow.Hash][]pow.Hash{},
		early:    map[pow.Hash]uint32{},
	}
}

// hasRoom reports whether the block can be held at all, if necessary in place of all
// other held blocks.
func (h *held) hasRoom(b block.Block) bool { return h.max > 0 && b.BinarySize() <= h.maxBytes }

// add holds a block for which there is room.
func (h *held) add(b block.Block, hash pow.Hash, early bool) {
	if _, ok := h.blocks[hash]; ok {
		return
	}
	data, err := b.AppendBinary(make([]byte, 0, b.BinarySize()))
	if err != nil {
		return // a block that has passed its own checks has a binary form
	}
	for len(h.blocks) > 0 && (len(h.blocks) >= h.max || h.bytes+len(data) > h.maxBytes) {
		h.remove(h.order[0])
	}
	h.blocks[hash] = heldEntry{parent: b.Header.Prev, data: data}
	h.byParent[b.Header.Prev] = append(h.byParent[b.Header.Prev], hash)
	h.order = append(h.order, hash)
	h.bytes += len(data)
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
	h.bytes -= len(b.data)
	parent := b.parent
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
		b, err := block.Load(h.blocks[hash].data)
		if err != nil {
			panic(err) // the bytes are those that AppendBinary has written, in memory that nothing else changes
		}
		blocks = append(blocks, heldBlock{b, hash})
		h.remove(hash)
	}
	return blocks
}
