package chain

import (
	"slices"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// holdBackSlack is how many seconds beyond the limit the time of a stored block has to
// be before it is held back. A clock that is set back by a little, as a time service
// does all the time, therefore moves no tip.
const holdBackSlack = 60

// HoldBack leaves stored blocks whose time is too far ahead of the clock. A chain has
// such blocks after the clock was ahead for a while and has been set back: the node has
// mined them, or has taken them from another node whose clock was ahead. No node with
// the right time takes them, so they must not stay on the active branch, however much
// work they have.
//
// The chain treats these blocks, and all blocks above them, as blocks that have not
// come yet: it moves to the branch with the most work that has none of them, returns
// their transactions to the mempool, and refuses or holds them as early if somebody
// sends them again. [Chain.RetryHeld] takes them back when their time has come.
//
// The caller must know that the clock is right, for example because it agrees with the
// clocks of other nodes: with a clock that is behind, HoldBack leaves good blocks.
func (c *Chain) HoldBack() {
	defer c.events.deliver()
	c.write.Lock()
	defer c.write.Unlock()
	latest := c.params.LatestTime(c.now())
	if int64(c.tree.latest) <= latest+holdBackSlack {
		return
	}
	before, height := slices.Clone(c.tree.heldBack), c.tip.Height
	c.mu.Lock()
	more := c.tree.holdBack(latest + holdBackSlack)
	c.mu.Unlock()
	if !more || !c.followHeldBack(before) {
		return
	}
	c.log.Warn("blocks whose time is too far ahead of the clock are held back until their time comes",
		"blocks", len(c.tree.heldBack)-len(before), "tip", c.tip.Hash, "height", c.tip.Height, "height_before", height)
}

// takeBack takes the blocks that were held back and whose time has come. The caller
// holds write.
func (c *Chain) takeBack() {
	if len(c.tree.heldBack) == 0 {
		return
	}
	before := slices.Clone(c.tree.heldBack)
	c.mu.Lock()
	c.tree.takeBack(c.params.LatestTime(c.now()))
	c.mu.Unlock()
	if len(c.tree.heldBack) == len(before) || !c.followHeldBack(before) {
		return
	}
	for _, i := range before {
		if n := c.tree.at(i); !n.heldBack {
			c.placeChildren(n.hash)
		}
	}
}

// followHeldBack moves to the best branch after the set of blocks that are held back
// has changed. If the store fails, the set becomes what it was before, and
// followHeldBack returns false. The caller holds write.
func (c *Chain) followHeldBack(before []int32) bool {
	for best := c.tree.best(); best != c.tree.tip(); best = c.tree.best() {
		p := plan{parent: best}
		err := c.planMove(&p, 0)
		if err == nil {
			err = c.carryOut(&p)
		}
		if err != nil {
			c.mu.Lock()
			c.tree.setHeldBack(before)
			c.mu.Unlock()
			c.log.Error("the chain cannot move to the best branch for the present clock, and tries again", "err", err)
			return false
		}
		c.placeAboveSpoiled(&p)
	}
	return true
}

// earlyBefore returns the fault of a block that is held back, or whose parent is; no
// fault if neither is so. Such a block waits like one that has just come: a block
// whose own time is ahead for that time, and another one for its parent. The caller
// holds write, or mu.
func (c *Chain) earlyBefore(hash, parent pow.Hash) fault {
	early, waits := c.isHeldBack(hash), c.isHeldBack(parent)
	if !early && !waits {
		return fault{}
	}
	return fault{
		err:    block.Reject(block.TimeTooNew, "block %s, or one below it, is held back because its time is too far ahead of the clock", hash),
		effect: rules.Wait,
		early:  !waits,
	}
}

func (c *Chain) isHeldBack(hash pow.Hash) bool {
	i, ok := c.tree.find(hash)
	return ok && c.tree.at(i).heldBack
}

// holdBack marks the blocks whose time is later than latest, and all blocks above
// them, as held back. It reports whether there are any that were not before. Genesis
// is never held back.
func (t *tree) holdBack(latest int64) (more bool) {
	count := len(t.heldBack)
	t.heldBack = t.heldBack[:0]
	for i := int32(1); i < t.count; i++ {
		n := t.at(i)
		n.heldBack = n.heldBack || int64(n.time) > latest || t.at(n.parent).heldBack
		if n.heldBack {
			t.heldBack = append(t.heldBack, i)
		}
	}
	return len(t.heldBack) > count
}

// takeBack ends the holding back of the blocks whose time is at most latest, and that
// are not above one whose time is later.
func (t *tree) takeBack(latest int64) {
	t.heldBack = slices.DeleteFunc(t.heldBack, func(i int32) bool { // parents come before their children
		n := t.at(i)
		n.heldBack = int64(n.time) > latest || t.at(n.parent).heldBack
		return !n.heldBack
	})
}

// setHeldBack makes these blocks the ones that are held back.
func (t *tree) setHeldBack(nodes []int32) {
	for _, i := range t.heldBack {
		t.at(i).heldBack = false
	}
	t.heldBack = nodes
	for _, i := range nodes {
		t.at(i).heldBack = true
	}
}
