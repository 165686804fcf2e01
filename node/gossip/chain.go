package gossip

import (
	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// Chain is the part of a [chain.Chain] that the state machine reads. Its methods
// must answer from memory, because a Step does not wait for a disk.
type Chain interface {
	Params() rules.Params
	Tip() rules.State
	State(hash pow.Hash) (rules.State, bool) // of any block in the store that is not invalid
	HashAt(height int64) (pow.Hash, bool)
	Locator() []pow.Hash
	HasPending(id pow.Hash) bool
	PendingIDs(from, limit int) []pow.Hash
}

var (
	_ Chain  = (*chain.Chain)(nil)
	_ Source = (*chain.Chain)(nil)
)
