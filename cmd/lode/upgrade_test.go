package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/lodepow/lode/cmd/internal/cli"
)

// oldData returns a data folder with a store of schema 1, and its file.
func oldData(t *testing.T) (data, path string) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "chain", "store", "testdata", "schema1.db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	file, err := io.ReadAll(zipped)
	if err != nil {
		t.Fatal(err)
	}
	data = t.TempDir()
	path = filepath.Join(data, "chain.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return data, path
}

// TestUpgrade starts a node on the data folder of the first version with schema 1. The
// chain and the pending transactions are there, and the node goes on from them.
func TestUpgrade(t *testing.T) {
	data, _ := oldData(t)
	p := startNode(t, data, "--difficulty", "1")
	var status struct {
		Height int64
		Hash   string
	}
	p.getJSON(t, "/status", &status)
	if status.Height != 3 || status.Hash != "03a6ef33ef73362380749c9b70cf28d6279888e01aab4593ea3c1d640a55de6f" {
		t.Errorf("%+v", status)
	}
	var pending []struct{ Author, Content string }
	p.getJSON(t, "/pending_tx", &pending)
	if len(pending) != 2 || pending[0].Content != "first pending" || pending[1].Content != "second pending" {
		t.Errorf("pending: %+v", pending)
	}
	if status, answer, err := p.call(t.Context(), http.MethodPost, "/mine", ""); err != nil || status != http.StatusOK || !strings.Contains(string(answer), `"height":4`) {
		t.Errorf("mine: %d %s %v", status, answer, err)
	}
}

// TestUpgradeIsInterrupted starts a node whose first interrupt has come before it upgrades
// its store. It ends without the upgrade and says that the next start makes it.
func TestUpgradeIsInterrupted(t *testing.T) {
	data, _ := oldData(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs strings.Builder
	code := run(ctx, []string{"node", "--difficulty", "1", "--listen", "127.0.0.1:0", "--data", data}, cli.Std{Out: &out, Err: &errs})
	if want := "the next start goes on with the upgrade"; code != cli.ExitFailed || !strings.Contains(errs.String(), want) {
		t.Errorf("exit status %d, %q; want %d and %q", code, errs.String(), cli.ExitFailed, want)
	}
	p := startNode(t, data, "--difficulty", "1")
	var status struct{ Height int64 }
	p.getJSON(t, "/status", &status)
	if status.Height != 3 {
		t.Errorf("height %d", status.Height)
	}
}

// TestNewerStoreIsRefused starts a node on a store with a newer schema. It says what to do
// and leaves the file as it is.
func TestNewerStoreIsRefused(t *testing.T) {
	data, path := oldData(t)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		key, value := []byte("schema"), []byte{0, 0, 0, 4}
		sum := crc32.Checksum(append(bytes.Clone(key), value...), crc32.MakeTable(crc32.Castagnoli))
		return tx.Bucket([]byte("meta")).Put(key, append(binary.BigEndian.AppendUint32(nil, sum), value...))
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = "written with schema 4, this version reads up to 3: use a newer one"
	if _, err := tryNode(data, "--difficulty", "1"); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "damaged") {
		t.Errorf("error %v, want %q", err, want)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed, or cannot be read: %v", err)
	}
}
