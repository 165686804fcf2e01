package rules

import (
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// Stage is a step in the judgement of a block. A block passes the stages in the
// order of their values, and the first one at which it fails gives the verdict.
//
// The order has three reasons:
//
//   - Cheap checks come first. A header without proof of work is refused before its
//     body is hashed and before any signature is verified, so that a block that has
//     cost its sender nothing costs a node little.
//   - A block is condemned only for a body that belongs to its header. Until the
//     merkle root has been checked, the body may be another block's, and the hash
//     must not be remembered as invalid.
//   - A fault that stays comes before a fault that passes. A block that is held until
//     its time comes has passed all other checks of its place, so it is almost
//     always a good one. The parent comes before these checks only because there is
//     no place to check without it.
//
// The exception is [Mined], which comes after [Clock]. It needs the transactions
// of the whole branch, and those are indexed for the active branch alone. The
// chain therefore asks only when the branch is about to become the active one,
// which may be long after the block was stored beside it. A block has to be
// allowed into the tree first, and the clock decides about that. So the verdict on
// a block that is ahead of the clock and repeats a transaction is the same on every
// branch: [block.TimeTooNew] now, and [block.TxAlreadyMined] when its time has come
// and its branch is to become the active one. Bitcoin Core has the same order.
type Stage int

// The stages, in order. Each line says what the stage needs and what it looks at.
const (
	Header Stage = iota // the header: proof of work, version, bits that are possible at all
	Body                // the block: the coinbase's form, the size, the merkle root
	Txs                 // the block: each transaction by itself, and none twice
	Parent              // the branch: the parent is its top
	Place               // the branch: bits, time and height are right there
	Clock               // the time: the block does not come too early
	Mined               // the branch's transactions: none of the block's is among them
)

// Effect says what follows from a failure at a stage.
type Effect int

const (
	// Forget means that the failure says nothing about the hash. Either no work was
	// done for it, or another body may belong to it, so nothing is remembered.
	Forget Effect = iota
	// Wait means that the block may turn out to be good when its parent or its time
	// has come.
	Wait
	// Condemn means that the block and all blocks above it are invalid for ever.
	Condemn
)

// Effect returns what follows from a failure at the stage.
func (s Stage) Effect() Effect {
	switch s {
	case Header, Body:
		return Forget
	case Parent, Clock:
		return Wait
	}
	return Condemn
}

// String returns the name of the stage in lower case.
func (s Stage) String() string {
	switch s {
	case Header:
		return "header"
	case Body:
		return "body"
	case Txs:
		return "transactions"
	case Parent:
		return "parent"
	case Place:
		return "place"
	case Clock:
		return "clock"
	case Mined:
		return "mined"
	}
	return "none"
}

// Subject is a block to be judged, with what the stages have to know. A field
// that belongs to a later stage than the last one to be passed may be left zero.
type Subject struct {
	Block block.Block
	Hash  pow.Hash // of the block's header

	// Branch is the state of the branch that the block is to extend, for Parent
	// and Place. The zero State means that the parent is unknown.
	Branch State

	// Now is the time on the node's clock, for Clock.
	Now time.Time

	// Mined reports whether a transaction is in a block of the branch, for Mined.
	Mined func(txid pow.Hash) (bool, error)
}

// Judge passes the subject through the stages from first to last. It returns nil
// if the subject passes them all. Otherwise it returns the stage at which the
// subject fails and the error of that stage: a [block.RuleError], or the error of
// Subject.Mined.
//
// A chain calls Judge once for each span of stages that need the same things:
// from Header to Txs without a lock, from Parent to Clock when it has found the
// place of the block, and Mined when the block is about to join the active
// branch.
func (p Params) Judge(s *Subject, first, last Stage) (failed Stage, err error) {
	for stage := first; stage <= last; stage++ {
		if err := p.pass(s, stage); err != nil {
			return stage, err
		}
	}
	return last, nil
}

func (p Params) pass(s *Subject, stage Stage) error {
	switch stage {
	case Header:
		return p.checkHeader(s.Block.Header, s.Hash)
	case Body:
		return p.checkBody(s.Block)
	case Txs:
		return p.checkTxs(s.Block.Txs)
	case Parent:
		return s.Branch.checkParent(s.Block.Header)
	case Place:
		return s.Branch.checkPlace(p, s.Block)
	case Clock:
		return p.checkClock(s.Block.Header, s.Now)
	case Mined:
		return checkMined(s.Block.Txs, s.Mined)
	}
	panic("rules: no such stage")
}
