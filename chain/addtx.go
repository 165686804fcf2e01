package chain

import (
	"errors"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// TxOutcome is what became of a transaction that was not refused.
type TxOutcome int

// Outcomes of [Chain.AddTx].
const (
	TxAdded TxOutcome = iota + 1
	TxKnown           // the transaction was pending already
)

// String returns the outcome as a word: added, known.
func (o TxOutcome) String() string {
	switch o {
	case TxAdded:
		return "added"
	case TxKnown:
		return "known"
	}
	return "none"
}

// AddTx puts a transaction into the mempool and returns when the transaction is on
// disk. Thousands of calls may be under way at the same time; the store may join
// their writes.
//
// The error is [ErrPoolFull], a [block.RuleError] ([block.TxAlreadyMined],
// [block.TxUnsigned], [block.TxOversize]), or the store's. In each case the
// transaction is not pending.
func (c *Chain) AddTx(tx block.Tx) (TxOutcome, error) {
	defer c.events.deliver()
	outcome, err := c.addTx(tx)
	c.tellPosted(outcome, err)
	return outcome, err
}

// addTx holds mu before and after the write but not during the write, so that other
// calls can run meanwhile. Because the entry is in the mempool from the start, the
// outcome is well defined even if such a call concerns the same transaction:
//
//   - If the same transaction is posted again, the second call waits for this
//     call's write and shares its outcome.
//   - If a block that contains the transaction is connected, the move takes the
//     entry out of the mempool. The move cannot know whether this call has written
//     the transaction to the store yet, so this call adds its number to Chain.stale.
//     For this to work, the store looks for the transaction in the blocks only after the
//     entry is in the mempool: a block that was connected before that moment is
//     found in the store, and a block that is connected later finds the entry.
//   - If a reorg returns the transaction, a new entry, which is on disk already,
//     takes the place of this call's entry. For this call that is the same as if
//     the transaction had been mined.
func (c *Chain) addTx(tx block.Tx) (TxOutcome, error) {
	if err := c.params.CheckTx(tx); err != nil {
		return 0, err
	}
	c.mu.Lock()
	if e := c.pool.entries[tx.ID()]; e != nil {
		written := e.wait()
		c.mu.Unlock()
		if written != nil {
			<-written
		}
		if e.err != nil {
			return 0, e.err
		}
		return TxKnown, nil
	}
	e, err := c.pool.add(tx)
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}

	err = c.store.Commit(Change{AddPending: []Pending{{Seq: e.seq, Tx: tx}}, Unmined: true})
	written := err == nil
	if errors.Is(err, ErrMined) {
		err = rules.CheckUnmined(tx.ID(), func(pow.Hash) (bool, error) { return true, nil })
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case e.gone:
		if written {
			c.stale = append(c.stale, e.seq)
		}
		// The transaction is in a block, or pending with another entry. Either way
		// it is on disk, even if this call's own write has failed, or was refused
		// because of that block.
		err = nil
	case err != nil:
		c.pool.remove(e)
	default:
		c.pool.markDurable(e)
		c.events.add(Event{Kind: EventTx, Tip: c.tip, Tx: tx})
	}
	e.finish(err)
	if err != nil {
		return 0, err
	}
	return TxAdded, nil
}

// isMined reports whether the store has the transaction in a block of the active
// branch.
func (c *Chain) isMined(id pow.Hash) (bool, error) {
	in, err := c.store.FindTxs([]pow.Hash{id}) // unlike FindTx, it makes no sentence of what is usual
	return err == nil && in[0] != pow.Hash{}, err
}
