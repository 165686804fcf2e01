package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
)

func TestStats(t *testing.T) {
	dir := t.TempDir()
	var fault error
	s := openWith(t, dir, hooks{afterSync: func() error { return fault }})
	commits, written := 0, 0
	s.Observe(Observer{Committed: func(changes int, took time.Duration) {
		commits++
		written += changes
	}})
	hook, held, syncs := holdFirst()
	s.hooks.beforeSync = hook
	var changes []chain.Change
	for i := range uint64(10) {
		changes = append(changes, chain.Change{AddPending: pendingOf(i/2, "x")}) // every other number is taken
	}
	refused := 0
	for _, err := range gather(t, s, held, changes) {
		if err != nil {
			refused++
		}
	}
	s.hooks.beforeSync = func() error { return fmt.Errorf("%w: as the test wants it", chain.ErrNoSpace) }
	noSpace := s.Commit(chain.Change{AddPending: pendingOf(100, "x")})
	s.hooks.beforeSync = nil
	fault = errors.New("as the test wants it")
	broken := []error{
		s.Commit(chain.Change{AddPending: pendingOf(101, "x")}),
		s.Commit(chain.Change{AddPending: pendingOf(102, "x")}),
	}
	if refused != 5 || !errors.Is(noSpace, chain.ErrNoSpace) || broken[0] == nil || broken[1] == nil {
		t.Fatalf("%d refused, %v, %v", refused, noSpace, broken)
	}

	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	got := s.Stats()
	if got.Free <= 0 {
		t.Errorf("%d bytes free", got.Free) // -1 on systems on which the test of a full disk does not run either
	}
	got.Free = 0
	if want := (Stats{Changes: 5, NoSpace: 1, Broken: 2, Refused: 5, GivenUp: true, Size: info.Size()}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
	// The last write reached the disk, too, but its caller was not told so.
	if commits != int(syncs.Load())+1 || written != 5+1 {
		t.Errorf("%d commits of %d changes were observed, want %d of 6", commits, written, syncs.Load()+1)
	}
}

// Observers are called in the order in which they were attached, before the
// caller is told, and without functions they are no trouble.
func TestObserve(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	var calls []string
	for _, name := range []string{"first", "second"} {
		s.Observe(Observer{})
		s.Observe(Observer{Committed: func(changes int, took time.Duration) {
			calls = append(calls, fmt.Sprint(name, " ", changes, " ", took > 0))
		}})
	}
	mustCommit(t, s, chain.Change{AddPending: pendingOf(1, "x")})
	if want := []string{"first 1 true", "second 1 true"}; !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
}
