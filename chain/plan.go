package chain

import (
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// plan says what will become of a run of blocks. Making it changes nothing. It is
// then committed to the store and applied to memory as a whole.
//
// A run has up to three parts: blocks that are known, blocks that are good and
// new, and a block that has a fault, at which the run ends. What follows the
// faulty block is not looked at.
type plan struct {
	known int // blocks at the beginning of the run that are in the tree, and valid

	// The good blocks, each the parent of the next, with their states. The first
	// one goes on top of the node parent.
	blocks []arrival
	parent int32

	// move makes the last of the good blocks the tip, or the parent if there are
	// none. Without a move they stay beside the active branch.
	move *move

	// The faulty block. The fault decides what follows: a condemned block is
	// remembered as refused, and one that waits is held if hold is set.
	bad   arrival
	fault fault
	hold  bool

	// spoiled is a stored block, or one of blocks, whose transactions turned out to
	// be on its branch already. It is to be marked invalid with all blocks above
	// it. The zero hash means that there is none.
	spoiled   pow.Hash
	spoiledBy error
}

// taken returns how many blocks of the run are stored when the plan is carried
// out.
func (p *plan) taken() int { return p.known + len(p.blocks) }

// outcome returns what becomes of the good and new blocks, or else of the whole
// run.
func (p *plan) outcome() Outcome {
	switch {
	case p.move != nil:
		return Best
	case len(p.blocks) > 0:
		return Side
	case p.hold:
		return Held
	case p.known > 0:
		return Known
	}
	return 0
}

// waited reports whether the uppermost block of the move had come before: it was held,
// or it was stored and held back, so that the plan has no new block.
func (p *plan) waited() bool {
	return len(p.blocks) == 0 || p.blocks[len(p.blocks)-1].waited
}

// refusal returns the error of the faulty block, or nil if there is none or it is
// held.
func (p *plan) refusal() error {
	if p.hold {
		return nil
	}
	return p.fault.err
}

// decided returns the topmost block that now has its final verdict. Held blocks that
// wait for it can be placed, or are refused with it.
func (p *plan) decided() (pow.Hash, bool) {
	switch {
	case p.fault.isFound() && p.fault.effect == rules.Condemn:
		return p.bad.hash, true
	case len(p.blocks) > 0:
		return p.blocks[len(p.blocks)-1].hash, true
	}
	return pow.Hash{}, false
}

// stopAt ends the good blocks before the block i, which has the given fault. It
// does nothing if there is no such block.
func (p *plan) stopAt(i int, f fault) {
	if i < len(p.blocks) {
		p.bad, p.fault, p.blocks = p.blocks[i], f, p.blocks[:i]
	}
}

// planWithoutChange returns the plan for a checked run if nothing follows from it,
// so that nothing has to be locked. That is so if every block is known, or if the
// first one that is not has a fault that says nothing about its hash.
func planWithoutChange(run []arrival, known int) (plan, bool) {
	p := plan{known: known}
	if known == len(run) {
		return p, true
	}
	p.bad, p.fault = run[known], run[known].fault
	return p, p.fault.isFound() && p.fault.effect == rules.Forget
}

// plan decides what will become of a run whose blocks have been checked by
// themselves. A faulty block that waits for its parent or its time is to be held
// if mayHold is set and there is room for it. If the error, which is the store's, is
// not nil, only the known blocks of the plan mean anything. The caller holds write.
func (c *Chain) plan(run []arrival, mayHold bool) (plan, error) {
	p := plan{}
	p.known, _ = c.lookUp(run) // once more: the tree may have changed since the check
	c.planPlaces(&p, run[p.known:])
	if err := c.planBranch(&p); err != nil {
		return p, err
	}
	p.hold = mayHold && p.fault.isFound() && p.fault.effect == rules.Wait && c.held.hasRoom(p.bad.Block)
	return p, nil
}

// planPlaces judges the place of each new block on its branch, up to the first
// that has a fault. It sets the states of the good ones.
func (c *Chain) planPlaces(p *plan, run []arrival) {
	p.blocks = run
	if len(run) == 0 {
		return
	}
	s := rules.Subject{Now: c.now()}
	var ok bool
	if p.parent, ok = c.tree.find(run[0].Header.Prev); ok {
		s.Branch = c.tree.state(p.parent)
	}
	for i := range run {
		a := &run[i]
		if f := c.judgePlace(a, &s); f.isFound() {
			p.stopAt(i, f)
			return
		}
		s.Branch = s.Branch.ApplyHashed(a.Header, a.hash)
		a.next = s.Branch
	}
}

// judgePlace judges a block by what is remembered of it and of its parent, and by
// its place on the branch of the subject.
func (c *Chain) judgePlace(a *arrival, s *rules.Subject) fault {
	switch {
	case a.fault.isFound():
		return a.fault
	case c.isRefused(a.hash):
		return refusedBefore(a.hash)
	case c.isRefused(a.Header.Prev):
		return fault{
			err:    block.Reject(block.BadPrev, "parent %s, or one below it, was refused", a.Header.Prev),
			effect: rules.Condemn,
		}
	}
	if f := c.earlyBefore(a.hash, a.Header.Prev); f.isFound() {
		return f
	}
	s.Block, s.Hash = a.Block, a.hash
	f, _ := c.judge(s, rules.Parent, rules.Clock) // these stages have no errors but rules
	return f
}

// isRefused reports whether a block is known to be invalid: because it was
// refused, or because it was stored beside the active branch and failed when that
// branch was to become the active one. The caller holds write.
func (c *Chain) isRefused(hash pow.Hash) bool {
	if c.refused.has(hash) {
		return true
	}
	i, ok := c.tree.find(hash)
	return ok && c.tree.at(i).invalid
}

// planBranch decides whether the good blocks of a plan stay beside the active
// branch or take its place. The transactions of a branch are judged only when it
// has more work than the active one.
func (c *Chain) planBranch(p *plan) error {
	lighter := 0 // number of good blocks up to which the branch has no more work than the active one
	for lighter < len(p.blocks) && p.blocks[lighter].next.Work.Cmp(c.tip.Work) <= 0 {
		lighter++
	}
	if lighter == len(p.blocks) {
		return nil
	}
	return c.planMove(p, lighter)
}

// planMove plans to make the last of the good blocks the tip, or the parent if
// there are none. The branch has more work than the active one from the block
// number lighter on. A block may fail now because a transaction is on its branch
// already. For all other blocks of the plan the result is then the same as if the
// blocks had come one by one.
func (c *Chain) planMove(p *plan, lighter int) error {
	m := c.newMove(p.parent)
	spoiled, f, err := c.connectStored(m)
	if err != nil {
		return err
	}
	if f.isFound() {
		p.spoil(spoiled, f, lighter)
		return nil
	}
	good, f, err := c.connect(m, p.blocks)
	switch {
	case err != nil:
		return err
	case f.isFound() && good < lighter:
		// The faulty block would have been stored before its branch was judged.
		p.spoil(p.blocks[good].hash, f, lighter)
		return nil
	case f.isFound():
		p.stopAt(good, f)
		if good == lighter {
			return nil // the first block that would have moved the tip
		}
	}
	p.move = m
	return c.collectReturned(m)
}

// spoil plans to mark a block as invalid that comes before block number lighter.
// Block number lighter, the first that would have moved the tip, is refused because
// it builds on the invalid one.
func (p *plan) spoil(hash pow.Hash, f fault, lighter int) {
	p.spoiled, p.spoiledBy = hash, f.err
	p.stopAt(lighter, fault{err: block.Reject(block.BadPrev, "block %s: %v", hash, f.err), effect: rules.Condemn})
}
