package store_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/store"
	"github.com/lodepow/lode/pow"
)

// unpack writes the uncompressed contents of a file of testdata to a path.
func unpack(t *testing.T, name, path string) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(zipped)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A store that the first version with schema 1 wrote opens with everything that is in it,
// takes changes, and opens again.
func TestStoreOfSchemaOne(t *testing.T) {
	dir := t.TempDir()
	unpack(t, "schema1.db.gz", filepath.Join(dir, "chain.db"))
	params, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	const tip = "03a6ef33ef73362380749c9b70cf28d6279888e01aab4593ea3c1d640a55de6f"
	for try := range 2 {
		s, err := store.Open(dir, store.Options{NetworkID: params.ID(), NetworkName: params.Name()})
		if err != nil {
			t.Fatalf("opening %d: %v", try, err)
		}
		var headers []pow.Header
		at, pending, err := s.Load(func(h pow.Header) error {
			headers = append(headers, h)
			return nil
		})
		if err != nil || at.String() != tip || len(headers) != 4 || headers[0].Hash() != params.GenesisState().Hash {
			t.Fatalf("opening %d: tip %s, %d headers (%v), want %s and 4", try, at, len(headers), err, tip)
		}
		if len(pending) != 2+try || !strings.Contains(pending[0].Tx.String(), "first pending") || !strings.Contains(pending[1].Tx.String(), "second pending") {
			t.Errorf("opening %d: pending %v", try, pending)
		}
		raw, err := s.Block(at)
		if err != nil {
			t.Fatal(err)
		}
		b, err := block.Parse(raw)
		if err != nil || len(b.Txs) != 2 || !strings.Contains(b.Txs[0].String()+b.Txs[1].String(), "signed 3") {
			t.Fatalf("opening %d: the tip is %+v (%v)", try, b, err)
		}
		for _, tx := range b.Txs {
			if in, err := s.FindTx(tx.ID()); err != nil || in != at {
				t.Errorf("opening %d: transaction %s is in %s (%v)", try, tx.ID(), in, err)
			}
		}
		tx, err := block.ParseTx([]byte(`{"author":"a","content":"after the upgrade","timestamp":1}`))
		if err != nil {
			t.Fatal(err)
		}
		if try == 0 {
			if err := s.Commit(chain.Change{AddPending: []chain.Pending{{Seq: pending[1].Seq + 1, Tx: tx}}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
