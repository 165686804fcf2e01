package chain

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"

	"github.com/lodepow/lode/pow"
)

// move is a way from the active tip to another one.
type move struct {
	disconnect []int32 // the old tip first
	connect    []int32 // the lowest first; in the store already

	ids      map[pow.Hash]struct{} // transactions of the blocks to connect
	returned []block.Tx            // of the blocks to disconnect and none to connect, the oldest first
}

// advance puts new blocks on the node parent and makes the last one the tip. The
// branch has the most work from the block run[first] on. When one of them, or a
// stored block between them and the active branch, has a transaction twice, then
// what is below stays, as it would if the blocks had come one by one. advance
// returns how many it has put beside the active branch or on it. The caller holds
// write.
func (c *Chain) advance(parent int32, run []arrival, first int) (side, best int, err error) {
	m := c.newMove(parent)
	connected := 0
	refused := c.connectStored(&m)
	if refused == nil {
		connected, refused = c.connectTxs(&m, blocksOf(run)...)
	}
	if refused != nil && !isRule(refused) {
		return 0, 0, refused
	}
	if connected > first {
		if err := c.commitMove(&m, run[:connected], run[connected-1].next, parent); err != nil {
			return 0, 0, err
		}
		if refused != nil {
			c.invalid.add(run[connected].hash)
		}
		return 0, connected, refused
	}

	// The first one with the most work is bad, or one below it.
	if err := c.addSide(parent, run[:first]); err != nil {
		return 0, 0, err
	}
	if connected < first && !errors.Is(refused, block.BadPrev) {
		i, _ := c.tree.find(run[connected].hash)
		refused = c.markInvalid(i, refused)
	}
	c.invalid.add(run[first].hash)
	return first, 0, refused
}

// settle moves to the stored branch with the most work, if that is not the
// active one. Only a store that this chain has not written, or whose rules were
// others, needs it: Accept leaves no block with more work than the tip. A branch
// with a bad block is marked, and the next best tried.
func (c *Chain) settle() error {
	for {
		best := c.tree.best()
		if best == c.tree.tip() {
			return nil
		}
		m := c.newMove(best)
		err := c.connectStored(&m)
		if err == nil {
			err = c.commitMove(&m, nil, c.tree.state(best), best)
		}
		if err != nil && !isRule(err) {
			return err
		}
	}
}

func (c *Chain) newMove(to int32) move {
	m := move{ids: map[pow.Hash]struct{}{}}
	m.disconnect, m.connect = c.tree.route(to)
	return m
}

