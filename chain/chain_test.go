package chain

import (
	"errors"
	"slices"
	"testing"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules/rulestest"
)

// chainTest is a chain with the methods that tests share.
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
		c.Now = rulestest.Now
	}
	chain, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return chainTest{chain, t}
}

// want accepts a block and compares what becomes of it: an Outcome, or the
// block.Reason for which it is refused.
func (c chainTest) want(want any, b block.Block) {
	c.t.Helper()
	outcome, err := c.Accept(b)
	switch want := want.(type) {
	case Outcome:
		if outcome != want || err != nil {
			c.t.Fatalf("block %d %s: %s (%v), want %s", b.Height(), b.Coinbase.Tag, outcome, err, want)
		}
	case block.Reason:
		if outcome != 0 || !errors.Is(err, want) {
			c.t.Fatalf("block %d %s: %s (%v), want %s", b.Height(), b.Coinbase.Tag, outcome, err, want)
		}
	}
}

func (c chainTest) wantTip(b *rulestest.Branch) {
	c.t.Helper()
	if tip := c.Tip(); tip != b.State {
		c.t.Fatalf("tip %d %s, want %d %s of branch %q", tip.Height, tip.Hash, b.Height, b.Hash, b.Tag)
	}
	for i, made := range b.Blocks {
		if hash, ok := c.HashAt(int64(i + 1)); !ok || hash != made.Hash() {
			c.t.Fatalf("height %d: %s, want %s", i+1, hash, made.Hash())
		}
		for _, tx := range made.Txs {
			if place, err := c.FindTx(tx.ID()); err != nil || place.Block != made.Hash() || place.Pending {
				c.t.Fatalf("transaction %s at %+v (%v), want it in block %d", tx, place, err, i+1)
			}
		}
	}
}

func (c chainTest) wantPending(want ...block.Tx) {
	c.t.Helper()
	got := c.Pending(0, 1000)
	if !slices.Equal(got, want) {
		c.t.Fatalf("pending %v, want %v", got, want)
	}
}

func (c chainTest) post(txs ...block.Tx) {
	c.t.Helper()
	for _, tx := range txs {
		if outcome, err := c.AddTx(tx); outcome != TxAdded || err != nil {
			c.t.Fatalf("post %s: %s, %v", tx, outcome, err)
		}
	}
}
