package chain

import (
	"errors"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"

	"github.com/lodepow/lode/pow"
)

// arrival is a block on its way into the tree.
type arrival struct {
	block.Block
	hash pow.Hash
	next rules.State // with the block on top; set when its place has been found
}

// placed counts what became of blocks.
type placed struct{ known, side, best int }

func (p placed) count() int { return p.known + p.side + p.best }

// outcome is what became of one block, or 0 if it is not placed.
func (p placed) outcome() Outcome {
	switch {
	case p.known > 0:
		return Known
	case p.side > 0:
		return Side
	case p.best > 0:
		return Best
	}
	return 0
}

// isRefusal reports whether a block is bad for good, and not only waiting for its
// parent or its time.
func isRefusal(err error) bool {
	return isRule(err) && !errors.Is(err, block.PrevNotFound) && !errors.Is(err, block.TimeTooNew)
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
		return 0, block.Reject(block.DuplicateInvalid, "block %s, or one below it, was refused before", hash)
	}
	return Known, nil
}

// check checks a block by itself. Only if the error is final does it tell
// something of the hash: with a body that does not belong to the header may come
// another one.
func (c *Chain) check(a arrival) (final bool, err error) {
	start := c.now()
	if err := c.params.CheckHashedHeader(a.Header, a.hash); err != nil {
		return false, err
	}
	if err := c.params.CheckBody(a.Block); err != nil {
		return false, err
	}
	err = c.params.CheckTxs(a.Block)
	c.metrics.verify.Observe(c.now().Sub(start).Seconds())
	return true, err
}

// refuse remembers a block that is bad by itself. The caller holds write.
func (c *Chain) refuse(hash pow.Hash) {
	c.invalid.add(hash)
	c.adopt(hash)
}

// place finds the place of blocks that are good by themselves, each the parent of
// the next. It stops at the first that is bad, and takes those before it, in one
// change of the store. The caller holds write.
func (c *Chain) place(run []arrival) (p placed, err error) {
	for _, a := range run {
		outcome, err := c.known(a.hash)
		if err != nil {
			return p, err
		}
		if outcome == 0 {
			break
		}
		p.known++
	}
	if run = run[p.known:]; len(run) == 0 {
		return p, nil
	}
	parent, err := c.parent(run[0])
	if err != nil {
		return p, err
	}
	good, bad := c.checkPlaces(c.tree.state(parent), run)
	if good > 0 {
		if p.side, p.best, err = c.extend(parent, run[:good]); err != nil {
			return p, err
		}
	}
	if isRefusal(bad) {
		c.invalid.add(run[good].hash)
	}
	return p, bad
}

// parent returns the node below a block.
func (c *Chain) parent(a arrival) (int32, error) {
	if c.invalid.has(a.hash) {
		return 0, block.Reject(block.DuplicateInvalid, "block %s was refused before", a.hash)
	}
	prev := a.Header.Prev
	parent, ok := c.tree.find(prev)
	if c.invalid.has(prev) || ok && c.tree.at(parent).invalid {
		c.invalid.add(a.hash)
		return 0, block.Reject(block.BadPrev, "parent %s, or one below it, was refused", prev)
	}
	if !ok {
		return 0, block.Reject(block.PrevNotFound, "parent %s", prev)
	}
	return parent, nil
}

// checkPlaces returns how many of the blocks can stand on a branch, as far as
// their transactions have no say, and sets their states.
func (c *Chain) checkPlaces(s rules.State, run []arrival) (good int, err error) {
	now := c.now()
	for i := range run {
		a := &run[i]
		if c.invalid.has(a.hash) {
			return i, block.Reject(block.DuplicateInvalid, "block %s was refused before", a.hash)
		}
		if err := s.CheckPlace(c.params, a.Block); err != nil {
			return i, err
		}
		if err := c.params.CheckClock(a.Header, now); err != nil {
			return i, err
		}
		s = s.ApplyHashed(a.Header, a.hash)
		a.next = s
	}
	return len(run), nil
}

// extend puts blocks on the node parent, and makes the last one the tip if the
// branch then has the most work.
func (c *Chain) extend(parent int32, run []arrival) (side, best int, err error) {
	for side < len(run) && run[side].next.Work.Cmp(c.tip.Work) <= 0 {
		side++
	}
	if side < len(run) {
		return c.advance(parent, run, side)
	}
	if err := c.addSide(parent, run); err != nil {
		return 0, 0, err
	}
	return side, 0, nil
}

func (c *Chain) addSide(parent int32, run []arrival) error {
	if len(run) == 0 {
		return nil
	}
	if err := c.store.Commit(Change{Blocks: blocksOf(run)}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addNodes(parent, run)
	for _, a := range run {
		c.events.add(Event{Kind: EventSide, Tip: c.tip, Block: a.hash})
	}
	return nil
}

// addNodes puts blocks into the tree, the first on the node parent, and returns
// the last one's node, or parent if there is none, and all of them.
func (c *Chain) addNodes(parent int32, run []arrival) (top int32, added []int32) {
	top = parent
	for _, a := range run {
		top = c.tree.add(top, a.Header, a.next)
		added = append(added, top)
	}
	return top, added
}

func blocksOf(run []arrival) []block.Block {
	blocks := make([]block.Block, len(run))
	for i, a := range run {
		blocks[i] = a.Block
	}
	return blocks
}
