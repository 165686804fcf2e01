package chain

import (
	"errors"
	"fmt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// arrival is a block that is to be added to the tree.
type arrival struct {
	block.Block
	hash  pow.Hash
	fault fault       // found when the block was checked by itself
	next  rules.State // of the branch with this block on top; set when the block has passed the stages of its place

	waited bool // the block was held before; see [TipMove]
}

// fault says what is wrong with a block. The zero fault means that nothing is wrong.
type fault struct {
	err    error // a block.RuleError, unless judge returns the same error beside the fault
	effect rules.Effect
	early  bool // the only thing wrong is that the block's time is ahead of the clock
}

func (f fault) isFound() bool { return f.err != nil }

// judge passes a block through the stages from first to last and returns the fault
// that they find. The error is never a broken rule; it is that of Subject.Mined. The
// fault holds the same error, so that a caller that ignores the error does not take
// the block for a good one.
func (c *Chain) judge(s *rules.Subject, first, last rules.Stage) (fault, error) {
	stage, err := c.params.Judge(s, first, last)
	switch {
	case err == nil:
		return fault{}, nil
	case !isRule(err):
		return fault{err: err, effect: rules.Forget}, err
	}
	return fault{err: err, effect: stage.Effect(), early: stage == rules.Clock}, nil
}

// isRule reports whether an error is the verdict of a rule on a block or a
// transaction. An error that says that the store is damaged is not, even if it wraps
// such a verdict.
func isRule(err error) bool {
	var rule block.RuleError
	return errors.As(err, &rule) && !errors.Is(err, ErrDamaged)
}

// newRun returns the blocks with their hashes, or an error if one of them is not
// the parent of the next.
func newRun(blocks []block.Block) ([]arrival, error) {
	run := make([]arrival, len(blocks))
	headers, hashes := make([]pow.Header, len(blocks)), make([]pow.Hash, len(blocks))
	for i, b := range blocks {
		headers[i] = b.Header
	}
	pow.HashHeaders(hashes, headers)
	for i, b := range blocks {
		run[i] = arrival{Block: b, hash: hashes[i]}
		if i > 0 && b.Header.Prev != run[i-1].hash {
			return nil, fmt.Errorf("block %d of the batch, %s, does not follow the one before it, %s", i, run[i].hash, run[i-1].hash)
		}
	}
	return run, nil
}

// check checks each block that is not in the tree yet by itself. This is most
// of the work on a block and needs no lock. check returns the run up to the first
// block that has a fault, with that block, and how many blocks at its beginning
// are in the tree.
//
// The hash covers only the header. So check also compares the body of a block that is
// in the tree with the merkle root: with other transactions it is another block, which
// must be refused. The signatures need no second look, because the root shows that the
// transactions are the same.
func (c *Chain) check(run []arrival) (checked []arrival, known int) {
	known, barred := c.lookUp(run)
	var s rules.Subject
	for i := range known {
		a := &run[i]
		s.Block, s.Hash = a.Block, a.hash
		if a.fault, _ = c.judge(&s, rules.Body, rules.Body); a.fault.isFound() {
			return run[:i+1], i
		}
	}
	if barred.isFound() {
		a := &run[known]
		a.fault = barred
		s.Block, s.Hash = a.Block, a.hash
		if f, _ := c.judge(&s, rules.Body, rules.Body); f.isFound() && barred.effect == rules.Wait {
			a.fault = f
		}
		return run[:known+1], known
	}
	for i := known; i < len(run); i++ {
		a := &run[i]
		s.Block, s.Hash = a.Block, a.hash
		start := c.now()
		a.fault, _ = c.judge(&s, rules.Header, rules.Txs) // these stages have no errors but rules
		if !a.fault.isFound() || a.fault.effect == rules.Condemn {
			// The time of a block that fails before its transactions are looked at
			// would say nothing about what blocks cost.
			c.tellChecked(c.now().Sub(start))
		}
		if a.fault.isFound() {
			return run[:i+1], known
		}
	}
	return run, known
}

// lookUp returns how many blocks at the beginning of a run are in the tree, and the
// fault of the block after these if that block is in the tree as well, but invalid or
// held back. A block that has a fault already is not looked up: the run ends with it.
func (c *Chain) lookUp(run []arrival) (known int, barred fault) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for ; known < len(run) && !run[known].fault.isFound(); known++ {
		hash := run[known].hash
		i, ok := c.tree.find(hash)
		switch {
		case !ok:
			return known, fault{}
		case c.tree.at(i).invalid:
			return known, refusedBefore(hash)
		case c.tree.at(i).heldBack:
			return known, c.earlyBefore(hash, run[known].Header.Prev)
		}
	}
	return known, fault{}
}

// refusedBefore is the fault of a block that the chain remembers as invalid. Nothing
// more follows from it: what waited for the block was refused with it, except early
// blocks above a block that was stored and then marked invalid. Those are refused
// when their time comes.
func refusedBefore(hash pow.Hash) fault {
	return fault{
		err:    block.Reject(block.DuplicateInvalid, "block %s, or one below it, was refused before", hash),
		effect: rules.Forget,
	}
}
