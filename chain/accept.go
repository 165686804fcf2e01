package chain

import (
	"slices"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// Outcome is what became of a block that was not refused.
type Outcome int

// Outcomes of [Chain.Accept].
const (
	Best  Outcome = iota + 1 // stored as the new tip of the active branch
	Side                     // stored beside the active branch
	Known                    // already stored before
	Held                     // kept in memory until its parent arrives or its time comes
)

// String returns the outcome as a word: best, side, known, held.
func (o Outcome) String() string {
	switch o {
	case Best:
		return "best"
	case Side:
		return "side"
	case Known:
		return "known"
	case Held:
		return "held"
	}
	return "none"
}

// Accept adds a block from any source to the chain. When it returns, the block is on
// disk, together with the reorg that it may have caused, unless the block is only
// held. Held blocks that waited for this one have been placed as well.
//
// The error is a [block.RuleError] if the block is refused, or the store's if the
// block could not be written. In the second case everything is as it was before.
func (c *Chain) Accept(b block.Block) (Outcome, error) {
	_, outcome, err := c.accept([]block.Block{b}, true)
	return outcome, err
}

// AcceptAll adds a batch of blocks, each of which is the parent of the next, as a
// node gets them when it syncs. The parent of the first block has to be in the
// store. AcceptAll gives the guarantees of [Chain.Accept] and normally writes to the
// store once for the whole batch. A batch should therefore have some hundred
// blocks, or a few megabytes.
//
// When AcceptAll returns, blocks[:taken] are on disk; blocks that were known before
// count as taken. If the error is a [block.RuleError], it is the verdict on
// blocks[taken]; the blocks after that one have not been looked at. No block is
// held: an unknown parent is the error [block.PrevNotFound], and a time too far
// ahead of the clock is the error [block.TimeTooNew]. Any other error is the
// store's, or says that the blocks do not follow each other.
//
// If the branch overtakes the active one in the middle of the batch, there is one
// [EventReorg] with all of its blocks connected. The clock is read once for the
// batch.
func (c *Chain) AcceptAll(blocks []block.Block) (taken int, err error) {
	taken, _, err = c.accept(blocks, false)
	return taken, err
}

// accept is the only path by which blocks enter the chain. First the blocks are
// checked by themselves, without a lock. Then a plan says what will become of them,
// the plan is committed to the store and applied to memory, and the held blocks
// that waited for them follow in the same way. Finally the subscribers are notified.
//
// last is the outcome of the last block that was stored, known or held.
func (c *Chain) accept(blocks []block.Block, mayHold bool) (taken int, last Outcome, err error) {
	defer c.events.deliver()
	start := c.now()
	run, err := newRun(blocks)
	if err != nil {
		return 0, 0, err
	}
	run, known := c.check(run)
	if p, ok := planWithoutChange(run, known); ok {
		c.tellPlaced(&p, start)
		if p.refusal() == nil && c.held.count.Load() > 0 {
			c.RetryHeld()
		}
		return known, p.outcome(), p.refusal()
	}

	c.write.Lock()
	defer c.write.Unlock()
	c.placeDue()
	for taken < len(run) && err == nil {
		p, errStore := c.place(c.upToAwaited(run[taken:]), mayHold)
		c.tellPlaced(&p, start)
		taken += p.taken()
		if errStore != nil {
			return taken, 0, errStore
		}
		last, err = p.outcome(), p.refusal()
		if hash, ok := p.decided(); ok {
			c.placeChildren(hash)
		}
		c.placeAboveSpoiled(&p)
		if p.hold {
			break
		}
	}
	return taken, last, err
}

// place makes a plan for a run of blocks and carries it out. The error is the
// store's. Then nothing has changed, and of the plan there remain only the blocks
// that were known before. The caller holds write.
func (c *Chain) place(run []arrival, mayHold bool) (plan, error) {
	p, err := c.plan(run, mayHold)
	if err == nil {
		err = c.carryOut(&p)
	}
	if err != nil {
		return plan{known: p.known}, err
	}
	return p, nil
}

// upToAwaited returns the blocks of a run up to the first for which a held block
// waits. The held block came before the rest of the run, so it is placed before the
// rest. The order is then the same as if the blocks of the run came one by one.
func (c *Chain) upToAwaited(run []arrival) []arrival {
	for i, a := range run {
		if c.held.isAwaited(a.hash) {
			return run[:i+1]
		}
	}
	return run
}

// RetryHeld takes the held blocks that came ahead of the clock and whose time has
// come, and the stored blocks that [Chain.HoldBack] has held back and whose time has
// come. For the former, Accept and AcceptAll do the same before they place a new block.
// A program that runs a chain calls RetryHeld every few seconds, for the times when no
// new block comes.
func (c *Chain) RetryHeld() {
	defer c.events.deliver()
	c.write.Lock()
	defer c.write.Unlock()
	c.takeBack()
	c.placeDue()
}

// placeDue places the early blocks whose time has come, and all held blocks above
// them. The caller holds write.
func (c *Chain) placeDue() {
	for _, b := range c.held.takeDue(c.params.LatestTime(c.now())) {
		if c.placeHeld(b) {
			c.placeChildren(b.hash)
		}
	}
}

// placeChildren places the held blocks above a block that now has its final
// verdict. If that block was refused, so are they. The caller holds write.
func (c *Chain) placeChildren(hash pow.Hash) {
	for parents := []pow.Hash{hash}; len(parents) > 0; parents = parents[1:] {
		for _, b := range c.held.takeChildren(parents[0]) {
			if c.placeHeld(b) {
				parents = append(parents, b.hash)
			}
		}
	}
}

// placeAboveSpoiled places, and so refuses, the held blocks above stored blocks that
// a plan has marked as invalid. Early blocks are among them; without this they would
// be held until their time comes. The caller holds write.
func (c *Chain) placeAboveSpoiled(p *plan) {
	if p.spoiled == (pow.Hash{}) {
		return
	}
	for _, hash := range slices.Clone(c.held.order) {
		if b, ok := c.held.blocks[hash]; ok && c.isRefused(b.prev) {
			c.placeChildren(b.prev)
		}
	}
}

// placeHeld places a block that has been removed from the held ones, or holds it
// again. It reports whether the verdict on the block is final. The caller holds
// write.
func (c *Chain) placeHeld(b heldBlock) bool {
	parsed, err := block.Load(b.raw)
	if err != nil { // the bytes are those of a block that was checked
		c.log.Error("held block cannot be read and is dropped", "block", b.hash, "err", err)
		return true
	}
	p, err := c.place([]arrival{{Block: parsed, hash: b.hash, waited: true}}, true)
	if err != nil {
		// The store has failed. The block is held again and tried later, because
		// its source was told that it is held.
		c.held.add(parsed, b.hash, true)
		c.log.Debug("held block not written", "block", b.hash, "height", parsed.Height(), "err", err)
		return false
	}
	if p.hold {
		return false
	}
	c.tellUnheld(&p)
	c.placeAboveSpoiled(&p)
	c.log.Debug("held block", "block", b.hash, "height", parsed.Height(), "outcome", p.outcome(), "err", p.refusal())
	return p.fault.effect != rules.Wait
}
