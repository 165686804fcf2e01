package store

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// childVar is the environment variable that makes this test binary a child process:
// its value is a role of child and a folder, with a colon between them.
const childVar = "LODE_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if role := os.Getenv(childVar); role != "" {
		os.Exit(child(role))
	}
	goleak.VerifyTestMain(m)
}

// child does what a role says, and returns the exit status of the process.
func child(role string) int {
	name, dir, _ := strings.Cut(role, ":")
	roles := map[string]func(dir string) error{"commit": childCommits, "open": childOpens, "fill": childFills, "upgrade": childUpgrades}
	if err := roles[name](dir); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 0
}

func testOptions() Options {
	return Options{NetworkID: pow.Hash{1, 2, 3}, NetworkName: "lab"}
}

func mustOpen(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, s) })
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func mustCommit(t testing.TB, s *Store, c chain.Change) {
	t.Helper()
	if err := s.Commit(c); err != nil {
		t.Fatal(err)
	}
}

// testTx returns a transaction, always the same one for the same content.
func testTx(content string) block.Tx {
	tx, err := block.ParseTx(fmt.Appendf(nil, `{"author":"a","content":%q,"timestamp":1}`, content))
	if err != nil {
		panic(err)
	}
	return tx
}

// testBlock returns a child of the block prev. It has no proof of work, because the
// store does not apply the rules.
func testBlock(prev pow.Hash, height int64, branch string, txs ...block.Tx) block.Block {
	b := block.Block{Coinbase: block.Coinbase{Height: height, Tag: branch}, Txs: txs}
	root, _ := block.MerkleRoot(b.IDs())
	b.Header = pow.Header{Version: 0x20000000, Prev: prev, MerkleRoot: root, Time: uint32(height), Bits: 0x207fffff}
	return b
}

// testBranch returns a chain of blocks on top of prev, beginning at a height. Each
// block has txs transactions.
func testBranch(prev pow.Hash, height int64, branch string, blocks, txs int) []block.Block {
	var all []block.Block
	for range blocks {
		var in []block.Tx
		for i := range txs {
			in = append(in, testTx(fmt.Sprintf("%s %d %d", branch, height, i)))
		}
		b := testBlock(prev, height, branch, in...)
		all = append(all, b)
		prev = b.Hash()
		height++
	}
	return all
}

func hashes(blocks []block.Block) []pow.Hash {
	var all []pow.Hash
	for _, b := range blocks {
		all = append(all, b.Hash())
	}
	return all
}

func reversed(hashes []pow.Hash) []pow.Hash {
	var all []pow.Hash
	for i := range hashes {
		all = append(all, hashes[len(hashes)-1-i])
	}
	return all
}

func binaryOf(t testing.TB, b block.Block) string {
	t.Helper()
	raw, err := b.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// contents returns everything that can be read from a store as one string that tests
// can compare: tip, pending transactions, every block, and the block of each of the
// transactions in ids.
func contents(s *Store, ids []pow.Hash) (string, error) {
	var b strings.Builder
	var all []pow.Header
	tip, pending, err := s.Load(func(h pow.Header) error { all = append(all, h); return nil })
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "tip %s\n", tip)
	for _, p := range pending {
		fmt.Fprintf(&b, "pending %d %s\n", p.Seq, p.Tx)
	}
	for _, h := range all {
		raw, err := s.Block(h.Hash())
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "block %s %x\n", h, pow.DoubleSHA256(raw))
	}
	for _, id := range ids {
		at, err := s.FindTx(id)
		if err != nil && !isNotFound(err) {
			return "", err
		}
		fmt.Fprintf(&b, "tx %s in %s\n", id, at)
	}
	return b.String(), nil
}

// pendingOf returns pending transactions with consecutive sequence numbers.
func pendingOf(first uint64, contents ...string) []chain.Pending {
	var all []chain.Pending
	for i, c := range contents {
		all = append(all, chain.Pending{Seq: first + uint64(i), Tx: testTx(c)})
	}
	return all
}

func containsAll(s string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(s, part) })
}
