package web

import (
	"context"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
)

// scanned is the result of a look for posts on the active branch.
type scanned struct {
	Posts []chain.TxPlace // the newest first
	Next  TxCursor        // where to go on
	More  bool            // there are blocks below that have not been looked at

	// Cut is true if the look ended because it had taken enough work, and not because
	// there were enough posts.
	Cut       bool
	High, Low int64 // the heights that were looked at
}

// scan looks for posts that match, from a place on the active branch downwards, until it
// has found want of them. It goes from block to block by the hashes of the parents, so
// that all posts are of one branch even if the active branch changes meanwhile.
func (w *Web) scan(ctx context.Context, from TxCursor, want int, match func(block.Tx) bool) (scanned, error) {
	height, below := w.chain.Tip().Height, maxIndex // look at the indexes less than below
	if from != (TxCursor{}) && from.Height <= height {
		height, below = from.Height, from.Index
		if below <= 1 { // index 0 is the coinbase
			height, below = height-1, maxIndex
		}
	}
	found := scanned{High: max(height, 0), Low: max(height, 0)}
	hash, ok := w.chain.HashAt(height)
	if !ok {
		return found, nil
	}
	blocks, bytes := 0, 0
	for steps := 0; height > 0; steps++ { // genesis has no posts
		known, ok := w.summaries.get(hash)
		if (!ok || known.txs > 0) && (blocks == scanBlocks || bytes >= scanBytes) || steps == scanSteps {
			found.Next, found.More, found.Cut = TxCursor{Height: height + 1, Index: 1}, true, true
			if below < maxIndex {
				found.Next = TxCursor{Height: height, Index: below}
			}
			return found, nil
		}
		found.Low = height
		if !ok || known.txs > 0 {
			b, err := w.read(ctx, hash)
			if err != nil {
				return found, err
			}
			blocks++
			bytes += b.Size() - blockOverhead
			for i := min(len(b.Txs), below-1) - 1; i >= 0; i-- {
				if !match(b.Txs[i]) {
					continue
				}
				index := i + 1 // of the leaf
				found.Posts = append(found.Posts, chain.TxPlace{Tx: b.Txs[i], Block: hash, Height: height, Index: index})
				if len(found.Posts) == want {
					found.Next, found.More = TxCursor{Height: height, Index: index}, index > 1 || height > 1
					return found, nil
				}
			}
		}
		info, ok := w.chain.Header(hash)
		if !ok {
			return found, chain.ErrNotFound
		}
		hash = info.Header.Prev
		height, below = height-1, maxIndex
	}
	return found, nil
}

// blockOverhead is about what the header and the coinbase of a block take.
const blockOverhead = 200
