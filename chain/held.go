package chain

import (
	"slices"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

// held is the blocks that are good by themselves and cannot be placed yet:
// orphans, whose parent is unknown, and those from too far in the future. It is
// bounded; the oldest makes room.
type held struct {
	max, maxBytes int

	blocks   map[pow.Hash]heldBlock
	byParent map[pow.Hash][]pow.Hash
	order    []pow.Hash // of arrival
	bytes    int
	early    map[pow.Hash]uint32 // header times of the blocks from the future
}

type heldBlock struct {
	block.Block
	hash pow.Hash
	size int
}

func newHeld(limit, maxBytes int) held {
	return held{
		max: limit, maxBytes: maxBytes,
		blocks:   map[pow.Hash]heldBlock{},
		byParent: map[pow.Hash][]pow.Hash{},
		early:    map[pow.Hash]uint32{},
	}
}

// add keeps a block and reports whether there is room for it at all.
func (h *held) add(b block.Block, hash pow.Hash, early bool) bool {
	size := b.Size()
	if size > h.maxBytes || h.max <= 0 {
		return false
	}
	if _, ok := h.blocks[hash]; ok {
		return true
	}
	for len(h.blocks) >= h.max || h.bytes+size > h.maxBytes {
		h.remove(h.order[0])
	}
	h.blocks[hash] = heldBlock{Block: b, hash: hash, size: size}
	h.byParent[b.Header.Prev] = append(h.byParent[b.Header.Prev], hash)
	h.order = append(h.order, hash)
	h.bytes += size
	if early {
		h.early[hash] = b.Header.Time
	}
	return true
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
}

// waitFor reports whether a block waits for that parent.
func (h *held) waitFor(parent pow.Hash) bool { return len(h.byParent[parent]) > 0 }

// take removes and returns the blocks that wait for that parent, in order of
// arrival.
func (h *held) take(parent pow.Hash) []heldBlock {
	var blocks []heldBlock
	for _, hash := range h.byParent[parent] {
		blocks = append(blocks, h.blocks[hash])
	}
	for _, b := range blocks {
		h.remove(b.hash)
	}
	return blocks
}

// takeDue removes and returns the blocks from the future up to that time, in
// order of arrival.
func (h *held) takeDue(latest int64) []heldBlock {
	if len(h.early) == 0 {
		return nil
	}
	var blocks []heldBlock
	for _, hash := range h.order {
		if time, ok := h.early[hash]; ok && int64(time) <= latest {
			blocks = append(blocks, h.blocks[hash])
		}
	}
	for _, b := range blocks {
		h.remove(b.hash)
	}
	return blocks
}

// maxInvalid is how many hashes of refused blocks are remembered. Each cost its
// sender a proof of work, and forgetting one costs another look at the block.
const maxInvalid = 4096

// hashSet remembers so many hashes, the latest.
type hashSet struct {
	size int
	set  map[pow.Hash]struct{}
	ring []pow.Hash
	next int
}

func newHashSet(size int) hashSet {
	return hashSet{size: size, set: map[pow.Hash]struct{}{}}
}

func (s *hashSet) has(hash pow.Hash) bool {
	_, ok := s.set[hash]
	return ok
}

func (s *hashSet) add(hash pow.Hash) {
	if s.has(hash) {
		return
	}
	s.set[hash] = struct{}{}
	if len(s.ring) < s.size {
		s.ring = append(s.ring, hash)
		return
	}
	delete(s.set, s.ring[s.next])
	s.ring[s.next] = hash
	s.next = (s.next + 1) % len(s.ring)
}
