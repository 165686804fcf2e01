package chain

import (
	"slices"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// carryOut commits a plan to the store, with one write, and then applies it to
// memory. If the store fails, nothing has changed. The caller holds write.
func (c *Chain) carryOut(p *plan) error {
	var w storeWrite
	if len(p.blocks) > 0 || p.move != nil {
		w = c.prepareWrite(p)
		if err := c.store.Commit(w.Change); err != nil {
			return err
		}
	}
	c.apply(p, &w)
	return nil
}

// storeWrite is the change that a plan makes to the store, with a note of what the
// change removes. Posts go on during the write, so the mempool may have changed when
// the write is over.
type storeWrite struct {
	Change
	removed map[uint64]bool // those numbers in RemovePending that are of mempool entries
	stale   int             // how many of the first numbers in Chain.stale are in RemovePending
}

// prepareWrite returns the change of the store that a plan makes. Besides the
// blocks it holds the pending transactions: those that the move returns become
// pending, and those that it connects are removed, together with the stale ones.
func (c *Chain) prepareWrite(p *plan) storeWrite {
	w := storeWrite{Change: Change{Blocks: make([]block.Block, len(p.blocks))}}
	for i, a := range p.blocks {
		w.Blocks[i] = a.Block
	}
	m := p.move
	if m == nil {
		return w
	}
	w.Disconnect = c.hashes(m.disconnect)
	w.Connect = c.hashes(m.connect)
	for _, a := range p.blocks {
		w.Connect = append(w.Connect, a.hash)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	seq := c.pool.reserve(len(m.returned))
	for i, tx := range m.returned {
		w.AddPending = append(w.AddPending, Pending{Seq: seq + uint64(i), Tx: tx})
	}
	w.RemovePending = slices.Clone(c.stale)
	w.stale = len(c.stale)
	w.removed = map[uint64]bool{}
	for id := range m.ids {
		if e := c.pool.entries[id]; e != nil && e.durable {
			w.RemovePending = append(w.RemovePending, e.seq)
			w.removed[e.seq] = true
		}
	}
	slices.Sort(w.RemovePending)
	return w
}

// apply changes memory as the plan says, now that the store has the change. No
// other code adds to the tree or to the refused blocks, moves the tip, or takes
// mined transactions out of the mempool.
func (c *Chain) apply(p *plan, w *storeWrite) {
	c.mu.Lock()
	defer c.mu.Unlock()
	top := p.parent
	for _, a := range p.blocks {
		top = c.tree.add(top, a.Header, a.next)
		if p.move == nil {
			c.events.add(Event{Kind: EventSide, Tip: c.tip, Block: a.hash})
		}
	}
	if p.move != nil {
		c.applyMove(p.move, w, top)
	}
	if i, ok := c.tree.find(p.spoiled); ok {
		c.tree.invalidate(i)
		c.log.Warn("a stored branch is invalid", "block", p.spoiled, "err", p.spoiledBy)
	}
	if p.fault.isFound() && p.fault.effect == rules.Condemn {
		c.refused.add(p.bad.hash)
	}
	if p.hold {
		c.held.add(p.bad.Block, p.bad.hash, p.fault.early)
	}
	if p.move != nil { // last, because an observer may panic
		c.tellMove(len(w.Disconnect), w.Connect, p.waited())
	}
}

// applyMove makes the node top the tip. The caller holds mu.
func (c *Chain) applyMove(m *move, w *storeWrite, top int32) {
	c.tree.activate(top)
	c.tip = c.tree.state(top)
	c.stale = slices.Delete(c.stale, 0, w.stale) // posts only append to it
	for id := range m.ids {
		e := c.pool.entries[id]
		if e == nil {
			continue
		}
		c.pool.remove(e)
		// The post of this transaction was written to the store during the write of
		// the move, which therefore could not remove it. If the post is still being
		// written, addTx notices that its entry is gone.
		if e.durable && !w.removed[e.seq] {
			c.stale = append(c.stale, e.seq)
		}
	}
	c.returnToPool(w.AddPending)

	ev := Event{Kind: EventTip, Tip: c.tip, Connected: w.Connect, Disconnected: w.Disconnect}
	if len(m.disconnect) > 0 {
		ev.Kind = EventReorg
		for _, tx := range m.returned {
			ev.Returned = append(ev.Returned, tx.ID())
		}
		c.log.Info("reorg", "tip", c.tip.Hash, "height", c.tip.Height,
			"disconnected", len(w.Disconnect), "connected", len(w.Connect), "returned", len(m.returned))
	}
	c.events.add(ev)
}

// returnToPool puts the transactions that a move returns in front of all other
// transactions in the mempool. The caller holds mu.
func (c *Chain) returnToPool(returned []Pending) {
	after := c.pool.head
	for _, p := range returned {
		if e := c.pool.entries[p.Tx.ID()]; e != nil {
			// The same transaction has been posted again. The post is still being
			// written (see addTx), or was written between the commit of the move and
			// this call.
			c.pool.remove(e)
			if e.durable {
				c.stale = append(c.stale, e.seq)
			}
		}
		after = c.pool.restore(p, after)
	}
}

func (c *Chain) hashes(nodes []int32) []pow.Hash {
	hashes := make([]pow.Hash, len(nodes))
	for i, n := range nodes {
		hashes[i] = c.tree.at(n).hash
	}
	return hashes
}
