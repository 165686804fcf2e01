package chain

import (
	"errors"
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
