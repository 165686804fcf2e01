package chain

import (
	"fmt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// TemplateOptions say what a template should contain. The zero value takes all
// pending transactions that fit.
type TemplateOptions struct {
	Tag    string // the miner's tag in the coinbase; at most block.MaxTag bytes
	AnyTag bool   // leave room for any other tag: see Template.WithTag
	Empty  bool   // take no transactions
}

// Template is a block to be mined on top of a tip. It lacks only the extranonce, the
// time, and the nonce and version that a search finds. Making a job from it is
// cheap: one hash for the coinbase and one for each hash of the merkle branch,
// however many transactions the block has.
//
// A template does not change when the tip does. Its slices must not be changed.
type Template struct {
	Height   int64
	Prev     pow.Hash
	Bits     pow.Bits
	Versions []int32 // version fields to try with each nonce; see Versions
	MinTime  uint32  // the least time that the header may have
	Tag      string
	Txs      []block.Tx

	Before, After []byte     // the coinbase before and after its extranonce
	Branch        []pow.Hash // merkle branch of the coinbase
}

// Versions returns the version fields that a template offers. They have the top bits
// of BIP 9 and every value of the lowest four of the bits that BIP 320 leaves to
// miners. The plain version is the first.
func Versions() []int32 {
	versions := make([]int32, pow.MaxVersions)
	for i := range versions {
		versions[i] = 0x20000000 | int32(i)<<13
	}
	return versions
}

// Template makes a template on top of the tip. It takes the pending transactions in
// order of arrival until the next one would exceed a limit of the network. The only
// error is an invalid tag.
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
		size := len(coinbase.Bytes())
		if o.AnyTag {
			size += block.MaxTag - len(o.Tag)
		}
		txs = c.pickTxs(pow.HeaderSize + size)
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

// pickTxs returns the pending transactions that fit into a block which has size bytes
// without them. The caller holds mu.
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

// WithTag returns the same template with another tag in its coinbase. If the template was
// not made with the option AnyTag, a longer tag may make the block too large. The only
// error is an invalid tag.
func (t Template) WithTag(tag string) (Template, error) {
	coinbase := block.Coinbase{Height: t.Height, Tag: tag}
	if err := coinbase.Validate(); err != nil {
		return Template{}, fmt.Errorf("template: %w", err)
	}
	t.Tag = tag
	t.Before, t.After = coinbase.Halves()
	return t, nil
}

// coinbase returns the coinbase with the given extranonce.
func (t Template) coinbase(extranonce uint64) block.Coinbase {
	return block.Coinbase{Height: t.Height, Extranonce: extranonce, Tag: t.Tag}
}

// Job returns the job of finding the block with the given extranonce and time. If
// time is less than MinTime, the job has MinTime.
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

// Block returns the block of a header that a search has found for the job with the
// given extranonce.
func (t Template) Block(solved pow.Header, extranonce uint64) block.Block {
	return block.Block{Header: solved, Coinbase: t.coinbase(extranonce), Txs: t.Txs}
}
