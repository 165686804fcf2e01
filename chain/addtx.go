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
	TxKnown           // it was pending already
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

// AddTx puts a transaction into the mempool and returns when it is on disk. It
// may be called by thousands at once, whose writes the store may join.
//
// Errors are [ErrPoolFull], a [RuleError] ([TxAlreadyMined], [TxUnsigned],
// [TxOversize]), or the store's; then the transaction is not pending.
func (c *Chain) AddTx(tx block.Tx) (TxOutcome, error) {
	outcome, err := c.addTx(tx)
	c.tellPosted(outcome, err)
	c.events.deliver()
	return outcome, err
}

// addTx holds mu before and after the write and not meanwhile, so anything may
// happen in between. The entry, in the mempool from the start, sorts it out:
//
//   - The same transaction is posted again: that call waits for this one's write
//     and shares its outcome.
//   - A block that has the transaction is connected: that takes the entry out
//     and leaves the pending write, which it cannot know to be over, to us. This
//     is why the store is asked for the transaction only after the entry is in:
//     a block connected before that is found there, a later one finds the entry.
//   - A reorg returns the transaction: its own entry, already on disk, takes
//     the place of ours, which is gone as if mined.
func (c *Chain) addTx(tx block.Tx) (TxOutcome, error) {
	if err := c.params.CheckTx(tx); err != nil {
		return 0, err
	}
	c.mu.Lock()
	if e := c.pool.entries[tx.ID()]; e != nil {
		c.mu.Unlock()
		<-e.done
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

	err = rules.CheckUnmined(tx.ID(), c.isMined)
	written := false
	if err == nil {
		err = c.store.Commit(Change{AddPending: []Pending{{Seq: e.seq, Tx: tx}}})
		written = err == nil
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case e.gone:
		if written {
			c.stale = append(c.stale, e.seq)
		}
		// In a block, or pending by another entry: on disk in any case, even if
		// our own write failed.
		if !isRule(err) {
			err = nil
		}
	case err != nil:
		c.pool.remove(e)
	default:
		c.pool.settle(e)
		c.events.add(Event{Kind: EventTx, Tip: c.tip, Tx: tx})
	}
	e.err = err
	close(e.done)
	if err != nil {
		return 0, err
	}
	return TxAdded, nil
}

// isMined reports whether the transaction stands on the active branch as the
// store has it.
func (c *Chain) isMined(id pow.Hash) (bool, error) {
	_, err := c.store.FindTx(id)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
