package chain

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// TxOwner says whose transactions are asked for. At most one field is set. The zero value
// stands for everybody.
type TxOwner struct {
	Author string // the field author, which anybody may have written
	Key    string // the public key of the signature, 64 hex digits in lower case
}

// Check returns an error if the owner cannot have a transaction.
func (o TxOwner) Check() error {
	switch {
	case o.Author != "" && o.Key != "":
		return errors.New("author and key: want one of them")
	case o.Key != "" && (len(o.Key) != 64 || strings.Trim(o.Key, "0123456789abcdef") != ""):
		return fmt.Errorf("key %.70q: want a public key of 64 hex digits in lower case", o.Key)
	}
	return nil
}

// Has reports whether a transaction belongs to the owner.
func (o TxOwner) Has(tx block.Tx) bool {
	switch {
	case o.Author != "":
		return tx.Author() == o.Author
	case o.Key != "":
		return tx.PublicKey() == o.Key
	}
	return true
}

// OwnersOf returns the owners under which a transaction is indexed: its author and, if it
// is signed, its key. Everybody is not among them.
func OwnersOf(tx block.Tx) []TxOwner {
	owners := []TxOwner{{Author: tx.Author()}}
	if tx.Signed() {
		owners = append(owners, TxOwner{Key: tx.PublicKey()})
	}
	return owners
}

// TxCursor is a place on the active branch: the height of a block, and the index of a
// transaction among the leaves of its merkle tree, of which the coinbase has number 0.
// In a list that goes from new to old, the zero value is the beginning, above the tip.
type TxCursor struct {
	Height int64
	Index  int
}

// IsZero reports whether the cursor is the zero value.
func (c TxCursor) IsZero() bool { return c == TxCursor{} }

// Compare returns a negative number if the cursor's place is below another one on the
// branch, 0 if it is the same, and a positive number if it is above.
func (c TxCursor) Compare(other TxCursor) int {
	return cmp.Or(cmp.Compare(c.Height, other.Height), cmp.Compare(c.Index, other.Index))
}

// TxAt says where a transaction is on the active branch.
type TxAt struct {
	TxCursor
	Block pow.Hash
}

// TxsOf lists the transactions of an owner on the active branch, the newest first: at most
// limit of them, below the place before. It finds them by an index of the store and reads
// only the blocks that contain them, so the length of the chain does not matter.
//
// more says that there are further ones, which the next call gets with next as before. A
// reorg between two calls may move transactions across that place.
//
// The error wraps [ErrDamaged], [ErrClosed], or says what is wrong with the owner.
func (c *Chain) TxsOf(owner TxOwner, before TxCursor, limit int) (txs []TxPlace, next TxCursor, more bool, err error) {
	if err := owner.Check(); err != nil {
		return nil, TxCursor{}, false, err
	}
	if limit <= 0 {
		return nil, before, false, nil
	}
	places, err := c.store.TxsOf(owner, before, limit+1)
	if err != nil {
		return nil, TxCursor{}, false, fmt.Errorf("transactions of an owner: %w", err)
	}
	if more = len(places) > limit; more {
		places = places[:limit]
	}
	next = before
	var in pow.Hash
	var records block.Records
	for _, at := range places {
		if at.Block != in || in == (pow.Hash{}) {
			if records, err = c.Records(at.Block); err != nil {
				return nil, TxCursor{}, false, err
			}
			in = at.Block
		}
		if at.Index < 1 || at.Index > records.Len() {
			return nil, TxCursor{}, false, fmt.Errorf("%w: the index names transaction %d of block %s, which has %d", ErrDamaged, at.Index, at.Block, records.Len())
		}
		tx, err := records.Tx(at.Index - 1)
		if err != nil {
			return nil, TxCursor{}, false, fmt.Errorf("%w: transaction %d of block %s: %s", ErrDamaged, at.Index, at.Block, err.Error())
		}
		next = at.TxCursor
		if !owner.Has(tx) { // the store may index a short hash of each name, see Store.TxsOf
			continue
		}
		txs = append(txs, TxPlace{Tx: tx, Block: at.Block, Height: at.Height, Index: at.Index, BlockBytes: records.Size()})
	}
	return txs, next, more, nil
}

// PendingOf returns at most limit pending transactions of an owner, the newest first. It
// looks at the whole mempool, whose size is bounded; see [Config].
func (c *Chain) PendingOf(owner TxOwner, limit int) []block.Tx {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var txs []block.Tx
	for e := c.pool.head.prev; e != c.pool.head && len(txs) < limit; e = e.prev {
		if e.durable && owner.Has(e.tx) {
			txs = append(txs, e.tx)
		}
	}
	return txs
}

// Records reads any block in the store, like [Chain.Block], without parsing its
// transactions. The error wraps [ErrNotFound] or [ErrDamaged].
func (c *Chain) Records(hash pow.Hash) (block.Records, error) {
	raw, err := c.RawBlock(hash)
	if err != nil {
		return block.Records{}, err
	}
	records, err := block.OpenRecords(raw)
	if err != nil {
		return block.Records{}, fmt.Errorf("%w: block %s: %s", ErrDamaged, hash, err.Error())
	}
	if got := records.Header.Hash(); got != hash {
		return block.Records{}, fmt.Errorf("%w: block %s: its header has the hash %s", ErrDamaged, hash, got)
	}
	return records, nil
}
