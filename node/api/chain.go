package api

import (
	"context"
	"errors"
	"net/netip"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// Chain is the part of a [chain.Chain] that the API uses. The methods are
// documented there.
type Chain interface {
	Params() rules.Params
	Tip() rules.State
	Len() int64
	HashAt(height int64) (pow.Hash, bool)
	Records(hash pow.Hash) (block.Records, error)
	Header(hash pow.Hash) (chain.HeaderInfo, bool)
	Headers(from int64, limit int) []pow.Header
	HeadersAfter(locator []pow.Hash, limit int) []pow.Header
	Pending(from, limit int) []block.Tx
	PendingCount() (txs, bytes int)
	FindTx(id pow.Hash) (chain.TxPlace, error)
	Proof(id pow.Hash) (chain.TxProof, error)
	TxsOf(owner chain.TxOwner, before chain.TxCursor, limit int) ([]chain.TxPlace, chain.TxCursor, bool, error)
	PendingOf(owner chain.TxOwner, limit int) []block.Tx
	Branches(limit int) []chain.Branch
	BranchCount() int
	AddTx(block.Tx) (chain.TxOutcome, error)
	Accept(block.Block) (chain.Outcome, error)
	Subscribe(f func(chain.Event)) (cancel func())
}

var _ Chain = (*chain.Chain)(nil)

// ErrAhead is the error of a miner that cannot make a block yet, because the least
// time that the block may have is too far ahead of the clock.
var ErrAhead = errors.New("the chain is as far ahead of the clock as its rules allow: wait, or mine fewer blocks at so low a difficulty")

// Miner mines blocks when a client asks for one.
type Miner interface {
	// Mine mines the pending transactions into one block. mined is false if there
	// are none. A call that comes while a block is being mined waits for that one.
	// When the context ends, Mine stops waiting and returns the context's error,
	// but the search goes on.
	Mine(ctx context.Context) (b block.Block, mined bool, err error)

	// Progress returns how far the search for the present block is. The zero value
	// means that there is no search.
	Progress() mine.Progress
}

// Peers connects the node with others. A [p2p.Network] implements it.
type Peers interface {
	// Peers lists the nodes that this one is connected with.
	Peers() []gossip.PeerInfo

	// Sync returns how far the node is in catching up with its peers.
	Sync() gossip.SyncInfo

	// Clock returns how this node's clock compares with those of its peers.
	Clock() gossip.ClockInfo

	// Connect connects with the node at an address. It returns nil once each of
	// the two nodes lists the other as its peer. With keep, the node goes on trying to
	// connect with that address later, even if this attempt fails.
	Connect(ctx context.Context, address gossip.Address, keep bool) error

	// ConnectFor is Connect for a client who may not choose which addresses the node
	// calls.
	ConnectFor(ctx context.Context, from netip.Addr, address gossip.Address, keep bool) error
}
