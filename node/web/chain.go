package web

import (
	"context"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// Chain is the part of a [chain.Chain] that the pages use. The methods are documented
// there.
type Chain interface {
	Params() rules.Params
	Tip() rules.State
	HashAt(height int64) (pow.Hash, bool)
	Header(hash pow.Hash) (chain.HeaderInfo, bool)
	Headers(from int64, limit int) []pow.Header
	Records(hash pow.Hash) (block.Records, error)
	Pending(from, limit int) []block.Tx
	PendingOf(owner chain.TxOwner, limit int) []block.Tx
	PendingCount() (txs, bytes int)
	FindPending(id pow.Hash) (block.Tx, bool)
	FindTx(id pow.Hash) (chain.TxPlace, error)
	Proof(id pow.Hash) (chain.TxProof, error)
	TxsOf(owner chain.TxOwner, before chain.TxCursor, limit int) (txs []chain.TxPlace, next chain.TxCursor, more bool, err error)
	Tree(from int64, limit int) []chain.TreeBlock
	Branches(limit int) []chain.Branch
	Subscribe(f func(chain.Event)) (cancel func())
}

var _ Chain = (*chain.Chain)(nil)

// waitForRead waits until fewer than maxReads blocks are being read. The caller must call
// done afterwards.
func (w *Web) waitForRead(ctx context.Context) (done func(), err error) {
	select {
	case w.reads <- struct{}{}:
		return func() { <-w.reads }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// records reads a block without parsing its posts.
func (w *Web) records(ctx context.Context, hash pow.Hash) (block.Records, error) {
	done, err := w.waitForRead(ctx)
	if err != nil {
		return block.Records{}, err
	}
	defer done()
	return w.chain.Records(hash)
}
