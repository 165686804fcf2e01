package chain

import (
	"fmt"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

// TemplateOptions say what a template should have. The zero value takes all the
// pending transactions that fit.
type TemplateOptions struct {
	Tag   string // of the miner, in the coinbase; at most MaxTag bytes
	Empty bool   // no transactions
}

// Template is a block to be mined on a tip, but for the extranonce, the time and
// what a search finds. It does not change, and jobs of it are cheap: a hash for
// the coinbase and one for each hash of the branch, however many transactions
// there are. What it holds must not be changed.
type Template struct {
	Height   int64
	Prev     pow.Hash
	Bits     pow.Bits
	Versions []int32 // to try with each nonce; see Versions
	MinTime  uint32  // the least that the header's time may be
	Tag      string
	Txs      []block.Tx

	Before, After []byte     // halves of the coinbase, around its extranonce
	Branch        []pow.Hash // merkle branch of the coinbase
}

// Versions returns the version fields that a template offers: BIP 9's top bits
// and every value of the lowest four bits that BIP 320 leaves to miners, the
// plain version first.
func Versions() []int32 {
	versions := make([]int32, pow.MaxVersions)
	for i := range versions {
		versions[i] = 0x20000000 | int32(i)<<13
	}
	return versions
}

// Template makes a template on the tip: the pending transactions in order of
// arrival until the next would pass a limit of the network.
func (c *Chain) Template(o TemplateOptions) (Template, error) {
	c.mu.RLock()
	tip := c.tip
	coinbase := block.Coinbase{Height: tip.Height + 1, Tag: o.Tag}
	if err := coinbase.Validate(); err != nil {
		c.mu.RUnlock()
		return Template{}, fmt.Errorf("template: %w", err)
	}
	var txs []block.Tx
	if !o.Empty {
		txs = c.pickTxs(pow.HeaderSize + len(coinbase.Bytes()))
	}
	c.mu.RUnlock()

	ids := make([]pow.Hash, len(txs))
	for i, tx := range txs {
		ids[i] = tx.ID()
	}
	t := Template{
		Height:   coinbase.Height,
		Prev:     tip.Hash,
		Bits:     tip.NextBits(c.params),
		Versions: Versions(),
		MinTime:  tip.MedianTimePast() + 1,
		Tag:      o.Tag,
		Txs:      txs,
		Branch:   block.CoinbaseBranch(ids),
	}
	t.Before, t.After = coinbase.Halves()
	return t, nil
}

func (c *Chain) pickTxs(size int) []block.Tx {
	limits := c.params.Limits()
	var txs []block.Tx
	c.pool.each(func(tx block.Tx) bool {
		size += tx.Size()
		if len(txs) == limits.BlockTxs || size > limits.BlockBytes {
			return false
		}
		txs = append(txs, tx)
		return true
	})
	return txs
}

// coinbase returns the coinbase with that extranonce.
func (t Template) coinbase(extranonce uint64) block.Coinbase {
	return block.Coinbase{Height: t.Height, Extranonce: extranonce, Tag: t.Tag}
}

// Job returns the job to find the block with that extranonce and that time, or
// the least time if that is later.
func (t Template) Job(extranonce uint64, time uint32) pow.Job {
	return pow.Job{
		Header: pow.Header{
			Version:    t.Versions[0],
			Prev:       t.Prev,
			MerkleRoot: block.MerkleProof{Siblings: t.Branch}.Root(t.coinbase(extranonce).ID()),
			Time:       max(time, t.MinTime),
			Bits:       t.Bits,
		},
		Versions: t.Versions,
	}
}

// Block returns the block of the header that a search found for the job with
// that extranonce.
func (t Template) Block(solved pow.Header, extranonce uint64) block.Block {
	return block.Block{Header: solved, Coinbase: t.coinbase(extranonce), Txs: t.Txs}
}
