package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
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

// keepRows leaves a file of results its header and that many rows.
func keepRows(t *testing.T, name string, rows int) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	if len(lines) < rows+3 {
		t.Fatalf("%s has only %d lines", name, len(lines))
	}
	if err := os.WriteFile(name, bytes.Join(lines[:rows+1], nil), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A preset that was interrupted is continued by the same flags with --resume, and has the same
// files as one that was not.
func TestPresetsResume(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		args []string
		says string // the resumed one
	}{
		"propagation": {[]string{"--nodes", "20", "--blocks", "20"}, "seconds to 50 % of the nodes"},
		"selfish":     {[]string{"--alpha", "0.3", "--gamma", "0", "--blocks", "200"}, "formula of sm1"},
		"doublespend": {[]string{"--share", "0.3", "--confirmations", "1", "--blocks", "200"}, "rosenfeld"},
		"partition":   {[]string{"--share", "0.5", "--nodes", "6", "--splits", "2"}, "lost by it"},
		"difficulty": {[]string{"--blocks", "100", "--window", "10", "--lwma-window", "5", "--half-life", "2h", "--rules", "asert", "--factors", "2"},
			"Difficulty rules when hash rate hops\nThe usual table is made of single blocks, and those of the replicas that were run\nbefore the interrupt are in no file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			execute := func(ctx context.Context, out string, more ...string) (exit int, text, errs string) {
				var o, e bytes.Buffer
				exit = run(ctx, slices.Concat([]string{name, "--replicas", "4", "--no-report", "--out", filepath.Join(dir, out)}, tt.args, more), cli.Std{Out: &o, Err: &e})
				return exit, o.String(), e.String()
			}
			if exit, _, errs := execute(t.Context(), "whole"); exit != 0 {
				t.Fatalf("exit status %d: %s", exit, errs)
			}
			if exit, _, errs := execute(cancelled, "part"); exit != cli.ExitFailed || !strings.Contains(errs, "interrupted: 0 replicas are in "+filepath.Join(dir, "part")+"; run the same command with --resume to continue") {
				t.Errorf("an interrupt has the exit status %d and says %s", exit, errs)
			}
			files := []string{lab.ResultsFile, lab.SummaryFile}
			if name == "difficulty" {
				files = append(files, lab.CourseFile, filepath.Join("hopping", lab.ResultsFile), filepath.Join("hopping", lab.CourseFile))
			}
			for _, rows := range []int{0, 2} {
				if rows > 0 {
					keepRows(t, filepath.Join(dir, "part", lab.ResultsFile), rows)
				}
				exit, text, errs := execute(t.Context(), "part", "--resume")
				if exit != 0 || !strings.Contains(errs, "warning: this program does not know its commit") {
					t.Fatalf("exit status %d: %s", exit, errs)
				}
				if rows > 0 && !strings.Contains(text, tt.says) {
					t.Errorf("after %d rows it says %s", rows, text)
				}
				for _, file := range files {
					a, err1 := os.ReadFile(filepath.Join(dir, "part", file))
					b, err2 := os.ReadFile(filepath.Join(dir, "whole", file))
					if err := errors.Join(err1, err2); err != nil || !bytes.Equal(a, b) {
						t.Errorf("after %d rows %s differs, error %v", rows, file, err)
					}
				}
			}
			if exit, _, errs := execute(t.Context(), "part", "--resume", "--seed", "7"); exit != cli.ExitFailed || !strings.Contains(errs, "has another experiment file") {
				t.Errorf("other flags have the exit status %d and say %s", exit, errs)
			}
		})
	}
	for _, args := range [][]string{{"selfish", "--resume"}, {"selfish", "--resume", "--out", "x", "--print-file"}} {
		var errs bytes.Buffer
		if exit := run(t.Context(), args, cli.Std{Out: io.Discard, Err: &errs}); exit != cli.ExitUsage || !strings.Contains(errs.String(), "--resume") {
			t.Errorf("%q: exit status %d, and\n%s", args, exit, errs.String())
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
