//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/cmd/internal/cli"
)

// TestNamedPipeAsBook starts a node whose peers.json is a named pipe, on which opening
// waits for ever. The node must not wait: it says what is wrong and ends.
func TestNamedPipeAsBook(t *testing.T) {
	data := t.TempDir()
	book := filepath.Join(data, "peers.json")
	if err := syscall.Mkfifo(book, 0o600); err != nil {
		t.Fatal(err)
	}
	type result struct {
		code int
		errs string
	}
	ended := make(chan result, 1)
	go func() {
		code, _, errs := runLode(t, "", "node", "--listen", "127.0.0.1:0", "--data", data)
		ended <- result{code, errs}
	}()
	select {
	case got := <-ended:
		if want := book + " is a named pipe, want a regular file"; got.code != cli.ExitFailed || !strings.Contains(got.errs, want) {
			t.Errorf("exit status %d, %q; want %d and %q", got.code, got.errs, cli.ExitFailed, want)
		}
	case <-time.After(time.Minute): // only a test that fails waits for so long
		t.Fatal("the node is still waiting for the pipe")
	}
}
