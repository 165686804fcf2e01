package chain

import (
	"errors"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules/rulestest"
)

// heldBackTest is a chain whose clock was three hours ahead, on which it has mined a
// branch of its own with more work than the branch of the others.
type heldBackTest struct {
	chainTest
	now         *time.Time
	own, others *rulestest.Branch
	tx          block.Tx // mined on its own branch only
}

func newHeldBackTest(t *testing.T, store Store) heldBackTest {
	t.Helper()
	now := rulestest.Time.Add(3 * time.Hour)
	c := openTest(t, Config{Params: rulestest.Easy(), Store: store, Now: func() time.Time { return now }})
	tx := rulestest.MakeTx(t, "mined ahead of the clock")
	others := rulestest.NewBranch(c.Params())
	c.want(Best, others.Grow(1))
	own := others.Fork("own")
	c.want(Best, own.Grow(uint32(now.Unix())-own.Time, tx))
	c.want(Best, own.Grow(1))
	c.want(Best, own.Grow(1))
	c.want(Side, others.Grow(1))
	now = rulestest.Time
	return heldBackTest{c, &now, own, others, tx}
}

// Once the clock is right, the chain leaves the blocks that it would not take now,
// although they have the most work. It takes them back when their time has come.
func TestHoldBack(t *testing.T) {
	c := newHeldBackTest(t, nil)
	c.wantTip(c.own)
	c.HoldBack()
	c.wantTip(c.others)
	c.wantPending(c.tx)
	c.HoldBack() // changes nothing
	c.RetryHeld()
	c.wantTip(c.others)
	c.want(Best, c.others.Grow(1))
	*c.now = rulestest.Time.Add(time.Hour + 10*time.Second)
	c.RetryHeld()
	c.wantTip(c.own)
	c.wantPending()
}

// A block that is held back is treated as one that has not come: as early, as unknown
// to those who ask for its state, and as the parent of blocks that have to wait.
func TestHeldBackBlocksWait(t *testing.T) {
	c := newHeldBackTest(t, nil)
	c.HoldBack()
	first, tip := c.own.Blocks[1], c.own.Blocks[3]
	if _, ok := c.State(tip.Hash()); ok {
		t.Error("the state of a block that is held back is known")
	}
	if _, err := c.Block(tip.Hash()); err != nil {
		t.Errorf("a block that is held back cannot be read: %v", err)
	}
	if taken, err := c.AcceptAll(c.own.Blocks[1:]); taken != 0 || !errors.Is(err, block.TimeTooNew) {
		t.Errorf("%d taken (%v), want %s", taken, err, block.TimeTooNew)
	}
	if taken, err := c.AcceptAll(c.own.Blocks); taken != 1 || !errors.Is(err, block.TimeTooNew) {
		t.Errorf("%d taken (%v), want %s", taken, err, block.TimeTooNew)
	}
	forged := first
	forged.Txs = nil
	c.want(block.BadMerkleRoot, forged)
	c.want(Held, first)
	child := c.own.Grow(1)
	c.want(Held, child)
	c.wantTip(c.others)
	*c.now = rulestest.Time.Add(4 * time.Hour)
	c.RetryHeld()
	c.wantTip(c.own) // with the child, which has waited for its parent
	if got := c.Stats().Held; got != 0 {
		t.Errorf("%d blocks are still held", got)
	}
}

// Without another branch the chain goes back to the last block below those that are
// held back. The store can be opened again in this state.
func TestHoldBackWithoutAnotherBranch(t *testing.T) {
	store := NewMemStore()
	c := newHeldBackTest(t, store)
	alone := openTest(t, Config{Params: c.Params(), Store: NewMemStore(), Now: func() time.Time { return *c.now }})
	*c.now = rulestest.Time.Add(3 * time.Hour)
	for _, b := range c.own.Blocks {
		alone.want(Best, b)
	}
	*c.now = rulestest.Time
	alone.HoldBack()
	if alone.Tip().Height != 1 {
		t.Errorf("the tip is at %d, want 1", alone.Tip().Height)
	}
	alone.wantPending(c.tx)
	c.HoldBack()
	again := openTest(t, Config{Params: c.Params(), Store: store, Now: func() time.Time { return *c.now }})
	again.HoldBack()
	again.wantTip(c.others)
}

// A block that is ahead by no more than the limit and a little stays where it is.
func TestHoldBackLeavesSmallSteps(t *testing.T) {
	c := newHeldBackTest(t, nil)
	*c.now = rulestest.Time.Add(time.Hour + 2*time.Second - holdBackSlack*time.Second)
	c.HoldBack()
	c.wantTip(c.own)
}

// If the store fails, the chain stays as it was, and tries again.
func TestHoldBackStoreFails(t *testing.T) {
	isFull := false
	c := newHeldBackTest(t, &flakyStore{NewMemStore(), func() bool { return isFull }})
	isFull = true
	c.HoldBack()
	isFull = false
	c.wantTip(c.own)
	if _, ok := c.State(c.own.Hash); !ok {
		t.Error("the tip is held back, although the chain could not leave it")
	}
	c.HoldBack()
	c.wantTip(c.others)
}
