package store

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// fill commits from several goroutines until every one of them is told that the disk
// is full. Then it checks that the store contains the acknowledged changes and
// nothing else.
func fill(s *Store, seq *atomic.Uint64, acked *sync.Map) error {
	var all sync.WaitGroup
	failures := make([]error, 4)
	for i := range failures {
		all.Go(func() {
			for failures[i] == nil {
				n := seq.Add(1)
				failures[i] = s.Commit(chain.Change{AddPending: pendingOf(n, fmt.Sprint(n, strings.Repeat("x", int(n%3)*5000)))})
				if failures[i] == nil {
					acked.Store(n, true)
				}
			}
		})
	}
	all.Wait()
	for _, err := range failures {
		if !errors.Is(err, chain.ErrNoSpace) {
			return fmt.Errorf("want no space, got: %w", err)
		}
	}
	return compare(s, acked)
}

// compare checks that the pending transactions are exactly those acknowledged.
func compare(s *Store, acked *sync.Map) error {
	_, pending, err := s.Load(func(pow.Header) error { return nil })
	if err != nil {
		return err
	}
	want := 0
	acked.Range(func(any, any) bool { want++; return true })
	for _, p := range pending {
		if _, ok := acked.Load(p.Seq); !ok {
			return fmt.Errorf("transaction %d is stored and was not acknowledged", p.Seq)
		}
	}
	if len(pending) != want {
		return fmt.Errorf("%d transactions are stored, %d were acknowledged", len(pending), want)
	}
	return nil
}

// drop removes some pending transactions, which makes room within the file, as the
// mining of transactions does.
func drop(s *Store, acked *sync.Map) error {
	var c chain.Change
	acked.Range(func(n, _ any) bool {
		c.RemovePending = append(c.RemovePending, n.(uint64))
		return len(c.RemovePending) < 10
	})
	if err := s.Commit(c); err != nil {
		return err
	}
	for _, n := range c.RemovePending {
		acked.Delete(n)
	}
	return compare(s, acked)
}

// TestDiskFull fills a disk of 6 MiB again and again, each time with another amount
// left for the store, and makes room again.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skipf("NOT RUN: the test of a full disk mounts a tmpfs, and may not here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := mustOpen(t, dir)
	ballast := filepath.Join(dir, "ballast")
	var seq atomic.Uint64
	var acked sync.Map
	b := testBlock(pow.Hash{}, 0, "a", testTx("x"))
	mustCommit(t, s, chain.Change{Blocks: []block.Block{b}, Connect: []pow.Hash{b.Hash()}})
	for size := 5 << 20; size > 1<<20; size -= 517_003 { // the rest is room that drop needs
		if err := os.WriteFile(ballast, make([]byte, size), 0o644); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if err := fill(s, &seq, &acked); err != nil {
			t.Fatalf("with %d bytes of ballast: %v", size, err)
		}
		if raw, err := s.Block(b.Hash()); err != nil || string(raw) != binaryOf(t, b) {
			t.Fatalf("a read on a full disk: %v", err)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if err := drop(s, &acked); err != nil {
			t.Fatalf("when there is space again: %v", err)
		}
		n := seq.Add(1)
		mustCommit(t, s, chain.Change{AddPending: pendingOf(n, "again")})
		acked.Store(n, true)
	}
	mustClose(t, s)
	s = mustOpen(t, dir)
	if err := compare(s, &acked); err != nil {
		t.Error(err)
	}
	mustClose(t, s)
}

// Creating a store on a disk that has no room for an empty one leaves no file behind.
func TestDiskFullFromTheStart(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"); err != nil {
		t.Skipf("NOT RUN: the test of a full disk mounts a tmpfs, and may not here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	if _, err := Open(dir, testOptions()); !errors.Is(err, chain.ErrNoSpace) {
		t.Errorf("error %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("it left %v", files)
	}
}

// TestFileLimit fills the disk by means of a limit on the size of files, for which the
// test needs no privilege.
func TestFileLimit(t *testing.T) {
	if out, err := inChild(t, "fill", t.TempDir()).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// childFills fills the store up to one file size limit after another, and removes
// the limit each time.
func childFills(dir string) error {
	signal.Ignore(syscall.SIGXFSZ) // by default, the signal of the limit ends the process
	s, err := Open(dir, testOptions())
	if err != nil {
		return err
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	var seq atomic.Uint64
	var acked sync.Map
	for size := uint64(300_000); size < 3_000_000; size += 300_000 {
		limit := before
		limit.Cur = size
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
		if err := fill(s, &seq, &acked); err != nil {
			return fmt.Errorf("at %d bytes: %w", size, err)
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			return err
		}
		if err := drop(s, &acked); err != nil {
			return fmt.Errorf("above %d bytes: %w", size, err)
		}
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = Open(dir, testOptions()); err != nil {
		return err
	}
	return errors.Join(compare(s, &acked), s.Close())
}
