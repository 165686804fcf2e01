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
	owned   memOwned // nil until the first call of TxsOf
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
		if _, mined := s.txs[p.Tx.ID()]; mined && c.Unmined {
			return fmt.Errorf("transaction %s: %w", p.Tx.ID(), ErrMined)
		}
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
		for _, tx := range moved[hash].Txs {
			delete(s.txs, tx.ID())
		}
		s.owned.disconnect(moved[hash])
		s.tip = moved[hash].Header.Prev
	}
	for _, hash := range c.Connect {
		for _, tx := range moved[hash].Txs {
			s.txs[tx.ID()] = hash
		}
		s.owned.connect(moved[hash], hash)
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
func (s *MemStore) moves(c Change, added map[pow.Hash][]byte) (map[pow.Hash]block.Block, error) {
	moved := map[pow.Hash]block.Block{}
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
		moved[hash] = b
	}
	tip := s.tip
	for _, hash := range c.Disconnect {
		if hash != tip {
			return nil, fmt.Errorf("disconnect block %s: the tip is %s", hash, tip)
		}
		tip = moved[hash].Header.Prev
	}
	for _, hash := range c.Connect {
		if prev := moved[hash].Header.Prev; tip != prev && tip != (pow.Hash{}) {
			return nil, fmt.Errorf("connect block %s: its parent is %s, the tip is %s", hash, prev, tip)
		}
		tip = hash
	}
	return moved, nil
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

// TxsOf implements [Store]. The first call reads the whole active branch. A store that is
// never asked, such as those of simulations, keeps no index.
func (s *MemStore) TxsOf(owner TxOwner, before TxCursor, limit int) ([]TxAt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.owned == nil {
		var err error
		if s.owned, err = s.index(); err != nil {
			return nil, err
		}
	}
	all := s.owned[owner]
	end := len(all)
	if !before.IsZero() {
		end, _ = slices.BinarySearchFunc(all, before, func(at TxAt, c TxCursor) int { return at.Compare(c) })
	}
	var places []TxAt
	for _, at := range slices.Backward(all[:end]) {
		if len(places) >= limit {
			break
		}
		places = append(places, at)
	}
	return places, nil
}

// index reads the active branch and returns its transactions by owner. The caller holds
// mu.
func (s *MemStore) index() (memOwned, error) {
	var branch []pow.Hash // the tip first
	for hash := s.tip; hash != (pow.Hash{}); {
		branch = append(branch, hash)
		raw := [pow.HeaderSize]byte(s.blocks[hash])
		hash = pow.DecodeHeader(&raw).Prev
	}
	owned := memOwned{}
	for _, hash := range slices.Backward(branch) {
		b, err := block.Load(s.blocks[hash])
		if err != nil {
			return nil, fmt.Errorf("%w: block %s: %s", ErrDamaged, hash, err.Error())
		}
		owned.connect(b, hash)
	}
	return owned, nil
}

// memOwned has the places of the transactions of each owner, and of everybody, from old to
// new. A nil memOwned is an index that has not been made yet, and stays empty.
type memOwned map[TxOwner][]TxAt

// connect adds the transactions of the block that becomes the tip.
func (m memOwned) connect(b block.Block, hash pow.Hash) {
	if m == nil {
		return
	}
	for i, tx := range b.Txs {
		at := TxAt{TxCursor{b.Height(), i + 1}, hash}
		for _, owner := range append(OwnersOf(tx), TxOwner{}) {
			m[owner] = append(m[owner], at)
		}
	}
}

// disconnect removes the transactions of the block that is the tip, which are the last
// ones of their owners.
func (m memOwned) disconnect(b block.Block) {
	if m == nil {
		return
	}
	for _, tx := range b.Txs {
		for _, owner := range append(OwnersOf(tx), TxOwner{}) {
			if m[owner] = m[owner][:len(m[owner])-1]; len(m[owner]) == 0 {
				delete(m, owner)
			}
		}
	}
}

// Close implements [Store]. The contents of the store are lost.
func (s *MemStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}
