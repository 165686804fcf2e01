package api

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// wycheproof is one of the cases of Wycheproof's Ed25519 vectors; all fields are hex.
type wycheproof struct {
	id                   int
	key, message, digits string
	valid                bool
}

// loadWycheproof reads the vectors that package block tests its verification with.
func loadWycheproof(t testing.TB) (cases []wycheproof) {
	t.Helper()
	data, err := os.ReadFile("../../chain/block/testdata/ed25519/wycheproof_ed25519_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			PublicKey struct{ Pk string }
			Tests     []struct {
				TcID             int
				Msg, Sig, Result string
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.TestGroups {
		for _, tc := range g.Tests {
			cases = append(cases, wycheproof{tc.TcID, g.PublicKey.Pk, tc.Msg, tc.Sig, tc.Result == "valid"})
		}
	}
	return cases
}

// TestWycheproof sends the signatures of Wycheproof to the API, alone and in blocks that
// are right in everything else. The messages of the vectors are no transactions, so package
// block verifies the pairs of message and signature themselves. Here:
//
//   - Each of the 63 invalid signatures, with its key, is refused.
//   - Each of the 88 valid ones belongs to another message, and is refused.
//   - Each of the 88 valid messages, as the content of a transaction that is signed, is
//     accepted; with S + L in place of S, which is the same number modulo the order of the
//     group, it is refused.
func TestWycheproof(t *testing.T) {
	cases := loadWycheproof(t)
	count := map[bool]int{}
	for _, tc := range cases {
		count[tc.valid]++
	}
	if count[true] != 88 || count[false] != 63 {
		t.Fatalf("read %v cases", count)
	}
	n := newTestNode(t, testSetup{})
	for _, tc := range cases {
		good := signedTx(t, fmt.Sprintf("%d %s", tc.id, tc.message))
		forged := strings.NewReplacer(good.PublicKey(), tc.key, good.Signature(), tc.digits).Replace(good.String())
		n.refuseTx(forged, tc.id)
		if !tc.valid {
			continue
		}
		n.refuseTx(strings.Replace(good.String(), good.Signature(), addOrder(t, good.Signature()), 1), tc.id)

		// Accepted in a block and, with another content, by itself.
		n.want(n.do("POST", "/add_block", n.blockWith(good.String()), "Accept", "application/json"), 201, `"outcome":"best"`)
		n.want(n.do("POST", "/new_transaction", signedTx(t, fmt.Sprintf("alone %d %s", tc.id, tc.message)).String()), 201, "Success")
	}
	if height := n.chain.Tip().Height; height != 88 {
		t.Errorf("the chain has %d blocks, want 88", height)
	}
	if pending, _ := n.chain.PendingCount(); pending != 88 {
		t.Errorf("%d transactions are pending, want 88", pending)
	}
}

// refuseTx sends a transaction whose signature is wrong by itself and in a block.
func (n *testNode) refuseTx(text string, id int) {
	n.t.Helper()
	tip := n.chain.Tip()
	for path, body := range map[string]string{"/new_transaction": text, "/add_block": n.blockWith(text)} {
		w := n.do("POST", path, body, "Accept", "application/json")
		if w.Code != 400 || !strings.Contains(w.Body.String(), `"reason":"`+string(block.TxBadSignature)+`"`) {
			n.t.Errorf("case %d: %s answers %d %s", id, path, w.Code, w.Body)
		}
	}
	if n.chain.Tip() != tip {
		n.t.Fatalf("case %d: the block was accepted", id)
	}
}

// addOrder returns a signature with S + L in place of S, both in hex. L is the order of
// the group of Ed25519; see RFC 8032, section 5.1.
func addOrder(t testing.TB, signature string) string {
	t.Helper()
	raw, err := hex.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(raw[32:])
	slices.Reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return hex.EncodeToString(append(raw[:32:32], sum...))
}

// blockWith returns, as JSON, a block on the tip that contains one transaction in canonical
// form. Proof of work, merkle root and everything else are right, whatever the transaction.
func (n *testNode) blockWith(tx string) string {
	n.t.Helper()
	tip := n.chain.Tip()
	b := n.child(tip.Hash, tip.Height+1, blockOptions{})
	b.Header.MerkleRoot, _ = block.MerkleRoot([]pow.Hash{b.Coinbase.ID(), pow.DoubleSHA256([]byte(tx))})
	target, err := b.Header.Bits.Target()
	if err != nil {
		n.t.Fatal(err)
	}
	for !b.Hash().Meets(target) {
		b.Header.Nonce++
	}
	text, err := json.Marshal(b)
	if err != nil {
		n.t.Fatal(err)
	}
	return strings.Replace(string(text), `"transactions":[]`, `"transactions":[`+tx+`]`, 1)
}
