package store

import (
	"encoding/binary"
	"sync"

	"github.com/lodepow/lode/pow"
)

// index finds the number of a block by its hash. It knows four bytes of each
// hash, so what it returns are candidates, and who reads a block compares.
type index struct {
	mu    sync.RWMutex
	first map[uint32]uint32
	more  map[uint32][]uint32 // further blocks with the same four bytes
}

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

// shorten takes the bytes that a proof of work leaves alone.
func shorten(hash pow.Hash) uint32 { return binary.LittleEndian.Uint32(hash[:]) }
