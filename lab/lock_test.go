package lab

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// needLocks skips a test if the file system of its folders has no locks.
func needLocks(t *testing.T) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), LockFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := tryLock(f); err != nil {
		t.Skipf("NOT TESTED: the file system has no locks: %v", err)
	}
}

// A folder has one run at a time, from Create or Resume to Finish.
func TestFolderInUse(t *testing.T) {
	needLocks(t)
	p := parse(t, small)
	dir := filepath.Join(t.TempDir(), "results")
	first, err := Create(dir, p, "v1", Shard{})
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() error{
		"create": func() error { _, err := Create(dir, p, "v1", Shard{}); return err },
		"resume": func() error { _, _, err := Resume(dir, p, "v1", Shard{}); return err },
	} {
		if err := try(); err == nil || err.Error() != "another process is writing to the folder "+dir+": wait until it ends, or take another folder" {
			t.Errorf("%s: error %v", name, err)
		}
	}
	replicas := run(t, p, Options{Finished: first.Add})
	if _, err := first.Finish(replicas); err != nil {
		t.Fatal(err)
	}
	// What fails does not keep the folder locked.
	for range 2 {
		if _, err := Create(dir, p, "v1", Shard{}); err == nil || !strings.Contains(err.Error(), "has a file results.csv already") {
			t.Errorf("error %v", err)
		}
		if _, _, err := Resume(dir, p, "v2", Shard{}); err == nil || !strings.Contains(err.Error(), "was begun by version v1") {
			t.Errorf("error %v", err)
		}
	}
	second, done, err := Resume(dir, p, "v1", Shard{})
	if err != nil || len(done) != len(replicas) {
		t.Fatalf("%d replicas, error %v", len(done), err)
	}
	if _, err := second.Finish(done); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, LockFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of the lock: %v", err)
	}
}

// However many try to lock a folder again and again, no two have it at the same time,
// although each of them removes the file at the end.
func TestLockFolder(t *testing.T) {
	needLocks(t)
	dir := t.TempDir()
	var holders, taken atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for taken.Load() < 200 {
				f, err := lockFolder(dir)
				if err != nil {
					continue
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d have the lock", n)
				}
				taken.Add(1)
				holders.Add(-1)
				if err := unlockFolder(f); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// The file of a lock counts only while it has its name.
func TestIsStill(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	open := func() *os.File {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	f := open()
	if !isStill(f, name) {
		t.Error("the file is not that of its name")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if isStill(f, name) {
		t.Error("a file that is closed is that of its name")
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if isStill(open(), name+"x") {
		t.Error("the file is that of another name")
	}
}
