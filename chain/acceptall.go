package chain

import (
	"fmt"

	"github.com/lodepow/lode/chain/block"
)

// AcceptAll takes blocks of which each is the parent of the next, as a node that
// syncs gets them. The parent of the first one has to be in the store. It keeps
// every promise of [Chain.Accept], and normally writes to the store once for all
// of them; so a batch should be some hundred blocks, of a few megabytes.
//
// When it returns, the first taken blocks are on disk; known ones count. At a
// block that is refused, the [RuleError] is that block's, blocks[taken]; those
// before it stay, and those after it have not been placed. Blocks are not held:
// one without a parent is [PrevNotFound], one from too far in the future is
// [TimeTooNew]. Any other error is the store's, or says that the blocks do not
// follow each other.
//
// If the branch overtakes the active one with a block in the middle, there is one
// [EventReorg] with all of them connected. The clock is read once.
func (c *Chain) AcceptAll(blocks []block.Block) (taken int, err error) {
	taken, err = c.acceptAll(blocks)
	c.events.deliver()
	return taken, err
}

func (c *Chain) acceptAll(blocks []block.Block) (taken int, err error) {
	start := c.now()
	run, err := newRun(blocks)
	if err != nil {
		return 0, err
	}
	good, final, errCheck := c.checkAll(run)

	c.write.Lock()
	defer c.write.Unlock()
	c.retry()
	for taken < good && err == nil {
		// One that is held for a block has come before those that follow it here.
		part := run[taken:good]
		for i, a := range part {
			if c.held.waitFor(a.hash) {
				part = part[:i+1]
				break
			}
		}
		var p placed
		p, err = c.place(part)
		c.countPlaced(p, c.now().Sub(start).Seconds())
		taken += p.count()
		switch {
		case err == nil && p.side+p.best > 0:
			c.adopt(run[taken-1].hash)
		case isRefusal(err):
			c.adopt(run[taken].hash)
		}
	}
	if err == nil && errCheck != nil {
		if err = errCheck; final {
			c.refuse(run[taken].hash)
		}
	}
	c.metrics.countRefused(err)
	return taken, err
}

// newRun takes the hashes.
func newRun(blocks []block.Block) ([]arrival, error) {
	run := make([]arrival, len(blocks))
	for i, b := range blocks {
		run[i] = arrival{Block: b, hash: b.Hash()}
		if i > 0 && b.Header.Prev != run[i-1].hash {
			return nil, fmt.Errorf("block %d of the batch, %s, does not follow the one before it, %s", i, run[i].hash, run[i-1].hash)
		}
	}
	return run, nil
}

// checkAll checks the blocks that are not in the tree by themselves and returns
// how many are good.
func (c *Chain) checkAll(run []arrival) (good int, final bool, err error) {
	fresh := false
	for i, a := range run {
		if !fresh {
			outcome, err := c.known(a.hash)
			if fresh = outcome == 0 && err == nil; !fresh {
				continue
			}
		}
		if final, err := c.check(a); err != nil {
			return i, final, err
		}
	}
	return len(run), false, nil
}

// countPlaced counts blocks that have all been placed so many seconds after they
// came.
func (c *Chain) countPlaced(p placed, seconds float64) {
	c.metrics.countBlocks(Known, p.known)
	c.metrics.countBlocks(Side, p.side)
	c.metrics.countBlocks(Best, p.best)
	for range p.side + p.best {
		c.metrics.accept.Observe(seconds)
	}
}
