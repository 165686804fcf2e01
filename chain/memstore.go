package chain

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// MemStore is a [Store] in memory, for tests and simulations. Use [NewMemStore] to
// make one.
type MemStore struct {
	// Intern, if set, returns the bytes to keep for a block: either raw itself, or
	// equal bytes that other stores keep too, which saves memory. It must be set
	// before the store is used for the first time, and is called while the store
	// is locked.
	Intern func(hash pow.Hash, raw []byte) []byte

	mu      sync.Mutex
	closed  bool
	order   []pow.Hash // of arrival
	blocks  map[pow.Hash][]byte
	tip     pow.Hash
	txs     map[pow.Hash]pow.Hash // from a transaction to its block on the active branch
	pending map[uint64]block.Tx
}

var _ Store = (*MemStore)(nil)

// NewMemStore returns an empty store.
func NewMemStore() *MemStore {
	return &MemStore{
		blocks:  map[pow.Hash][]byte{},
		txs:     map[pow.Hash]pow.Hash{},
		pending: map[uint64]block.Tx{},
	}
}

// Load implements [Store].
func (s *MemStore) Load(header func(pow.Header) error) (tip pow.Hash, pending []Pending, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return pow.Hash{}, nil, ErrClosed
	}
	for _, hash := range s.order {
		raw := [pow.HeaderSize]byte(s.blocks[hash])
		if err := header(pow.DecodeHeader(&raw)); err != nil {
			return pow.Hash{}, nil, err
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(s.pending)) {
		pending = append(pending, Pending{Seq: seq, Tx: s.pending[seq]})
	}
	return s.tip, pending, nil
}

// Commit implements [Store].
func (s *MemStore) Commit(c Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	// Everything that can fail comes before the first change.
	added := map[pow.Hash][]byte{}
	for _, b := range c.Blocks {
		raw, err := b.AppendBinary(nil)
		if err != nil {
			return err
		}
		hash := b.Hash()
		if s.Intern != nil {
			raw = s.Intern(hash, raw)
		}
		added[hash] = raw
	}
	fresh := map[uint64]bool{}
	for _, p := range c.AddPending {
		if _, taken := s.pending[p.Seq]; taken || fresh[p.Seq] {
			return fmt.Errorf("pending transaction %d: its sequence number is taken", p.Seq)
		}
		fresh[p.Seq] = true
	}
	moved, err := s.moves(c, added)
	if err != nil {
		return err
	}

	for _, b := range c.Blocks {
		hash := b.Hash()
		if _, ok := s.blocks[hash]; !ok {
			s.order = append(s.order, hash)
			s.blocks[hash] = added[hash]
		}
	}
	for _, hash := range c.Disconnect {
		for _, id := range moved[hash].txids {
			delete(s.txs, id)
		}
		s.tip = moved[hash].prev
	}
	for _, hash := range c.Connect {
		for _, id := range moved[hash].txids {
			s.txs[id] = hash
		}
		s.tip = hash
	}
	for _, p := range c.AddPending {
		s.pending[p.Seq] = p.Tx
	}
	for _, seq := range c.RemovePending {
		delete(s.pending, seq)
	}
	return nil
}

// moves checks that every block to disconnect is the tip at its turn, and that every
// block to connect goes on top of the tip. It returns all of these blocks.
func (s *MemStore) moves(c Change, added map[pow.Hash][]byte) (map[pow.Hash]memBlock, error) {
	moved := map[pow.Hash]memBlock{}
	for _, hash := range slices.Concat(c.Disconnect, c.Connect) {
		raw, ok := added[hash]
		if !ok {
			raw, ok = s.blocks[hash]
		}
		if !ok {
			return nil, fmt.Errorf("block %s: %w", hash, ErrNotFound)
		}
		b, err := block.Load(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: block %s: %s", ErrDamaged, hash, err.Error())
		}
		moved[hash] = memBlock{prev: b.Header.Prev, txids: b.IDs()[1:]}
	}
	tip := s.tip
	for _, hash := range c.Disconnect {
		if hash != tip {
			return nil, fmt.Errorf("disconnect block %s: the tip is %s", hash, tip)
		}
		tip = moved[hash].prev
	}
	for _, hash := range c.Connect {
		if prev := moved[hash].prev; tip != prev && tip != (pow.Hash{}) {
			return nil, fmt.Errorf("connect block %s: its parent is %s, the tip is %s", hash, prev, tip)
		}
		tip = hash
	}
	return moved, nil
}

// memBlock is the part of a block that a move needs.
type memBlock struct {
	prev  pow.Hash
	txids []pow.Hash
}

// Block implements [Store].
func (s *MemStore) Block(hash pow.Hash) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, ok := s.blocks[hash]
	switch {
	case s.closed:
		return nil, ErrClosed
	case !ok:
		return nil, fmt.Errorf("block %s: %w", hash, ErrNotFound)
	}
	return slices.Clone(raw), nil
}

// FindTx implements [Store].
func (s *MemStore) FindTx(id pow.Hash) (pow.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash, ok := s.txs[id]
	switch {
	case s.closed:
		return pow.Hash{}, ErrClosed
	case !ok:
		return pow.Hash{}, fmt.Errorf("transaction %s: %w", id, ErrNotFound)
	}
	return hash, nil
}

// FindTxs implements [Store].
func (s *MemStore) FindTxs(ids []pow.Hash) ([]pow.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	blocks := make([]pow.Hash, len(ids))
	for i, id := range ids {
		blocks[i] = s.txs[id]
	}
	return blocks, nil
}

// Close implements [Store]. The contents of the store are lost.
func (s *MemStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}
