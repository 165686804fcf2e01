package store

import (
	"encoding/binary"
	"sync"

	"github.com/lodepow/lode/pow"
)

// index finds the number of a block by its hash. To save memory it keeps only four
// bytes of each hash. It therefore returns candidates, and the caller must compare
// the hash of the block that it reads.
type index struct {
	mu    sync.RWMutex
	first map[uint32]uint32   // number of the first block with these four bytes
	more  map[uint32][]uint32 // numbers of further blocks with the same four bytes
}

// newIndex returns an empty index with room for a number of blocks.
func newIndex(blocks uint64) *index {
	return &index{first: make(map[uint32]uint32, blocks), more: make(map[uint32][]uint32)}
}

func (x *index) add(hash pow.Hash, number uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	short := shorten(hash)
	if _, taken := x.first[short]; taken {
		x.more[short] = append(x.more[short], uint32(number))
		return
	}
	x.first[short] = uint32(number)
}

// candidates returns the numbers of all blocks that may have the hash.
func (x *index) candidates(hash pow.Hash) []uint32 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	short := shorten(hash)
	first, ok := x.first[short]
	if !ok {
		return nil
	}
	return append([]uint32{first}, x.more[short]...)
}

// shorten returns four bytes of a hash that proof of work does not make zero.
func shorten(hash pow.Hash) uint32 { return binary.LittleEndian.Uint32(hash[:]) }
