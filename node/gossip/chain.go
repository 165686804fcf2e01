package gossip

import (
	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// Chain is what the state machine asks of a [chain.Chain]. All of it is in
// memory, so nothing here waits for a disk.
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
