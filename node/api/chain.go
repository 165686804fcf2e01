package api

import (
	"context"
	"errors"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// Chain is what the API asks of a [chain.Chain], which says what the methods do.
type Chain interface {
	Params() rules.Params
	Tip() rules.State
	Len() int64
	HashAt(height int64) (pow.Hash, bool)
	Block(hash pow.Hash) (block.Block, error)
	Header(hash pow.Hash) (chain.HeaderInfo, bool)
	Headers(from int64, limit int) []pow.Header
	HeadersAfter(locator []pow.Hash, limit int) []pow.Header
	Pending(from, limit int) []block.Tx
	PendingCount() (txs, bytes int)
	FindTx(id pow.Hash) (chain.TxPlace, error)
	Proof(id pow.Hash) (chain.TxProof, error)
	AddTx(block.Tx) (chain.TxOutcome, error)
	Accept(block.Block) (chain.Outcome, error)
	Subscribe(f func(chain.Event)) (cancel func())
}

var _ Chain = (*chain.Chain)(nil)

// ErrAhead is a miner's error: no block may be made yet.
var ErrAhead = errors.New("the chain is as far ahead of the clock as its rules allow: wait, or mine fewer blocks at so low a difficulty")

// Miner mines on demand.
type Miner interface {
	// Mine mines the pending transactions into one block, and reports false
	// when there are none. Calls that come while a block is being mined join
	// that run. The context ends the wait, never the run; the error is then the
	// context's.
	Mine(ctx context.Context) (b block.Block, mined bool, err error)

	// Progress returns how far the search for the present block is.
	Progress() mine.Progress
}

// Peers knows the other nodes.
type Peers interface {
	Peers() []gossip.PeerInfo
	Sync() gossip.SyncInfo

	// Connect returns when both nodes know each other. With keep, the connection
	// stays wanted, whatever the outcome.
	Connect(ctx context.Context, address gossip.Address, keep bool) error
}
