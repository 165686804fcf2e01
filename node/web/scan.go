package web

import (
	"context"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
)

// scanned is the result of a look for posts on the active branch.
type scanned struct {
	Posts []chain.TxPlace // the newest first
	Next  chain.TxCursor  // where to go on
	More  bool            // there are older posts that have not been looked at

	// Cut is true if the look ended because it had taken enough work, and not because
	// there were enough posts.
	Cut       bool
	Looked    int   // posts that were looked at
	High, Low int64 // the heights of the first and of the last one; 0 if there were none
}

// scan looks for posts of an owner that match, from a place downwards, until it has found
// want of them or has looked at as many as one page may.
func (w *Web) scan(ctx context.Context, owner chain.TxOwner, from chain.TxCursor, want int, match func(block.Tx) bool) (scanned, error) {
	var found scanned
	bytes := 0
	for {
		places, next, more, err := w.txsOf(ctx, owner, from, scanBatch)
		if err != nil {
			return found, err
		}
		for i, place := range places {
			if found.Looked == 0 {
				found.High = place.Height
			}
			found.Looked++
			found.Low = place.Height
			bytes += place.Tx.Size()
			at := chain.TxCursor{Height: place.Height, Index: place.Index}
			goesOn := more || i < len(places)-1
			if match(place.Tx) {
				found.Posts = append(found.Posts, place)
				if len(found.Posts) == want {
					found.Next, found.More = at, goesOn
					return found, nil
				}
			}
			if (found.Looked >= scanPosts || bytes >= scanBytes) && goesOn {
				found.Next, found.More, found.Cut = at, true, true
				return found, nil
			}
		}
		if !more {
			return found, nil
		}
		from = next
	}
}

// txsOf lists posts, at most maxReads callers at a time, which bounds the memory that the
// blocks take.
func (w *Web) txsOf(ctx context.Context, owner chain.TxOwner, before chain.TxCursor, limit int) ([]chain.TxPlace, chain.TxCursor, bool, error) {
	done, err := w.waitForRead(ctx)
	if err != nil {
		return nil, chain.TxCursor{}, false, err
	}
	defer done()
	return w.chain.TxsOf(owner, before, limit)
}
