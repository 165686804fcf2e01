package api

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// listAnswer is an answer of /txs.
type listAnswer struct {
	Transactions []struct {
		ID            pow.Hash
		Pending       bool
		Block         pow.Hash
		Height        int64
		Index         int
		Confirmations int64
		Transaction   block.Tx
	}
	Next string
}

// list asks for a page of /txs with a query.
func (n *testNode) list(query string) (a listAnswer) {
	n.t.Helper()
	w := n.describedCall("GET", "/txs?"+query, "")
	if w.Code != http.StatusOK {
		n.t.Fatalf("/txs?%s: %d %s", query, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		n.t.Fatalf("/txs?%s: %v in %s", query, err, w.Body)
	}
	return a
}

// testTxBy returns a transaction of an author.
func testTxBy(t testing.TB, author, content string) block.Tx {
	t.Helper()
	tx, err := block.ParseTx(fmt.Appendf(nil, `{"author":%q,"content":%q,"timestamp":1}`, author, content))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// mineTxs puts transactions into a block on the tip.
func (n *testNode) mineTxs(txs ...block.Tx) block.Block {
	n.t.Helper()
	tip := n.chain.Tip()
	b := n.child(tip.Hash, tip.Height+1, blockOptions{txs: txs})
	if _, err := n.chain.Accept(b); err != nil {
		n.t.Fatal(err)
	}
	return b
}

// TestListTransactions lists the transactions of authors, of a key and of everybody, page
// by page, through a reorg.
func TestListTransactions(t *testing.T) {
	n := newTestNode(t, testSetup{})
	signed := signedTx(t, "signed")
	first := n.mineTxs(testTxBy(t, "ann <&> 😂", "1"), testTxBy(t, "bob", "2"), signed, testTxBy(t, "ann <&> 😂", "3"))
	n.grow(1)
	n.mineTxs(testTxBy(t, "ann <&> 😂", "4"))
	n.post("waits") // by ann

	check := func(query string, want ...string) {
		t.Helper()
		for _, limit := range []int{1, 2, 100} {
			var got []string
			next := ""
			for {
				page := query + fmt.Sprintf("&limit=%d", limit)
				if next != "" {
					page += "&before=" + next
				}
				a := n.list(page)
				for _, tx := range a.Transactions {
					got = append(got, tx.Transaction.Content())
					found, err := n.chain.FindTx(tx.Transaction.ID())
					if err != nil || tx.ID != tx.Transaction.ID() || found != (chain.TxPlace{Tx: tx.Transaction, Pending: tx.Pending, Block: tx.Block, Height: tx.Height, Index: tx.Index, BlockBytes: found.BlockBytes}) {
						t.Errorf("%s: %+v, want %+v (%v)", page, tx, found, err)
					}
					if !tx.Pending && tx.Confirmations != n.chain.Tip().Height-tx.Height+1 {
						t.Errorf("%s: %d confirmations at height %d", page, tx.Confirmations, tx.Height)
					}
				}
				if next = a.Next; next == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("/txs?%s, %d at a time: %q, want %q", query, limit, got, want)
			}
		}
	}
	check("author=ann+%3C%26%3E+%F0%9F%98%82", "4", "3", "1")
	check("author=bob", "2")
	check("author=nobody")
	check("author=ann", "waits")
	check("key="+signed.PublicKey(), "signed")
	check("key="+strings.ToUpper(signed.PublicKey()), "signed")
	check("key=" + strings.Repeat("0", 64))
	check("", "waits", "4", "3", "signed", "2", "1")

	// A branch without the last block takes over; its transaction is pending again, before
	// the one that has not been mined yet.
	fork := n.child(first.Hash(), 2, blockOptions{salt: 7, txs: []block.Tx{testTxBy(t, "bob", "5")}})
	third := n.child(fork.Hash(), 3, blockOptions{salt: 8})
	for _, b := range []block.Block{fork, third, n.child(third.Hash(), 4, blockOptions{salt: 9})} {
		if _, err := n.chain.Accept(b); err != nil {
			t.Fatal(err)
		}
	}
	check("author=ann+%3C%26%3E+%F0%9F%98%82", "4", "3", "1")
	check("author=bob", "5", "2")
	check("", "waits", "4", "5", "3", "signed", "2", "1")
	if a := n.list("author=ann+%3C%26%3E+%F0%9F%98%82"); !a.Transactions[0].Pending || a.Transactions[1].Pending {
		t.Errorf("after the reorg: %+v", a)
	}

	for query, part := range map[string]string{
		"author=": "parameter author is empty",
		"key=":    "parameter key is empty",
		"author=a&key=" + strings.Repeat("0", 64): "want one of them",
		"key=abc":             "64 hex digits",
		"before=0-0":          "parameter before",
		"before=1":            "parameter before",
		"before=1-2-3":        "parameter before",
		"before=2147483648-0": "parameter before",
		"limit=101":           "1 to 100",
		"limit=0":             "1 to 100",
		"name=ann":            "unknown parameter",
	} {
		n.want(n.describedCall("GET", "/txs?"+query, ""), 400, part)
	}
	if a := n.list("before=2147483647-2147483647&limit=1"); len(a.Transactions) != 1 || a.Transactions[0].Transaction.Content() != "5" {
		t.Errorf("from far above the tip: %+v", a)
	}
}

// listChain is a chain that calls a function before each list of transactions.
type listChain struct {
	Chain
	before func()
}

func (c *listChain) TxsOf(owner chain.TxOwner, before chain.TxCursor, limit int) ([]chain.TxPlace, chain.TxCursor, bool, error) {
	c.before()
	return c.Chain.TxsOf(owner, before, limit)
}

// TestListDuringReorg has a reorg come in the middle of a list. The list is made anew, so
// that all of it is from the new branch.
func TestListDuringReorg(t *testing.T) {
	calls := 0
	seen := &listChain{before: func() {}}
	n := newTestNode(t, testSetup{api: func(c Chain) Chain { seen.Chain = c; return seen }})
	genesis := n.chain.Tip().Hash
	for i := range 3 * ownedStep {
		n.mineTxs(testTxBy(t, "ann", fmt.Sprint("old ", i)))
	}
	seen.before = func() {
		if calls++; calls != 3 {
			return
		}
		prev := genesis
		for i := range int64(3*ownedStep + 1) {
			b := n.child(prev, i+1, blockOptions{salt: 1, txs: []block.Tx{testTxBy(t, "ann", fmt.Sprint("new ", i))}})
			if _, err := n.chain.Accept(b); err != nil {
				t.Error(err)
			}
			prev = b.Hash()
		}
	}
	a := n.list("author=ann&limit=100")
	mined := 0
	for _, tx := range a.Transactions {
		if tx.Pending != strings.HasPrefix(tx.Transaction.Content(), "old ") {
			t.Errorf("%q is pending: %v", tx.Transaction.Content(), tx.Pending)
		}
		if !tx.Pending {
			mined++
		}
	}
	if mined != 3*ownedStep+1 || calls <= 3 {
		t.Errorf("%d transactions are mined, after %d lists", mined, calls)
	}
}

// TestBranches lists the branches.
func TestBranches(t *testing.T) {
	n := newTestNode(t, testSetup{})
	genesis := n.chain.Tip().Hash
	n.grow(3)
	side := n.child(genesis, 1, blockOptions{salt: 5})
	if _, err := n.chain.Accept(side); err != nil {
		t.Fatal(err)
	}
	second, _ := n.chain.HashAt(2)
	last := n.child(second, 3, blockOptions{salt: 6})
	if _, err := n.chain.Accept(last); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Branches []struct {
			Hash       pow.Hash
			Height     int64
			Active     bool
			Fork       pow.Hash
			ForkHeight int64 `json:"fork_height"`
			Length     int64
		}
	}
	w := n.describedCall("GET", "/branches", "")
	n.want(w, 200, `"invalid":false,"held_back":false`)
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(answer.Branches)
	want := fmt.Sprint([]any{
		[]any{n.chain.Tip().Hash, 3, true, n.chain.Tip().Hash, 3, 0},
		[]any{last.Hash(), 3, false, second, 2, 1},
		[]any{side.Hash(), 1, false, genesis, 0, 1},
	})
	if strings.NewReplacer("{", "[", "}", "]").Replace(got) != want || w.Header().Get("X-Total-Count") != "3" {
		t.Errorf("branches %s (%s), want %s", got, w.Header().Get("X-Total-Count"), want)
	}
	if err := json.Unmarshal(n.describedCall("GET", "/branches?limit=1", "").Body.Bytes(), &answer); err != nil || len(answer.Branches) != 1 {
		t.Errorf("one branch: %+v (%v)", answer, err)
	}
}

// signedTx returns a transaction that is signed.
func signedTx(t testing.TB, content string) block.Tx {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	tx, err := block.Sign(fmt.Appendf(nil, `{"author":"signer","content":%q,"timestamp":1}`, content), key, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}
