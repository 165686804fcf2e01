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
	Block(hash pow.Hash) (block.Block, error)
	RawBlock(hash pow.Hash) ([]byte, error)
	Pending(from, limit int) []block.Tx
	PendingCount() (txs, bytes int)
	FindPending(id pow.Hash) (block.Tx, bool)
	FindTx(id pow.Hash) (chain.TxPlace, error)
	Proof(id pow.Hash) (chain.TxProof, error)
	TxsOf(owner TxOwner, before TxCursor, limit int) (txs []chain.TxPlace, next TxCursor, more bool, err error)
	Tree(from int64, limit int) []TreeBlock
	Branches(limit int) []Branch
	Subscribe(f func(chain.Event)) (cancel func())
}

// read reads a block. At most maxReads calls run at once, which bounds the memory that
// blocks take; the others wait.
func (w *Web) read(ctx context.Context, hash pow.Hash) (block.Block, error) {
	done, err := w.waitForRead(ctx)
	if err != nil {
		return block.Block{}, err
	}
	defer done()
	b, err := w.chain.Block(hash)
	if err == nil {
		w.summaries.put(hash, summary{txs: len(b.Txs), bytes: b.Size(), tag: b.Coinbase.Tag})
	}
	return b, err
}

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
