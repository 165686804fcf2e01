package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// interrupt runs a plan in a folder until some replicas have ended.
func interrupt(t *testing.T, dir string, p *Plan, shard Shard, after int) {
	t.Helper()
	f, err := Create(dir, p, "v1", shard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := 0
	replicas, err := Run(ctx, p, Options{Threads: 2, Shard: shard, Finished: func(r Replica) error {
		if ended++; ended == after {
			cancel()
		}
		return f.Add(r)
	}})
	// With a half-width, replicas that turn out not to be needed are no results.
	if !errors.Is(err, context.Canceled) || ended < after || p.HalfWidth == 0 && len(replicas) < after {
		t.Fatalf("%d replicas, %d results, error %v", ended, len(replicas), err)
	}
	s, err := f.Finish(replicas)
	if err != nil || s.Complete {
		t.Fatalf("complete: %v, error %v", s.Complete, err)
	}
}

func whole(t *testing.T, dir string, p *Plan, shard Shard) {
	t.Helper()
	f, err := Create(dir, p, "v1", shard)
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Finish(run(t, p, Options{Shard: shard, Finished: f.Add}))
	if err != nil || !s.Complete || s.Shard != shard.String() {
		t.Fatalf("summary %+v, error %v", s, err)
	}
}

func sameFolders(t *testing.T, got, want string) {
	t.Helper()
	for _, name := range []string{ResultsFile, SummaryFile} {
		a, err1 := os.ReadFile(filepath.Join(got, name))
		b, err2 := os.ReadFile(filepath.Join(want, name))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if string(a) != string(b) {
			t.Errorf("%s of %s is\n%s\nand of %s it is\n%s", name, got, a, want, b)
		}
	}
}

// A run that was interrupted, also in the middle of a line, and resumed has the files of
// one that was not.
func TestResume(t *testing.T) {
	for name, file := range map[string]string{"count": small, "half-width": untilNarrow} {
		t.Run(name, func(t *testing.T) {
			p := parse(t, file)
			dir := t.TempDir()
			whole(t, filepath.Join(dir, "whole"), p, Shard{})
			part := filepath.Join(dir, "part")
			interrupt(t, part, p, Shard{}, 4)
			rows, err := os.ReadFile(filepath.Join(part, ResultsFile))
			if err != nil {
				t.Fatal(err)
			}
			torn := string(rows) + "3,2,3,events,12"
			if err := os.WriteFile(filepath.Join(part, ResultsFile), []byte(torn), 0o644); err != nil {
				t.Fatal(err)
			}
			f, done, err := Resume(part, p, "v1", Shard{})
			if err != nil || len(done) == 0 || name == "count" && len(done) < 4 {
				t.Fatalf("%d replicas, error %v", len(done), err)
			}
			again := 0
			all := run(t, p, Options{Done: done, Finished: func(r Replica) error {
				again++
				return f.Add(r)
			}})
			if name == "count" && again+len(done) != len(all) {
				t.Errorf("%d replicas were run after %d, and there are %d", again, len(done), len(all))
			}
			if _, err := f.Finish(all); err != nil {
				t.Fatal(err)
			}
			sameFolders(t, part, filepath.Join(dir, "whole"))
		})
	}
}

// A run can be resumed that was ended after it had written its summary, and before the
// first results.
func TestResumeWithoutResults(t *testing.T) {
	p := parse(t, small)
	dir := t.TempDir()
	part := filepath.Join(dir, "part")
	interrupt(t, part, p, Shard{}, 1)
	if err := os.Remove(filepath.Join(part, ResultsFile)); err != nil {
		t.Fatal(err)
	}
	f, done, err := Resume(part, p, "v1", Shard{})
	if err != nil || len(done) != 0 {
		t.Fatalf("%d replicas, error %v", len(done), err)
	}
	if _, err := f.Finish(run(t, p, Options{Finished: f.Add})); err != nil {
		t.Fatal(err)
	}
	whole(t, filepath.Join(dir, "whole"), p, Shard{})
	sameFolders(t, part, filepath.Join(dir, "whole"))
}

// What cannot be resumed says so.
func TestResumeRefuses(t *testing.T) {
	p := parse(t, small)
	dir := t.TempDir()
	if _, done, err := Resume(filepath.Join(dir, "new"), p, "v1", Shard{}); err != nil || len(done) != 0 {
		t.Errorf("%d replicas, error %v", len(done), err)
	}
	interrupt(t, filepath.Join(dir, "part"), p, Shard{}, 1)
	for want, try := range map[string]func() error{
		"has another experiment file": func() error {
			_, _, err := Resume(filepath.Join(dir, "part"), parse(t, small+"zipf = 1.0"), "v1", Shard{})
			return err
		},
		"was begun by version v1, and this is version v2": func() error {
			_, _, err := Resume(filepath.Join(dir, "part"), p, "v2", Shard{})
			return err
		},
		"is the whole run, and not the shard 1/2": func() error {
			_, _, err := Resume(filepath.Join(dir, "part"), p, "v1", Shard{1, 2})
			return err
		},
		"has a file results.csv already": func() error {
			_, err := Create(filepath.Join(dir, "part"), p, "v1", Shard{})
			return err
		},
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	// A comment is not another file.
	if _, _, err := Resume(filepath.Join(dir, "part"), parse(t, "# hello\n"+small), "v1", Shard{}); err != nil {
		t.Error(err)
	}
}
