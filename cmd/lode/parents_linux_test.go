package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lodepow/lode/chain/store/powerfail"
)

// TestNewFoldersAreSynced records the system calls of a node that makes its folder and the
// one above it. Before the node promises that a transaction is stored, it has synced both,
// and the folder in which it made them: otherwise a power failure could take away the
// folder with all that is in it.
func TestNewFoldersAreSynced(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	disk, trace := filepath.Join(root, "disk"), filepath.Join(root, "trace")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(disk, "new", "data")
	p, pid := startTraced(t, trace, nil, data)
	p.want(t, http.StatusCreated, "", "/new_transaction", `{"author":"ann","content":"hello"}`)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.done
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	calls, _, err := powerfail.Parse(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	promise, made := 0, 0 // lines of the answer, and of the last folder made
	for _, c := range calls {
		text := strings.Join(c.Args, " ")
		switch {
		case strings.HasPrefix(c.Name, "write") && strings.Contains(text, "HTTP/1.1 201"):
			promise = c.Start
		case strings.HasPrefix(c.Name, "mkdir") && c.Result == 0 && strings.Contains(text, data):
			made = c.End
		}
	}
	if promise == 0 || made == 0 {
		t.Fatalf("the trace has an answer in line %d and a new folder in line %d, want both", promise, made)
	}
	for _, dir := range []string{data, filepath.Dir(data), disk} {
		synced := false
		for _, c := range calls {
			synced = synced || c.Name == "fsync" && c.Path(0) == dir && c.Result == 0 && c.Start > made && c.End > 0 && c.End < promise
		}
		if !synced {
			t.Errorf("%s was not synced between line %d, where the folder was made, and line %d, where a transaction was acknowledged", dir, made, promise)
		}
	}
}
