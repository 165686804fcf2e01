package chain

import (
	"errors"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// Observer is a set of functions that a chain calls as things happen, so that they
// can be counted and measured. Nil functions are skipped.
//
// The chain may be locked during a call, and it waits for the function. The
// functions must therefore be quick and must not call the chain. They may be
// called from several goroutines at the same time. If a function panics, so does the
// call of the chain; the chain stays usable, and a change that has been committed
// stays made. A program that wants to act on a change uses [Chain.Subscribe].
type Observer struct {
	// BlockTaken is called for every block that is not refused. For a held block it
	// is called a second time when the block is placed.
	BlockTaken func(Outcome)

	// BlockRefused is called for every block that is refused.
	BlockRefused func(block.Reason)

	// BlockChecked is called when a block has been checked by itself: proof of
	// work, merkle root, transactions and their signatures. It is not called for a
	// block that fails before its transactions are looked at.
	BlockChecked func(took time.Duration)

	// BlockPlaced is called when a new block is on disk and on its branch, as best
	// or side. took is the time since Accept or AcceptAll was called with it.
	// BlockPlaced is not called for a block that was held, because most of that
	// time is not the chain's work.
	BlockPlaced func(took time.Duration)

	// BlockConnected is called for every block that joins the active branch.
	// interval is the time from the parent's header time to the block's. It is 0
	// if the parent's is later, and for the child of genesis, because the header
	// time of genesis is not from a clock.
	BlockConnected func(interval time.Duration)

	// Reorg is called when depth blocks have left the active branch.
	Reorg func(depth int)

	// TipMoved is called once for each change of the active branch, after Reorg and
	// BlockConnected. No two calls run at the same time, and they come in the order of
	// the changes.
	TipMoved func(TipMove)

	// TxTaken is called for every posted transaction that is pending now.
	TxTaken func(TxOutcome)

	// TxRefused is called for every posted transaction that breaks a rule.
	TxRefused func(block.Reason)

	// TxFull is called for every posted transaction for which the mempool has no
	// room.
	TxFull func()

	// TxFailed is called for every posted transaction that the store could not
	// write or look up.
	TxFailed func(error)
}

// TipMove describes a change of the active branch.
type TipMove struct {
	At      time.Time // when it happened, by the chain's clock
	Rise    int       // height of the new tip minus that of the former one; negative if the branch has become lower
	TipTime time.Time // time in the header of the new tip

	// Waited says that the block of the new tip came some time before At: it was held
	// until its parent or its time came, or held back (see [Chain.HoldBack]).
	Waited bool
}

// Observe attaches an observer to the chain; it stays attached. It may be called at any
// time and more than once; a call that is already under way may miss the new
// observer.
func (c *Chain) Observe(o Observer) { c.observers.Add(o) }

// tellChecked tells the observers that a block has been checked by itself.
func (c *Chain) tellChecked(took time.Duration) {
	for _, o := range c.observers.All() {
		if o.BlockChecked != nil {
			o.BlockChecked(took)
		}
	}
}

// tellPlaced tells the observers about a plan for blocks that came at the time
// start, now that it has been carried out.
func (c *Chain) tellPlaced(p *plan, start time.Time) {
	all := c.observers.All()
	if len(all) == 0 {
		return
	}
	took := c.now().Sub(start)
	for _, o := range all {
		if o.BlockPlaced != nil {
			for range p.blocks {
				o.BlockPlaced(took)
			}
		}
		o.tellOutcomes(p)
		if p.hold && o.BlockTaken != nil {
			o.BlockTaken(Held)
		}
	}
}

// tellUnheld tells the observers about the plan for a block that was held, now
// that it has been carried out.
func (c *Chain) tellUnheld(p *plan) {
	for _, o := range c.observers.All() {
		o.tellOutcomes(p)
	}
}

// tellOutcomes tells the observer about every block of a plan but one that is held.
func (o *Observer) tellOutcomes(p *plan) {
	if o.BlockTaken != nil {
		for range p.known {
			o.BlockTaken(Known)
		}
		for range p.blocks {
			o.BlockTaken(p.outcome())
		}
	}
	var rule block.RuleError
	if o.BlockRefused != nil && errors.As(p.refusal(), &rule) {
		o.BlockRefused(rule.Reason)
	}
}

// tellMove tells the observers that the tip has moved, and whether a block had waited
// for that. The caller holds mu.
func (c *Chain) tellMove(disconnected int, connected []pow.Hash, waited bool) {
	all := c.observers.All()
	if len(all) == 0 {
		return
	}
	move := TipMove{
		At: c.now(), Rise: len(connected) - disconnected,
		TipTime: time.Unix(int64(c.tip.Time), 0), Waited: waited,
	}
	for _, o := range all {
		if o.Reorg != nil && disconnected > 0 {
			o.Reorg(disconnected)
		}
		if o.BlockConnected != nil {
			for _, hash := range connected {
				i, _ := c.tree.find(hash)
				o.BlockConnected(c.tree.interval(i))
			}
		}
		if o.TipMoved != nil {
			o.TipMoved(move)
		}
	}
}

// tellPosted tells the observers what became of a posted transaction.
func (c *Chain) tellPosted(outcome TxOutcome, err error) {
	if err != nil {
		c.tellFailed(err)
		return
	}
	for _, o := range c.observers.All() {
		if o.TxTaken != nil {
			o.TxTaken(outcome)
		}
	}
}

// tellFailed tells the observers why a posted transaction is not pending.
func (c *Chain) tellFailed(err error) {
	var rule block.RuleError
	isRefused := isRule(err) && errors.As(err, &rule)
	for _, o := range c.observers.All() {
		switch {
		case errors.Is(err, ErrPoolFull):
			if o.TxFull != nil {
				o.TxFull()
			}
		case isRefused:
			if o.TxRefused != nil {
				o.TxRefused(rule.Reason)
			}
		default:
			if o.TxFailed != nil {
				o.TxFailed(err)
			}
		}
	}
}