// connectStored checks the transactions of the stored blocks of a move. Bodies
// are read one at a time, and only ids are kept. A block that fails is marked
// invalid with all above it.
func (c *Chain) connectStored(m *move) error {
	for _, i := range m.connect {
		b, err := c.Block(c.tree.at(i).hash)
		if err == nil {
			_, err = c.connectTxs(m, b)
		}
		if isRule(err) {
			return c.markInvalid(i, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// markInvalid marks a stored block and all above it, and returns what is to be
// said of those.
func (c *Chain) markInvalid(i int32, why error) error {
	hash := c.tree.at(i).hash
	c.mu.Lock()
	c.tree.invalidate(i)
	c.mu.Unlock()
	c.log.Warn("a stored branch is invalid", "block", hash, "error", why)
	return block.Reject(block.BadPrev, "block %s: %v", hash, why)
}

// connectTxs checks that no transaction of the blocks stands below it on the
// branch as it will be: neither in a block to connect, nor in one of the active
// branch that stays. It stops at the first block that has one, and returns how
// many there are before.
func (c *Chain) connectTxs(m *move, blocks ...block.Block) (good int, err error) {
	var ids []pow.Hash
	for _, b := range blocks {
		for _, tx := range b.Txs {
			ids = append(ids, tx.ID())
		}
	}
	if len(ids) == 0 {
		return len(blocks), nil
	}
	mined, err := c.store.FindTxs(ids)
	if err != nil {
		return 0, err
	}
	for good, b := range blocks {
		for i := range b.Txs {
			if err := rules.CheckUnmined(ids[i], func(id pow.Hash) (bool, error) { return c.staysMined(m, id, mined[i]) }); err != nil {
				return good, err
			}
		}
		for _, id := range ids[:len(b.Txs)] {
			m.ids[id] = struct{}{}
		}
		ids, mined = ids[len(b.Txs):], mined[len(b.Txs):]
	}
	return len(blocks), nil
}

// staysMined reports whether a transaction, which the index has in that block if
// at all, is in the chain when the move is made as far as it has got.
func (c *Chain) staysMined(m *move, id, blk pow.Hash) (bool, error) {
	if _, ok := m.ids[id]; ok {
		return true, nil
	}
	if blk == (pow.Hash{}) {
		return false, nil
	}
	i, ok := c.tree.find(blk)
	if !ok || !c.tree.isActive(i) {
		return false, fmt.Errorf("%w: transaction %s is indexed in block %s, which is not on the active branch", ErrDamaged, id, blk)
	}
	staying := len(c.tree.active) - len(m.disconnect)
	return int(c.tree.at(i).height) < staying, nil
}

// returnTxs collects the transactions that a move takes out of the chain.
func (c *Chain) returnTxs(m *move) error {
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

// commitMove makes the move, first on disk, in one change, and then in memory.
// New blocks come on top of the node parent; without any, the move is to that
// node. next is the state after it.
func (c *Chain) commitMove(m *move, run []arrival, next rules.State, parent int32) error {
	if err := c.returnTxs(m); err != nil {
		return err
	}
	change := Change{Blocks: blocksOf(run), Disconnect: c.hashes(m.disconnect), Connect: c.hashes(m.connect)}
	for _, a := range run {
		change.Connect = append(change.Connect, a.hash)
	}

	c.mu.Lock()
	seq := c.pool.reserve(len(m.returned))
	for i, tx := range m.returned {
		change.AddPending = append(change.AddPending, Pending{Seq: seq + uint64(i), Tx: tx})
	}
	change.RemovePending = slices.Clone(c.stale)
	removed := map[uint64]bool{} // of the pool
	for id := range m.ids {
		if e := c.pool.entries[id]; e != nil && e.durable {
			change.RemovePending = append(change.RemovePending, e.seq)
			removed[e.seq] = true
		}
	}
	slices.Sort(change.RemovePending)
	stale := len(c.stale)
	c.mu.Unlock()

	if err := c.store.Commit(change); err != nil {
		return err
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	to, added := c.addNodes(parent, run)
	c.tree.activate(to)
	if len(run) > 0 { // not while a store is being opened
		c.observeMove(len(m.disconnect), slices.Concat(m.connect, added))
	}
	c.tip = next
	c.stale = slices.Delete(c.stale, 0, stale) // posts only append to it
	for id := range m.ids {
		if e := c.pool.entries[id]; e != nil {
			c.pool.remove(e)
			// A write that was over too late for the change. One that is not over
			// yet is left to who waits for it.
			if e.durable && !removed[e.seq] {
				c.stale = append(c.stale, e.seq)
			}
		}
	}
	c.restore(change.AddPending)

	ev := Event{Kind: EventTip, Tip: next, Connected: change.Connect, Disconnected: change.Disconnect}
	if len(m.disconnect) > 0 {
		ev.Kind = EventReorg
		for _, tx := range m.returned {
			ev.Returned = append(ev.Returned, tx.ID())
		}
		c.log.Info("reorg", "tip", next.Hash, "height", next.Height,
			"disconnected", len(change.Disconnect), "connected", len(change.Connect), "returned", len(m.returned))
	}
	c.events.add(ev)
	return nil
}

// restore puts what a reorg returns before all that waits.
func (c *Chain) restore(returned []Pending) {
	after := c.pool.head
	for _, p := range returned {
		if e := c.pool.entries[p.Tx.ID()]; e != nil {
			c.pool.remove(e) // a post of it that is under way, see addTx,
			if e.durable {   // or was over before memory had the move
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
