package rulestest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"

	"github.com/lodepow/lode/pow"
)

// Time is long after the times of all blocks that tests make.
var Time = time.Date(2026, 1, 2, 3, 4, 5, 678901999, time.UTC)

// Easy returns a network of fixed difficulty on which every block takes two
// hashes on average.
func Easy() rules.Params {
	return MustNew(rules.Config{Name: "easy", Difficulty: rules.Difficulty{Rule: rules.RuleFixed, Bits: 0x207fffff}})
}

// Swift returns a network whose difficulty follows the block times at once. A
// block that comes ten seconds or more after its parent leaves it at two hashes;
// with every block that comes one second after its parent it about doubles.
func Swift() rules.Params {
	return MustNew(rules.Config{Name: "swift", Difficulty: rules.Difficulty{
		Rule: rules.RuleAsert, Bits: 0x207fffff, Limit: 0x207fffff, Spacing: 10, HalfLife: 10,
	}})
}

// MustNew returns the network that c describes. It panics if c is not valid.
func MustNew(c rules.Config) rules.Params {
	p, err := rules.New(c)
	if err != nil {
		panic(err)
	}
	return p
}

// With returns the network that p becomes when edit has changed its complete
// form. It panics if the result is not valid.
func With(p rules.Params, edit func(*rules.Config)) rules.Params {
	c := p.Config()
	edit(&c)
	return MustNew(c)
}

// Now is long after the times of all blocks that tests make.
func Now() time.Time { return Time }

// Branch makes blocks one on top of the other, without a Chain.
type Branch struct {
	rules.State
	Params rules.Params
	Tag    string
	Blocks []block.Block // genesis is not among them
}

func NewBranch(p rules.Params) *Branch { return &Branch{State: rules.Genesis(p), Params: p} }

// Fork returns a branch that goes on from here with blocks of its own.
func (b *Branch) Fork(tag string) *Branch {
	f := *b
	f.Tag = tag
	f.Blocks = slices.Clone(b.Blocks)
	return &f
}

// Make makes a block for the top, that many seconds after the one below, and
// does not put it there.
func (b *Branch) Make(seconds uint32, txs ...block.Tx) block.Block {
	blk := block.Block{
		Header: pow.Header{
			Version: 0x20000000, Prev: b.Hash, Time: b.Time + seconds, Bits: b.NextBits(b.Params),
		},
		Coinbase: block.Coinbase{Height: b.Height + 1, Tag: b.Tag},
		Txs:      txs,
	}
	blk.Header.MerkleRoot, _ = block.MerkleRoot(blk.IDs())
	return Solve(blk)
}

func (b *Branch) Grow(seconds uint32, txs ...block.Tx) block.Block {
	blk := b.Make(seconds, txs...)
	b.Put(blk)
	return blk
}

func (b *Branch) Put(blk block.Block) {
	b.State = b.Apply(blk.Header)
	b.Blocks = append(b.Blocks, blk)
}

func Solve(b block.Block) block.Block {
	target, _, _ := b.Header.Bits.Decode()
	for !b.Hash().Meets(target) {
		b.Header.Nonce++
	}
	return b
}

func MakeTx(t testing.TB, content string) block.Tx {
	t.Helper()
	tx, err := block.ParseTx(fmt.Appendf(nil, `{"author":"a","content":%q,"timestamp":1}`, content))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}
