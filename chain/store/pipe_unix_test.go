//go:build unix

package store_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/store"
)

// A named pipe in place of the store's file is refused. To open it would wait for ever
// for a process that writes to it.
func TestOpenRefusesNamedPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "chain.db"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(dir, store.Options{}); !errors.Is(err, chain.ErrDamaged) {
		t.Errorf("error %v, want one that wraps %v", err, chain.ErrDamaged)
	}
}
