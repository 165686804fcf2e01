package nodes

import (
	"bytes"
	"sync"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// bodies holds the blocks that the stores of a simulated network share: each block
// takes memory once, however many nodes have it. It never forgets one.
type bodies struct {
	mu  sync.Mutex
	raw map[pow.Hash][]byte
}

func newBodies() *bodies { return &bodies{raw: map[pow.Hash][]byte{}} }

// newStore returns an empty store that shares its blocks with the others.
func (b *bodies) newStore() *chain.MemStore {
	s := chain.NewMemStore()
	s.Intern = b.intern
	return s
}

// intern returns the bytes that all stores use for the block.
func (b *bodies) intern(hash pow.Hash, raw []byte) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if shared, ok := b.raw[hash]; ok && bytes.Equal(shared, raw) {
		return shared
	}
	b.raw[hash] = raw
	return raw
}
