package chain

import (
	"errors"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

// Outcome is what became of a block that was not refused.
type Outcome int

// Outcomes of [Chain.Accept].
const (
	Best  Outcome = iota + 1 // on the active branch, as its new tip
	Side                     // stored beside the active branch
	Known                    // stored before
	Held                     // in memory until its parent or its time comes
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

// Accept takes a block from anywhere. When it returns the block is on disk, with
// the reorg that it may have brought about, unless it is only held. Blocks held
// that waited for this one are taken with it.
//
// The error is a [RuleError] when the block is refused, or the store's when it
// could not be kept; then all is as it was before.
func (c *Chain) Accept(b block.Block) (Outcome, error) {
	outcome, err := c.accept(b)
	c.events.deliver()
	return outcome, err
}

// RetryHeld takes the blocks held from the future whose time has come. Accept
// does so too; whoever runs a chain calls it now and then.
func (c *Chain) RetryHeld() {
	c.write.Lock()
	c.retry()
	c.write.Unlock()
	c.events.deliver()
}

func (c *Chain) accept(b block.Block) (outcome Outcome, err error) {
	start := c.now()
	defer func() {
		c.metrics.countBlock(outcome, err)
		if outcome == Best || outcome == Side {
			c.metrics.accept.Observe(c.now().Sub(start).Seconds())
		}
	}()
	a := arrival{Block: b, hash: b.Hash()}
	if outcome, err := c.known(a.hash); outcome != 0 || err != nil {
		return outcome, err
	}
	// Most of the work needs no lock.
	final, errCheck := c.check(a)
	if errCheck != nil && !final {
		return 0, errCheck
	}

	c.write.Lock()
	defer c.write.Unlock()
	c.retry()
	if errCheck != nil {
		c.refuse(a.hash)
		return 0, errCheck
	}
	outcome, err = c.placeOrHold(a)
	if outcome == Best || outcome == Side || isRefusal(err) {
		c.adopt(a.hash)
	}
	return outcome, err
}

// hold keeps a block in memory, or returns why when there is no room for it.
func (c *Chain) hold(a arrival, why error) (Outcome, error) {
	if !c.held.add(a.Block, a.hash, errors.Is(why, block.TimeTooNew)) {
		return 0, why
	}
	c.metrics.heldBlocks.Set(float64(len(c.held.blocks)))
	return Held, nil
}

func (c *Chain) placeOrHold(a arrival) (Outcome, error) {
	placed, err := c.place([]arrival{a})
	if isRule(err) && !isRefusal(err) {
		return c.hold(a, err)
	}
	return placed.outcome(), err
}

// adopt places the held blocks above one that has just been placed or refused;
// refused ones pass that on. The caller holds write.
func (c *Chain) adopt(hash pow.Hash) {
	for parents := []pow.Hash{hash}; len(parents) > 0; parents = parents[1:] {
		for _, b := range c.held.take(parents[0]) {
			if c.placeHeld(b) {
				parents = append(parents, b.hash)
			}
		}
	}
}

// retry places the blocks from the future whose time has come. The caller holds
// write.
func (c *Chain) retry() {
	for _, b := range c.held.takeDue(c.now().Unix() + int64(c.params.Limits().FutureSeconds)) {
		if c.placeHeld(b) {
			c.adopt(b.hash)
		}
	}
}

// placeHeld reports whether the block has been placed or refused, which settles
// it.
func (c *Chain) placeHeld(b heldBlock) bool {
	outcome, err := c.placeOrHold(arrival{Block: b.Block, hash: b.hash})
	if err != nil && !isRule(err) {
		// The store's fault. Whoever sent the block has been told that it is
		// held, so it has to be tried again.
		c.held.add(b.Block, b.hash, true)
	}
	c.metrics.heldBlocks.Set(float64(len(c.held.blocks)))
	if outcome == Held {
		return false
	}
	c.metrics.countBlock(outcome, err)
	c.log.Debug("held block", "block", b.hash, "height", b.Height(), "outcome", outcome, "error", err)
	return err == nil || isRefusal(err)
}
