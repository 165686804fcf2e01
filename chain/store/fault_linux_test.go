package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// become makes an open file of a store another file, such as /dev/full, and returns
// a function that makes it the store's again. What bbolt has mapped stays the store's.
func become(t *testing.T, file *os.File, other string) (restore func()) {
	t.Helper()
	fd := int(file.Fd())
	kept, err := syscall.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(other, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(syscall.Dup3(int(f.Fd()), fd, 0), f.Close()); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(syscall.Dup3(kept, fd, 0), syscall.Close(kept)); err != nil {
			t.Error(err)
		}
	}
}

// A store whose sync fails takes no further change, although the next sync would
// succeed, and says so. It can be read, and opened again.
func TestSyncFails(t *testing.T) {
	t.Run("database", func(t *testing.T) {
		testSyncFails(t, func(s *Store) *os.File { return s.file }, []uint64{99}, "write to the store")
	})
	t.Run("journal", func(t *testing.T) {
		testSyncFails(t, func(s *Store) *os.File { return s.journal.file }, nil, "sync the journal")
	})
}

// testSyncFails is TestSyncFails for a file of the store. A change that removes something is
// one for the database.
func testSyncFails(t *testing.T, file func(*Store) *os.File, remove []uint64, says string) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	b := testBlock(pow.Hash{}, 0, "a", testTx("x"))
	mustCommit(t, s, chain.Change{Blocks: []block.Block{b}, Connect: []pow.Hash{b.Hash()}})
	mustCommit(t, s, chain.Change{AddPending: pendingOf(1, "x")})
	if err := s.Err(); err != nil {
		t.Errorf("a sound store says %v", err)
	}

	restore := become(t, file(s), "/dev/null") // which takes writes, and cannot be synced
	first := s.Commit(chain.Change{AddPending: pendingOf(2, "y"), RemovePending: remove})
	restore()
	if !strings.Contains(first.Error(), says) {
		t.Errorf("error %v, want one that says %q", first, says)
	}
	if !errors.Is(first, chain.ErrBroken) || !errors.Is(first, syscall.EINVAL) || errors.Is(first, chain.ErrNoSpace) {
		t.Errorf("error %v", first)
	}
	select {
	case <-s.Broken():
	default:
		t.Error("the store does not say that it has given up")
	}
	for i := range uint64(3) {
		if err := s.Commit(chain.Change{AddPending: pendingOf(3+i, "z")}); !errors.Is(err, chain.ErrBroken) {
			t.Errorf("a later change: error %v", err)
		}
	}
	if err := s.Err(); !errors.Is(err, chain.ErrBroken) || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("the reason is %v", err)
	}
	if raw, err := s.Block(b.Hash()); err != nil || string(raw) != binaryOf(t, b) {
		t.Errorf("a read: %v", err)
	}
	if stats := s.Stats(); stats.Broken != 4 || !stats.GivenUp || stats.NoSpace != 0 {
		t.Errorf("stats %+v", stats)
	}
	mustClose(t, s)

	s = mustOpen(t, dir)
	if _, pending, err := s.Load(func(pow.Header) error { return nil }); err != nil || len(pending) != 1 {
		t.Errorf("pending %v, want the first only", pending)
	}
	mustCommit(t, s, chain.Change{AddPending: pendingOf(2, "y")})
}

// A write for which there is no space harms nothing: the next change is tried.
func TestWriteFindsNoSpace(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustCommit(t, s, chain.Change{AddPending: pendingOf(1, "x")})
	for range 3 {
		restore, restoreJournal := become(t, s.file, "/dev/full"), become(t, s.journal.file, "/dev/full")
		err := s.Commit(chain.Change{AddPending: pendingOf(2, "y")})
		restore()
		restoreJournal()
		if !errors.Is(err, chain.ErrNoSpace) || errors.Is(err, chain.ErrBroken) || s.Err() != nil {
			t.Errorf("error %v, store %v", err, s.Err())
		}
		if got, err := contents(s, nil); err != nil || strings.Contains(got, "pending 2") {
			t.Errorf("the store has\n%s(%v)", got, err)
		}
	}
	mustCommit(t, s, chain.Change{AddPending: pendingOf(2, "y")})
	mustClose(t, s)
	if got, err := contents(mustOpen(t, dir), nil); err != nil || !containsAll(got, "pending 1", "pending 2") {
		t.Errorf("the store has\n%s(%v)", got, err)
	}
}

// Closing a store on a full or failing disk loses nothing and keeps no lock.
func TestCloseOnABadDisk(t *testing.T) {
	for _, disk := range []string{"/dev/full", "/dev/null"} {
		dir := t.TempDir()
		s := mustOpen(t, dir)
		mustCommit(t, s, chain.Change{AddPending: pendingOf(1, "x")})
		restore := become(t, s.file, disk)
		s.writeOtherMeta()
		restore()
		mustClose(t, s)
		s = mustOpen(t, dir)
		if got, err := contents(s, nil); err != nil || !strings.Contains(got, "pending 1") {
			t.Errorf("%s: the store has\n%s(%v)", disk, got, err)
		}
		mustClose(t, s)
	}
}

// If the whole file vanishes while it is open, bbolt panics with its locks held. The
// store gives up, and closes all the same.
func TestCutToNothingWhileOpen(t *testing.T) {
	for _, commit := range []bool{true, false} {
		dir := t.TempDir()
		s := mustOpen(t, dir)
		mustCommit(t, s, chain.Change{AddPending: pendingOf(1, "x")})
		if err := os.Truncate(filepath.Join(dir, fileName), 0); err != nil {
			t.Fatal(err)
		}
		if commit {
			if err := s.Commit(chain.Change{AddPending: pendingOf(2, "y"), RemovePending: []uint64{9}}); !errors.Is(err, chain.ErrDamaged) || !errors.Is(err, chain.ErrBroken) {
				t.Errorf("error %v", err)
			}
		}
		mustClose(t, s)
	}
}

// reworded is an error that wraps another one without its text.
type reworded struct{ error }

func (reworded) Error() string   { return "the device refuses" }
func (r reworded) Unwrap() error { return r.error }

func TestDiskError(t *testing.T) {
	write := func(errno error) error { return &os.PathError{Op: "write", Path: "chain.db", Err: errno} }
	for _, tc := range []struct {
		err  error
		goOn bool
	}{
		{write(syscall.ENOSPC), true},
		{write(syscall.EDQUOT), true},
		{write(syscall.EFBIG), true},
		{write(syscall.EIO), false},
		{write(reworded{syscall.ENOSPC}), true},
		{write(reworded{syscall.EIO}), false},
		{errors.New("file resize error: " + write(syscall.EFBIG).Error()), true},
		{errors.New("file resize error: " + write(syscall.EIO).Error()), false},
		{errors.New("file sync error: " + syscall.ENOSPC.Error()), false}, // while the file grows
		{syscall.ENOSPC, false},                                           // from fdatasync, as bbolt returns it
		{syscall.EDQUOT, false},
		{syscall.EIO, false},
		{&os.PathError{Op: "sync", Path: "chain.db", Err: syscall.ENOSPC}, false},
	} {
		err, goOn := diskError(tc.err)
		if goOn != tc.goOn || errors.Is(err, chain.ErrNoSpace) != tc.goOn {
			t.Errorf("%v: %v, goes on: %v, want %v", tc.err, err, goOn, tc.goOn)
		}
		if !tc.goOn && !errors.Is(err, tc.err) {
			t.Errorf("%v does not wrap %v", err, tc.err)
		}
	}
}
