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

// Easy is a network whose blocks take two hashes. Every block has the same work.
func Easy() rules.Params {
	return rules.Params{Name: "easy", Difficulty: rules.Difficulty{Rule: rules.RuleFixed, Bits: 0x207fffff}}.WithDefaults()
}

// Swift is a network whose difficulty follows the times of its blocks at once: a
// block every ten seconds or slower stays at two hashes, every second after the
// one before doubles them, more or less.
func Swift() rules.Params {
	return rules.Params{Name: "swift", Difficulty: rules.Difficulty{
		Rule: rules.RuleAsert, Bits: 0x207fffff, Limit: 0x207fffff, Spacing: 10, HalfLife: 10,
	}}.WithDefaults()
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

// Judge passes a block through all stages of the rules, as the next block of the
// branch, at the time [Now].
func Judge(p rules.Params, on rules.State, b block.Block, mined func(pow.Hash) (bool, error)) error {
	_, err := p.Judge(&rules.Subject{Block: b, Hash: b.Hash(), Branch: on, Now: Now(), Mined: mined}, rules.Header, rules.Mined)
	return err
}
