// Package rulestest makes networks, blocks and transactions for tests.
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

// Time is later than the times of all blocks that tests make.
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

// Swift2016 returns a network with Bitcoin's rule and windows of four blocks. With every
// block that comes one second after its parent, each window is four times harder than the
// one before; with blocks that come ten seconds or more apart it gets easier again.
func Swift2016() rules.Params {
	return MustNew(rules.Config{Name: "swift2016", Difficulty: rules.Difficulty{
		Rule: rules.RuleBitcoin2016, Bits: 0x207fffff, Limit: 0x207fffff, Spacing: 10, Window: 4,
	}})
}

// SwiftLwma returns a network with the rule LWMA over four blocks.
func SwiftLwma() rules.Params {
	return MustNew(rules.Config{Name: "swift-lwma", Difficulty: rules.Difficulty{
		Rule: rules.RuleLwma, Bits: 0x207fffff, Limit: 0x207fffff, Spacing: 10, Window: 4,
	}, Limits: rules.Limits{FutureSeconds: 7200}})
}

// EachRule returns a network for each difficulty rule.
func EachRule() []rules.Params {
	long := With(SwiftLwma(), func(c *rules.Config) { c.Difficulty.Window = 30 })
	return []rules.Params{Easy(), Swift(), Swift2016(), SwiftLwma(), long}
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

// Now returns [Time], as a clock for tests.
func Now() time.Time { return Time }

// Branch makes blocks on top of each other, without a chain.Chain. Its State is that
// at the top.
type Branch struct {
	rules.State
	Params rules.Params
	Tag    string        // of the coinbases of new blocks
	Blocks []block.Block // from height 1
}

// NewBranch returns a branch that has genesis alone.
func NewBranch(p rules.Params) *Branch { return &Branch{State: p.GenesisState(), Params: p} }

// Fork returns a copy of the branch, to which other blocks can be added. Its blocks
// have another tag, so that they differ from those of b at the same height.
func (b *Branch) Fork(tag string) *Branch {
	f := *b
	f.Tag = tag
	f.Blocks = slices.Clone(b.Blocks)
	return &f
}

// Make returns a solved block that is valid on top of the branch, and whose time is
// seconds later than that of its parent. It does not add the block.
func (b *Branch) Make(seconds uint32, txs ...block.Tx) block.Block {
	made := block.Block{
		Header: pow.Header{
			Version: 0x20000000, Prev: b.Hash, Time: b.Time + seconds, Bits: b.NextBits(b.Params),
		},
		Coinbase: block.Coinbase{Height: b.Height + 1, Tag: b.Tag},
		Txs:      txs,
	}
	made.Header.MerkleRoot, _ = block.MerkleRoot(made.IDs())
	return Solve(made)
}

// Grow makes a block as Make does, adds it to the branch and returns it.
func (b *Branch) Grow(seconds uint32, txs ...block.Tx) block.Block {
	made := b.Make(seconds, txs...)
	b.Put(made)
	return made
}

// Put adds a block to the branch, valid or not.
func (b *Branch) Put(made block.Block) {
	b.State = b.Apply(made.Header)
	b.Blocks = append(b.Blocks, made)
}

// Solve returns the block with the first nonce, from its own on, that meets the
// target of its bits.
func Solve(b block.Block) block.Block {
	target, _, _ := b.Header.Bits.Decode()
	for !b.Hash().Meets(target) {
		b.Header.Nonce++
	}
	return b
}

// MakeTx returns an unsigned transaction, always the same one for the same content.
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
