package chain

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules/rulestest"
)

func TestMempoolIsBounded(t *testing.T) {
	one, two, six := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two"), rulestest.MakeTx(t, "six")
	size := one.Size() // all three have the same size
	for name, tc := range map[string]struct {
		config Config
		room   int
	}{
		"bytes of two":            {Config{PoolBytes: 2 * size}, 2},
		"bytes of two and a byte": {Config{PoolBytes: 2*size + 1}, 2},
		"bytes of two but a byte": {Config{PoolBytes: 2*size - 1}, 1},
		"bytes of none":           {Config{PoolBytes: size - 1}, 0},
		"two":                     {Config{PoolTxs: 2}, 2},
		"one":                     {Config{PoolTxs: 1}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tc.config.Params, tc.config.Store = rulestest.Easy(), NewMemStore()
			c := openTest(t, tc.config)
			txs := []block.Tx{one, two, six}
			full := func() {
				t.Helper()
				if outcome, err := c.AddTx(txs[tc.room]); outcome != 0 || !errors.Is(err, ErrPoolFull) {
					t.Errorf("posted to a full mempool: %s, %v", outcome, err)
				}
				c.wantPending(txs[:tc.room]...)
				if n, bytes := c.PendingCount(); n != tc.room || bytes != tc.room*size {
					t.Errorf("%d transactions of %d bytes are pending", n, bytes)
				}
			}
			c.post(txs[:tc.room]...)
			full()
			c = openTest(t, tc.config) // transactions from the store count too
			full()
			if tc.room == 0 {
				return
			}
			a := rulestest.NewBranch(c.Params())
			c.want(Best, a.Grow(1, one)) // a mined transaction makes room
			c.post(txs[tc.room])
			c.wantPending(txs[1 : tc.room+1]...)
		})
	}
}

// Pages of the pending transactions, at and beyond both ends.
func TestPagesOfPending(t *testing.T) {
	store := NewMemStore()
	c := openTest(t, Config{Params: rulestest.Easy(), Store: store})
	var txs []block.Tx
	for i := range 5 {
		txs = append(txs, rulestest.MakeTx(t, fmt.Sprint(i)))
	}
	c.post(txs...)
	for _, tc := range []struct{ from, limit, first, end int }{
		{0, 5, 0, 5}, {0, 6, 0, 5}, {0, 4, 0, 4}, {1, 2, 1, 3}, {4, 1, 4, 5}, {4, 9, 4, 5},
		{0, 0, 0, 0}, {0, -1, 0, 0}, {5, 1, 0, 0}, {6, 9, 0, 0}, {-1, 1, 0, 1}, {-9, 2, 0, 2}, {-9, 9, 0, 5},
		{math.MinInt, 1, 0, 1},
	} {
		got, ids := c.Pending(tc.from, tc.limit), c.PendingIDs(tc.from, tc.limit)
		if want := txs[tc.first:tc.end]; !slices.Equal(got, want) || len(ids) != len(want) {
			t.Errorf("%d from position %d: %v, want %v", tc.limit, tc.from, got, want)
		}
		for i, id := range ids {
			if id != got[i].ID() {
				t.Errorf("%d from position %d: id %d is %s, want %s", tc.limit, tc.from, i, id, got[i].ID())
			}
		}
	}
	c = openTest(t, Config{Params: rulestest.Easy(), Store: store}) // what is read from the store is known
	if outcome, err := c.AddTx(txs[3]); outcome != TxKnown || err != nil {
		t.Errorf("posted again: %s, %v", outcome, err)
	}
	c.wantPending(txs...)
}

// A transaction that is still being written is neither pending nor found, but it is known, so
// that nobody fetches it once more.
func TestPostIsNotFoundBeforeItIsWritten(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	tx := rulestest.MakeTx(t, "one")
	looked := 0
	c.store = &watchedStore{Store: c.store, before: func() {
		looked++
		if place, err := c.FindTx(tx.ID()); !errors.Is(err, ErrNotFound) {
			t.Errorf("found at %+v (%v)", place, err)
		}
		if txs, bytes := c.PendingCount(); len(c.Pending(0, 9)) != 0 || txs != 0 || bytes != 0 {
			t.Errorf("%d transactions of %d bytes are pending", txs, bytes)
		}
		if !c.HasPending(tx.ID()) {
			t.Error("the transaction is not known")
		}
	}}
	c.post(tx)
	if place, err := c.FindTx(tx.ID()); looked != 1 || err != nil || !place.Pending {
		t.Errorf("after %d writes found at %+v (%v)", looked, place, err)
	}
}
