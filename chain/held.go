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
	bytes    int                 // of all blocks, in binary form
	early    map[pow.Hash]uint32 // header times of the early blocks
	count    atomic.Int64        // of blocks; may be read without write
}

// heldBlock is a held block in its binary form, which takes as much memory as it has
// bytes. The parsed form would take twice as much, because a transaction keeps its
// canonical text and the fields that were read from it.
type heldBlock struct {
	hash pow.Hash
	prev pow.Hash // its parent
	raw  []byte   // see [block.Block.AppendBinary]; its capacity is its length
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
func (h *held) hasRoom(b block.Block) bool {
	if h.max <= 0 || b.Size() > h.maxBytes {
		return false
	}
	raw, err := b.AppendBinary(nil)
	return err == nil && len(raw) <= h.maxBytes
}

// add holds a block for which there is room.
func (h *held) add(b block.Block, hash pow.Hash, early bool) {
	if _, ok := h.blocks[hash]; ok {
		return
	}
	raw, err := encodeExactly(b)
	if err != nil {
		return // the coinbase is not valid, so the block has not passed the stage body
	}
	for len(h.blocks) > 0 && (len(h.blocks) >= h.max || h.bytes+len(raw) > h.maxBytes) {
		h.remove(h.order[0])
	}
	h.blocks[hash] = heldBlock{hash: hash, prev: b.Header.Prev, raw: raw}
	h.byParent[b.Header.Prev] = append(h.byParent[b.Header.Prev], hash)
	h.order = append(h.order, hash)
	h.bytes += len(raw)
	if early {
		h.early[hash] = b.Header.Time
	}
	h.count.Store(int64(len(h.blocks)))
}

// encodeExactly returns the binary form of a block, without unused capacity.
func encodeExactly(b block.Block) ([]byte, error) {
	raw, err := b.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	exact := make([]byte, len(raw))
	copy(exact, raw)
	return exact, nil
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
	h.bytes -= len(b.raw)
	parent := b.prev
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
