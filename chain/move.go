package chain

import (
	"fmt"
	"slices"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// move is the change of the active branch from the present tip to another one.
type move struct {
	disconnect []int32 // nodes, the old tip first
	connect    []int32 // nodes that are stored already, the lowest first; new blocks go on top

	ids      map[pow.Hash]struct{} // transactions of all blocks to connect
	returned []block.Tx            // transactions that leave the chain, the oldest first
}

func (c *Chain) newMove(to int32) *move {
	m := &move{ids: map[pow.Hash]struct{}{}}
	m.disconnect, m.connect = c.tree.route(to)
	return m
}

// connectStored judges the transactions of the stored blocks that a move connects.
// It reads their bodies one at a time and keeps only the ids of the transactions.
// It stops at the first block that has a fault and returns that block's hash.
func (c *Chain) connectStored(m *move) (pow.Hash, fault, error) {
	for _, i := range m.connect {
		hash := c.tree.at(i).hash
		b, err := c.Block(hash)
		if err != nil {
			return pow.Hash{}, fault{}, err
		}
		if _, f, err := c.connect(m, []arrival{{Block: b, hash: hash}}); err != nil || f.isFound() {
			return hash, f, err
		}
	}
	return pow.Hash{}, fault{}, nil
}

// connect judges the transactions of the next blocks that a move connects: none of
// them may be in a block below, on the branch as the move leaves it. It asks the
// index of the store once for all of them. It stops at the first block that has a
// fault and returns how many blocks come before that one.
func (c *Chain) connect(m *move, blocks []arrival) (good int, f fault, err error) {
	mined, err := c.findMinedIn(blocks)
	if err != nil {
		return 0, fault{}, err
	}
	s := rules.Subject{Mined: func(id pow.Hash) (bool, error) { return c.staysMined(m, id, mined[id]) }}
	for good, a := range blocks {
		s.Block, s.Hash = a.Block, a.hash
		if f, err := c.judge(&s, rules.Mined, rules.Mined); err != nil || f.isFound() {
			return good, f, err
		}
		for _, tx := range a.Txs {
			m.ids[tx.ID()] = struct{}{}
		}
	}
	return len(blocks), fault{}, nil
}

// findMinedIn looks up the transactions of the blocks in the store's index. For each
// transaction that is on the active branch already, it returns the hash of the block
// that contains it. Normally there are none.
func (c *Chain) findMinedIn(blocks []arrival) (map[pow.Hash]pow.Hash, error) {
	var ids []pow.Hash
	for _, a := range blocks {
		for _, tx := range a.Txs {
			ids = append(ids, tx.ID())
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := c.store.FindTxs(ids)
	if err != nil {
		return nil, err
	}
	var mined map[pow.Hash]pow.Hash
	for i, hash := range found {
		if hash == (pow.Hash{}) {
			continue
		}
		if mined == nil {
			mined = map[pow.Hash]pow.Hash{}
		}
		mined[ids[i]] = hash
	}
	return mined, nil
}

// staysMined reports whether a transaction is on the branch that the move has built
// so far: in a block that it connects, or in a block that it does not disconnect.
// minedIn is the block of the active branch that contains the transaction now, or the
// zero hash.
func (c *Chain) staysMined(m *move, id, minedIn pow.Hash) (bool, error) {
	if _, ok := m.ids[id]; ok {
		return true, nil
	}
	if minedIn == (pow.Hash{}) {
		return false, nil
	}
	i, ok := c.tree.find(minedIn)
	if !ok || !c.tree.isActive(i) {
		return false, fmt.Errorf("%w: transaction %s is indexed in block %s, which is not on the active branch", ErrDamaged, id, minedIn)
	}
	staying := len(c.tree.active) - len(m.disconnect)
	return int(c.tree.at(i).height) < staying, nil
}

// collectReturned reads the bodies of the blocks that a move disconnects, one at a
// time, and keeps the transactions that the blocks to connect do not have.
func (c *Chain) collectReturned(m *move) error {
	for _, i := range slices.Backward(m.disconnect) {
		b, err := c.Block(c.tree.at(i).hash)
		if err != nil {
			return err
		}
		for _, tx := range b.Txs {
			if _, ok := m.ids[tx.ID()]; !ok {
				m.returned = append(m.returned, tx)
			}
		}
	}
	return nil
}
