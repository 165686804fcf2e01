package chain

import (
	"fmt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// load reads the store into memory and moves to the branch with the most work. It
// writes genesis into an empty store.
func (c *Chain) load() error {
	l := loader{params: c.params, tree: c.tree, last: c.tip}
	tip, pending, err := c.store.Load(l.add)
	if err != nil {
		return err
	}
	if l.count == 0 && tip == (pow.Hash{}) {
		header, coinbase := c.params.Genesis()
		return c.store.Commit(Change{
			Blocks:  []block.Block{{Header: header, Coinbase: coinbase}},
			Connect: []pow.Hash{c.tip.Hash},
		})
	}
	i, ok := c.tree.find(tip)
	if l.count == 0 || !ok {
		return fmt.Errorf("%w: the tip %s is not one of its blocks", ErrDamaged, tip)
	}
	c.tree.activate(i)
	c.tip = c.tree.state(i)
	if err := c.loadPending(pending); err != nil {
		return err
	}
	return c.moveToBest()
}

// loadPending puts the pending transactions of the store into the mempool. It removes
// from the store the transactions that are mined or that are pending twice. Such
// records are those that Chain.stale listed when the program ended.
func (c *Chain) loadPending(pending []Pending) error {
	var stale []uint64
	for i, p := range pending {
		if i > 0 && p.Seq <= pending[i-1].Seq {
			return fmt.Errorf("%w: pending transaction %s has the number %d after %d", ErrDamaged, p.Tx.ID(), p.Seq, pending[i-1].Seq)
		}
		mined, err := c.isMined(p.Tx.ID())
		if err != nil {
			return err
		}
		if mined || c.pool.entries[p.Tx.ID()] != nil {
			stale = append(stale, p.Seq)
			continue
		}
		c.pool.restore(p, c.pool.head.prev)
	}
	if len(pending) > 0 {
		c.pool.low = min(c.pool.low, pending[0].Seq)
		c.pool.high = max(c.pool.high, pending[len(pending)-1].Seq+1)
	}
	if len(stale) == 0 {
		return nil
	}
	return c.store.Commit(Change{RemovePending: stale})
}

// loader checks the headers of a store and adds them to the tree.
type loader struct {
	params rules.Params
	tree   *tree
	last   rules.State // at the previous header, which normally is the parent of the next
	count  int         // headers so far
}

func (l *loader) add(h pow.Header) error {
	hash := h.Hash()
	l.count++
	if l.count == 1 {
		if hash != l.last.Hash {
			return fmt.Errorf("%w: its first block is %s, but the genesis of the network %s is %s", ErrDamaged, hash, l.params.Name(), l.last.Hash)
		}
		return nil
	}
	if _, ok := l.tree.find(hash); ok {
		return fmt.Errorf("%w: it has block %s twice", ErrDamaged, hash)
	}
	parent, ok := l.tree.find(h.Prev)
	if !ok {
		return fmt.Errorf("%w: block %s comes before its parent %s", ErrDamaged, hash, h.Prev)
	}
	s := l.last
	if s.Hash != h.Prev {
		s = l.tree.state(parent)
	}
	if err := s.CheckHashedHeader(l.params, h, hash); err != nil {
		return fmt.Errorf("%w: block %s at height %d: %w", ErrDamaged, hash, s.Height+1, err)
	}
	l.last = s.ApplyHashed(h, hash)
	l.tree.add(parent, h, l.last)
	return nil
}

// moveToBest moves to the stored branch with the most work, if that is not the active
// one. Accept leaves no block with more work than the tip, so this is needed only
// for a store that another program has written, or that was written under other
// rules. A branch with a bad block is marked, and the next best is tried.
func (c *Chain) moveToBest() error {
	for best := c.tree.best(); best != c.tree.tip(); best = c.tree.best() {
		p := plan{parent: best}
		if err := c.planMove(&p, 0); err != nil {
			return err
		}
		if err := c.carryOut(&p); err != nil {
			return err
		}
	}
	return nil
}
