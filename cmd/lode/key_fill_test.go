package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestKeyIsWhole checks that no part of a key stays when a file cannot be written, as on a
// full disk. Here the file is open for reading only.
func TestKeyIsWhole(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(name, []byte("half a"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(f, []byte("key")); err == nil {
		t.Error("a file that cannot be written was written")
	}
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}
