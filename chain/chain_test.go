package chain

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

// easy is a network whose blocks take two hashes. Every block has the same work.
func easy() Params {
	return Params{Name: "easy", Difficulty: Difficulty{Rule: RuleFixed, Bits: 0x207fffff}}.WithDefaults()
}

// swift is a network whose difficulty follows the times of its blocks at once: a
// block every ten seconds or slower stays at two hashes, every second after the
// one before doubles them, more or less.
func swift() Params {
	return Params{Name: "swift", Difficulty: Difficulty{
		Rule: RuleAsert, Bits: 0x207fffff, Limit: 0x207fffff, Spacing: 10, HalfLife: 10,
	}}.WithDefaults()
}

// testNow is long after the times of all blocks that tests make.
func testNow() time.Time { return testTime }

// branch makes blocks one on top of the other, without a Chain.
type branch struct {
	State
	p      Params
	tag    string
	blocks []Block // genesis is not among them
}

func newBranch(p Params) *branch { return &branch{State: Genesis(p), p: p} }

// fork returns a branch that goes on from here with blocks of its own.
func (b *branch) fork(tag string) *branch {
	f := *b
	f.tag = tag
	f.blocks = slices.Clone(b.blocks)
	return &f
}

// make makes a block for the top, that many seconds after the one below, and
// does not put it there.
func (b *branch) make(seconds uint32, txs ...Tx) Block {
	block := Block{
		Header: pow.Header{
			Version: 0x20000000, Prev: b.Hash, Time: b.Time + seconds, Bits: b.NextBits(b.p),
		},
		Coinbase: Coinbase{Height: b.Height + 1, Tag: b.tag},
		Txs:      txs,
	}
	block.Header.MerkleRoot, _ = MerkleRoot(block.IDs())
	return solve(block)
}

func (b *branch) grow(seconds uint32, txs ...Tx) Block {
	block := b.make(seconds, txs...)
	b.put(block)
	return block
}

func (b *branch) put(block Block) {
	b.State = b.Apply(block.Header)
	b.blocks = append(b.blocks, block)
}

func solve(b Block) Block {
	target, _, _ := b.Header.Bits.Decode()
	for !b.Hash().Meets(target) {
		b.Header.Nonce++
	}
	return b
}

func testTx(t testing.TB, content string) Tx {
	t.Helper()
	tx, err := ParseTx(fmt.Appendf(nil, `{"author":"a","content":%q,"timestamp":1}`, content))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// chainTest is a chain and what tests ask of it.
type chainTest struct {
	*Chain
	t testing.TB
}

func openTest(t testing.TB, c Config) chainTest {
	t.Helper()
	if c.Store == nil {
		c.Store = NewMemStore()
	}
	if c.Now == nil {
		c.Now = testNow
	}
	chain, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return chainTest{chain, t}
}

// want accepts a block and compares the outcome: an Outcome, or the Reason of a
// refusal.
func (c chainTest) want(want any, b Block) {
	c.t.Helper()
	outcome, err := c.Accept(b)
	switch want := want.(type) {
	case Outcome:
		if outcome != want || err != nil {
			c.t.Fatalf("block %d %s: %s (%v), want %s", b.Height(), b.Coinbase.Tag, outcome, err, want)
		}
	case Reason:
		if outcome != 0 || !errors.Is(err, want) {
			c.t.Fatalf("block %d %s: %s (%v), want %s", b.Height(), b.Coinbase.Tag, outcome, err, want)
		}
	}
}

func (c chainTest) wantTip(b *branch) {
	c.t.Helper()
	if tip := c.Tip(); tip != b.State {
		c.t.Fatalf("tip %d %s, want %d %s of branch %q", tip.Height, tip.Hash, b.Height, b.Hash, b.tag)
	}
	for i, block := range b.blocks {
		if hash, ok := c.HashAt(int64(i + 1)); !ok || hash != block.Hash() {
			c.t.Fatalf("height %d: %s, want %s", i+1, hash, block.Hash())
		}
		for _, tx := range block.Txs {
			if place, err := c.FindTx(tx.ID()); err != nil || place.Block != block.Hash() || place.Pending {
				c.t.Fatalf("transaction %s at %+v (%v), want it in block %d", tx, place, err, i+1)
			}
		}
	}
}

func (c chainTest) wantPending(want ...Tx) {
	c.t.Helper()
	got := c.Pending(0, 1000)
	if !slices.Equal(got, want) {
		c.t.Fatalf("pending %v, want %v", got, want)
	}
}

func (c chainTest) post(txs ...Tx) {
	c.t.Helper()
	for _, tx := range txs {
		if outcome, err := c.AddTx(tx); outcome != TxAdded || err != nil {
			c.t.Fatalf("post %s: %s, %v", tx, outcome, err)
		}
	}
}
