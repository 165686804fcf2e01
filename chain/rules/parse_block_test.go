package rules_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// jsonOf returns the JSON form of the block with its list of transactions replaced by
// the text txs.
func jsonOf(t testing.TB, b block.Block, txs string) []byte {
	t.Helper()
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(text), `"transactions":`)
	if !ok {
		t.Fatalf("no transactions in %s", text)
	}
	return []byte(before + `"transactions":` + txs + "}")
}

// forgedTx returns the text of a signed transaction in whose signature one digit is
// wrong.
func forgedTx(t testing.TB) string {
	t.Helper()
	tx, err := block.Sign([]byte(`{"author":"a","content":"signed"}`), ed25519.NewKeyFromSeed(make([]byte, 32)), rulestest.Time)
	if err != nil {
		t.Fatal(err)
	}
	digit := "0"
	if tx.Signature()[:1] == digit {
		digit = "1"
	}
	return strings.Replace(tx.String(), tx.Signature(), digit+tx.Signature()[1:], 1)
}

func sameBlock(a, b block.Block) bool {
	return a.Header == b.Header && a.Coinbase == b.Coinbase && slices.Equal(a.Txs, b.Txs)
}

// ParseBlock refuses a block that cost no work, and one with too many transactions,
// before it verifies any signature.
func TestParseBlock(t *testing.T) {
	p := rulestest.With(rulestest.Easy(), func(c *rules.Config) { c.Limits.BlockTxs = 2 })
	good := rulestest.NewBranch(p).Make(1)
	free := good
	for target, _ := free.Header.Bits.Target(); free.Hash().Meets(target); {
		free.Header.Nonce++
	}
	version := good
	version.Header.Version = 1
	version = rulestest.Solve(version)
	orphan := good // without a parent, as genesis is, and without work
	orphan.Header.Prev, orphan.Header.Bits = pow.Hash{}, 0
	forged := forgedTx(t)
	txs := func(n int) string { return "[" + strings.Join(slices.Repeat([]string{forged}, n), ",") + "]" }
	for name, tc := range map[string]struct {
		b    block.Block
		txs  string
		want block.Reason
	}{
		"no proof of work": {free, txs(1), block.HighHash},
		"no parent":        {orphan, txs(1), block.BadDiffBits},
		"version":          {version, txs(1), block.BadVersion},
		"too many":         {good, txs(3), block.BadLength},
		"not too many":     {good, txs(2), block.TxBadSignature},
	} {
		_, err := p.ParseBlock(jsonOf(t, tc.b, tc.txs))
		if !errors.Is(err, tc.want) || (tc.want == block.TxBadSignature) != strings.Contains(err.Error(), "transaction 0") {
			t.Errorf("%s: error %v, want %s", name, err, tc.want)
		}
	}
	if _, err := rulestest.Swift().ParseBlock(jsonOf(t, good, "[]")); err != nil {
		t.Errorf("bits of another rule: %v", err)
	}
	other := rulestest.With(p, func(c *rules.Config) { c.Difficulty.Bits = 0x207ffffe })
	if _, err := other.ParseBlock(jsonOf(t, good, "[]")); !errors.Is(err, block.BadDiffBits) {
		t.Errorf("bits of another network: %v", err)
	}

	header, coinbase := p.Genesis()
	genesis := block.Block{Header: header, Coinbase: coinbase}
	if got, err := p.ParseBlock(jsonOf(t, genesis, "[]")); err != nil || !sameBlock(got, genesis) {
		t.Errorf("genesis: %+v, %v", got, err)
	}
	if _, err := other.ParseBlock(jsonOf(t, genesis, "[]")); err != nil {
		t.Errorf("genesis of a network with other bits: %v", err)
	}
	// Limits that are left zero have their defaults.
	b := rulestest.NewBranch(p).Make(1, rulestest.MakeTx(t, "one"))
	if _, err := rulestest.MustNew(rules.Config{Name: p.Name(), Difficulty: p.Difficulty()}).ParseBlock(jsonOf(t, b, "["+b.Txs[0].String()+"]")); err != nil {
		t.Errorf("default limits: %v", err)
	}
}
