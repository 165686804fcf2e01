package chain

import (
	"fmt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// TxPlace is a transaction with its place: either it is pending, or it is in a block
// of the active branch.
type TxPlace struct {
	Tx      block.Tx
	Pending bool

	// The place in the chain. These fields are zero if the transaction is pending.
	Block  pow.Hash
	Height int64
	Index  int // among the leaves of the merkle tree, of which the coinbase is number 0

	// BlockBytes is what [block.Block.Size] returns for the block. It tells callers of
	// [Chain.TxsOf] how much was read for their answer.
	BlockBytes int
}

// TxProof proves that a transaction is in a block.
type TxProof struct {
	TxPlace
	Header pow.Header
	Merkle block.MerkleProof
}

// FindTx looks for a transaction in the mempool and on the active branch. The
// error wraps [ErrNotFound].
func (c *Chain) FindTx(id pow.Hash) (TxPlace, error) {
	if tx, ok := c.FindPending(id); ok {
		return TxPlace{Tx: tx, Pending: true}, nil
	}
	place, _, err := c.findMined(id)
	return place, err
}

// FindPending looks for a transaction in the mempool only. It does not read from the
// store.
func (c *Chain) FindPending(id pow.Hash) (block.Tx, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.pool.find(id)
}

// Proof returns the merkle proof of a transaction on the active branch. The error
// wraps [ErrNotFound] if there is no such transaction, or if it is still pending.
func (c *Chain) Proof(id pow.Hash) (TxProof, error) {
	place, b, err := c.findMined(id)
	if err != nil {
		return TxProof{}, err
	}
	return TxProof{TxPlace: place, Header: b.Header, Merkle: block.NewMerkleProof(b.IDs(), place.Index)}, nil
}

// findMined looks for a transaction on the active branch and also returns the block
// that contains it.
func (c *Chain) findMined(id pow.Hash) (TxPlace, block.Block, error) {
	hash, err := c.store.FindTx(id)
	if err != nil {
		return TxPlace{}, block.Block{}, fmt.Errorf("transaction %s: %w", id, err)
	}
	b, err := c.Block(hash)
	if err != nil {
		return TxPlace{}, block.Block{}, err
	}
	for i, tx := range b.Txs {
		if tx.ID() == id {
			return TxPlace{Tx: tx, Block: hash, Height: b.Height(), Index: i + 1, BlockBytes: b.Size()}, b, nil
		}
	}
	return TxPlace{}, block.Block{}, fmt.Errorf("%w: the index says that transaction %s is in block %s, but it is not there", ErrDamaged, id, hash)
}
