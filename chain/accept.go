package chain

import (
	"errors"

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
func (c *Chain) Accept(b Block) (Outcome, error) {
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

func (c *Chain) accept(b Block) (outcome Outcome, err error) {
	start := c.now()
	defer func() {
		c.metrics.countBlock(outcome, err)
		if outcome == Best || outcome == Side {
			c.metrics.accept.Observe(c.now().Sub(start).Seconds())
		}
	}()
	hash := b.Hash()
	if outcome, err := c.known(hash); outcome != 0 || err != nil {
		return outcome, err
	}

	// Most of the work needs no lock. A body that does not belong to the header
	// must not be held against the hash.
	if err := c.params.CheckHeader(b.Header); err != nil {
		return 0, err
	}
	if err := c.params.checkBody(b); err != nil {
		return 0, err
	}
	errTxs := c.params.checkTxs(b)
	c.metrics.verify.Observe(c.now().Sub(start).Seconds())

	c.write.Lock()
	defer c.write.Unlock()
	c.retry()
	if errTxs != nil {
		c.invalid.add(hash)
		outcome, err = 0, errTxs
	} else {
		outcome, err = c.place(b, hash)
	}
	if outcome == Best || outcome == Side || isRule(err) {
		c.adopt(hash)
	}
	return outcome, err
}

// known returns the outcome of a block that is in the tree.
func (c *Chain) known(hash pow.Hash) (Outcome, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, ok := c.tree.find(hash)
	switch {
	case !ok:
		return 0, nil
	case c.tree.at(i).invalid:
		return 0, reject(DuplicateInvalid, "block %s, or one below it, was refused before", hash)
	}
	return Known, nil
}

// place finds the place of a block that is good by itself. The caller holds
// write.
func (c *Chain) place(b Block, hash pow.Hash) (Outcome, error) {
	if outcome, err := c.known(hash); outcome != 0 || err != nil {
		return outcome, err
	}
	if c.invalid.has(hash) {
		return 0, reject(DuplicateInvalid, "block %s was refused before", hash)
	}
	prev := b.Header.Prev
	parent, ok := c.tree.find(prev)
	if c.invalid.has(prev) || ok && c.tree.at(parent).invalid {
		c.invalid.add(hash)
		return 0, reject(BadPrev, "parent %s, or one below it, was refused", prev)
	}
	if !ok {
		return c.hold(b, hash, reject(PrevNotFound, "parent %s", prev))
	}
	s := c.tree.state(parent)
	if err := s.checkPlace(c.params, b); err != nil {
		c.invalid.add(hash)
		return 0, err
	}
	if err := c.params.checkClock(b.Header, c.now()); err != nil {
		return c.hold(b, hash, err)
	}
	next := s.apply(b.Header, hash)
	outcome := Side
	var err error
	if next.Work.Cmp(c.tip.Work) > 0 {
		outcome, err = Best, c.advance(parent, b, next)
	} else {
		err = c.addSide(parent, b, next)
	}
	if err != nil {
		return 0, err
	}
	return outcome, nil
}

// hold keeps a block in memory, or returns why when there is no room for it.
func (c *Chain) hold(b Block, hash pow.Hash, why error) (Outcome, error) {
	if !c.held.add(b, hash, errors.Is(why, TimeTooNew)) {
		return 0, why
	}
	c.metrics.heldBlocks.Set(float64(len(c.held.blocks)))
	return Held, nil
}

func (c *Chain) addSide(parent int32, b Block, next State) error {
	if err := c.store.Commit(Change{Blocks: []Block{b}}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tree.add(parent, b.Header, next)
	c.events.add(Event{Kind: EventSide, Tip: c.tip, Block: next.Hash})
	return nil
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
	for _, b := range c.held.takeDue(c.now().Unix() + int64(c.params.Limits.FutureSeconds)) {
		if c.placeHeld(b) {
			c.adopt(b.hash)
		}
	}
}

// placeHeld reports whether the block has been placed or refused, which settles
// it.
func (c *Chain) placeHeld(b heldBlock) bool {
	outcome, err := c.place(b.Block, b.hash)
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
	return err == nil || isRule(err)
}
