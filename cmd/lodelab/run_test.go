package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodepow/lode/cmd/internal/cli"
)

// cancelAt ends a context when a text is written.
type cancelAt struct {
	text   string
	cancel context.CancelFunc
}

func (c cancelAt) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.text) {
		c.cancel()
	}
	return len(p), nil
}

// An interrupted run says how to continue, and the continued one has the same files as
// one that was not interrupted.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	file, part, whole := filepath.Join(dir, "x.toml"), filepath.Join(dir, "part"), filepath.Join(dir, "whole")
	const experiment = "replicas = 2\nnodes = 10\nblocks = 200\ntopology.degree = 3\ninterval = '1s..30s step 1s'\n"
	if err := os.WriteFile(file, []byte(experiment), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	log := cancelAt{"interrupted: ", func() {}}
	said := false
	log.cancel = func() { said = true }
	errs := io.MultiWriter(cancelAt{"point 2 of 30", cancel}, log)
	if exit := run(ctx, []string{"run", "--out", part, file}, cli.Std{Out: &out, Err: errs}); exit != cli.ExitFailed || !said {
		t.Errorf("exit status %d, and that it was interrupted was said: %v", exit, said)
	}
	for _, args := range [][]string{{"run", "--no-report", "--resume", "--out", part, file}, {"run", "--no-report", "--out", whole, file}} {
		if exit := run(t.Context(), args, cli.Std{Out: io.Discard, Err: io.Discard}); exit != 0 {
			t.Errorf("%v: exit status %d", args, exit)
		}
	}
	for _, name := range []string{"results.csv", "summary.json"} {
		a, err := os.ReadFile(filepath.Join(part, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(whole, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs", name)
		}
	}
}
