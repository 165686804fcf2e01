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

// A version that does not say which code it is gets a warning.
func TestWarnOfVersion(t *testing.T) {
	for version, want := range map[string]string{
		"(devel)":                     "does not know its commit",
		"(devel) commit 0123456789ab": "",
		"(devel) commit 0123456789ab with changes": "changes that are not committed",
		"v1.2.3":                             "",
		"v0.0.0-20260101000000-0123456789ab": "",
		"v0.0.0-20260101000000-0123456789ab+dirty commit 0123456789ab with changes": "changes that are not committed",
		"v0.0.0-20260101000000-0123456789ab+dirty":                                  "changes that are not committed",
	} {
		var out bytes.Buffer
		warnOfVersion(&out, version)
		if got := out.String(); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: warning %q, want %q", version, got, want)
		}
	}
	// The binary of a test does not know its commit. A run from nothing mixes nothing.
	dir := t.TempDir()
	file := filepath.Join(dir, "x.toml")
	if err := os.WriteFile(file, []byte("replicas = 2\nnodes = 5\nblocks = 5\ntopology.degree = 2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	part := func(i string) string { return filepath.Join(dir, "part"+i) }
	for _, tt := range []struct {
		args []string
		want bool
	}{
		{[]string{"run", "--no-report", "--out", filepath.Join(dir, "whole"), file}, false},
		{[]string{"run", "--no-report", "--resume", "--out", filepath.Join(dir, "whole"), file}, true},
		{[]string{"run", "--shard", "1/2", "--out", part("1"), file}, true},
		{[]string{"run", "--shard", "2/2", "--out", part("2"), file}, true},
		{[]string{"merge", "--no-report", "--out", filepath.Join(dir, "merged"), part("1"), part("2")}, true},
	} {
		var errs bytes.Buffer
		if exit := run(t.Context(), tt.args, cli.Std{Out: io.Discard, Err: &errs}); exit != 0 || strings.Contains(errs.String(), "warning: this program") != tt.want {
			t.Errorf("%q: exit status %d, and\n%s", tt.args, exit, errs.String())
		}
	}
}
