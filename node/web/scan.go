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

// stepOf returns how many posts of an owner are read at once. Posts of an owner may each be
// in another block, which is read wholly, so few are read before others get their turn.
// Those of everybody stand side by side in the same blocks.
func stepOf(owner chain.TxOwner) int {
	if owner == (chain.TxOwner{}) {
		return scanBatch
	}
	return ownedBatch
}

// blocksRead adds up the bytes of the blocks that were read for posts from one call of
// TxsOf.
func blocksRead(places []chain.TxPlace) int {
	bytes := 0
	for i, place := range places {
		if i == 0 || place.Block != places[i-1].Block {
			bytes += place.BlockBytes
		}
	}
	return bytes
}

// list returns the posts of an owner below a place, the newest first: want of them, or
// fewer if the blocks that contain them have more than readBytes.
func (w *Web) list(ctx context.Context, owner chain.TxOwner, before chain.TxCursor, want int) (places []chain.TxPlace, next chain.TxCursor, more bool, err error) {
	next, more = before, true
	for read := 0; more && len(places) < want && read < readBytes; {
		var batch []chain.TxPlace
		if batch, next, more, err = w.txsOf(ctx, owner, next, min(stepOf(owner), want-len(places))); err != nil {
			return nil, next, false, err
		}
		places = append(places, batch...)
		read += blocksRead(batch)
	}
	return places, next, more, nil
}

// scan looks for posts of an owner that match, from a place downwards, until it has found
// want of them or has looked at as many, or read as much, as one page may.
func (w *Web) scan(ctx context.Context, owner chain.TxOwner, from chain.TxCursor, want int, match func(block.Tx) bool) (scanned, error) {
	var found scanned
	bytes, read := 0, 0
	for {
		places, next, more, err := w.txsOf(ctx, owner, from, stepOf(owner))
		if err != nil {
			return found, err
		}
		read += blocksRead(places)
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
			if (found.Looked >= scanPosts || bytes >= scanBytes || read >= readBytes && i == len(places)-1) && goesOn {
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
