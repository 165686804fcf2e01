package chain

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// postBy returns a transaction of an author.
func postBy(t testing.TB, author, content string) block.Tx {
	t.Helper()
	tx, err := block.ParseTx(fmt.Appendf(nil, `{"author":%q,"content":%q,"timestamp":1}`, author, content))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// contentsOf lists the contents of the transactions of an owner, page by page.
func contentsOf(t testing.TB, c *Chain, owner TxOwner, limit int) []string {
	t.Helper()
	var all []string
	before, more := TxCursor{}, true
	for more {
		var txs []TxPlace
		var err error
		if txs, before, more, err = c.TxsOf(owner, before, limit); err != nil {
			t.Fatal(err)
		}
		if len(txs) > limit || more && len(txs) < limit {
			t.Fatalf("a page of %d transactions, want %d", len(txs), limit)
		}
		for _, place := range txs {
			if found, err := c.FindTx(place.Tx.ID()); err != nil || found != place {
				t.Errorf("transaction %+v, by its id %+v (%v)", place, found, err)
			}
			if records, err := c.Records(place.Block); err != nil || place.BlockBytes != records.Size() {
				t.Errorf("transaction %+v: its block has %d bytes (%v)", place, records.Size(), err)
			}
			all = append(all, place.Tx.Content())
		}
	}
	return all
}

// The transactions of an author are listed from new to old, page by page, and follow the
// active branch. Pending ones are not among them.
func TestTxsOf(t *testing.T) {
	c := openTest(t, Config{Params: slow()})
	a := rulestest.NewBranch(c.Params())
	c.want(Best, a.Grow(1, postBy(t, "ann", "1"), postBy(t, "bob", "2"), postBy(t, "ann", "3")))
	c.want(Best, a.Grow(1))
	fork := a.Fork("b")
	c.want(Best, a.Grow(1, postBy(t, "ann", "4"), postBy(t, "bob", "5")))
	pending := postBy(t, "ann", "pending")
	if _, err := c.AddTx(pending); err != nil {
		t.Fatal(err)
	}
	check := func(owner TxOwner, want ...string) {
		t.Helper()
		for _, limit := range []int{1, 2, 100} {
			if got := contentsOf(t, c.Chain, owner, limit); !slices.Equal(got, want) {
				t.Errorf("transactions of %+v: %v, want %v", owner, got, want)
			}
		}
	}
	check(TxOwner{Author: "ann"}, "4", "3", "1")
	check(TxOwner{Author: "bob"}, "5", "2")
	check(TxOwner{Author: "an"})
	check(TxOwner{}, "5", "4", "3", "2", "1")

	c.want(Side, fork.Grow(1, postBy(t, "cleo", "6")))
	c.want(Best, fork.Grow(1, postBy(t, "bob", "5")))
	check(TxOwner{Author: "ann"}, "3", "1")
	check(TxOwner{Author: "bob"}, "5", "2")
	check(TxOwner{}, "5", "6", "3", "2", "1")
	want := []string{"pending", "4"} // "4" was returned by the reorg and so came before
	var got []string
	for _, tx := range c.PendingOf(TxOwner{Author: "ann"}, 10) {
		got = append(got, tx.Content())
	}
	if !slices.Equal(got, want) {
		t.Errorf("pending transactions of ann: %v, want %v", got, want)
	}
	if got := c.PendingOf(TxOwner{}, 1); len(got) != 1 || got[0] != pending {
		t.Errorf("the newest pending transaction is %v, want %v", got, pending)
	}

	if txs, next, more, err := c.TxsOf(TxOwner{}, TxCursor{Height: 1, Index: 1}, 5); len(txs) != 0 || more || err != nil || next != (TxCursor{Height: 1, Index: 1}) {
		t.Errorf("below the first transaction: %v, %v, %v, %v", txs, next, more, err)
	}
	for _, owner := range []TxOwner{
		{Author: "a", Key: strings.Repeat("0", 64)}, {Key: "a"}, {Key: strings.Repeat("A", 64)}, {Key: strings.Repeat("g", 64)}, {Key: strings.Repeat("0", 65)},
	} {
		if _, _, _, err := c.TxsOf(owner, TxCursor{}, 1); err == nil {
			t.Errorf("no error for the owner %+v", owner)
		}
	}
}

// If the store returns the transactions of another owner as well, whose name has the same
// hash, they are left out, and the pages go on behind them.
func TestTxsOfSameHash(t *testing.T) {
	mem := NewMemStore()
	c := openTest(t, Config{Params: slow(), Store: everybodysStore{mem}})
	a := rulestest.NewBranch(c.Params())
	c.want(Best, a.Grow(1, postBy(t, "ann", "1"), postBy(t, "bob", "2"), postBy(t, "ann", "3"), postBy(t, "bob", "4")))
	var got []string
	before, more := TxCursor{}, true
	for range 4 {
		var txs []TxPlace
		txs, before, more, _ = c.TxsOf(TxOwner{Author: "ann"}, before, 1)
		for _, place := range txs {
			got = append(got, place.Tx.Content())
		}
	}
	if !slices.Equal(got, []string{"3", "1"}) || more {
		t.Errorf("transactions %v, more: %v", got, more)
	}
}

// everybodysStore is a store in which the names of all owners have the same hash.
type everybodysStore struct{ *MemStore }

func (s everybodysStore) TxsOf(_ TxOwner, before TxCursor, limit int) ([]TxAt, error) {
	return s.MemStore.TxsOf(TxOwner{}, before, limit)
}

func TestRecords(t *testing.T) {
	c := openTest(t, Config{Params: slow()})
	a := rulestest.NewBranch(c.Params())
	txs := []block.Tx{postBy(t, "ann", "1"), postBy(t, "bob", "2")}
	b := a.Grow(1, txs...)
	c.want(Best, b)
	records, err := c.Records(b.Hash())
	if err != nil {
		t.Fatal(err)
	}
	if records.Header != b.Header || records.Coinbase != b.Coinbase || records.Len() != 2 || records.Size() != b.Size() {
		t.Errorf("records %+v, want those of %+v", records, b)
	}
	for i, want := range txs {
		if got, err := records.Tx(i); err != nil || got != want {
			t.Errorf("transaction %d is %v (%v), want %v", i, got, err, want)
		}
	}
	if _, err := c.Records(pow.Hash{1}); err == nil {
		t.Error("no error for a block that is not there")
	}
}
