package store

import (
	"fmt"
	"os"
	"testing"

	"github.com/lodepow/lode/chain"
)

func TestAhead(t *testing.T) {
	var a ahead
	for i, step := range []struct{ used, at, most int64 }{
		{1 << 20, 1 << 20, 0},                    // how much the latest commit added is not known
		{1 << 20, 1 << 20, 0},                    // it added nothing
		{1<<20 + 4096, 1<<20 + 4096, aheadPiece}, // it added a page
		{1<<20 + 8192, 1<<20 + 8192, aheadPiece}, // what next asked for was not written
		{2 << 20, 2 << 20, 0},                    // it added much
		{2<<20 + aheadGrowth + 1, 2<<20 + aheadGrowth + 1, 0},
		{2<<20 + 2*aheadGrowth + 1, 2<<20 + 2*aheadGrowth + 1, aheadPiece},
	} {
		if at, most := a.next(step.used); at != step.at || most != step.most {
			t.Errorf("step %d: %d bytes from %d, want %d from %d", i, most, at, step.most, step.at)
		}
	}
	start := a.written
	a.written += aheadPiece
	for i, step := range []struct{ used, most int64 }{
		{start + 4096, 0},
		{start + aheadPiece - aheadLeast, 0},
		{start + aheadPiece - aheadLeast + 1, aheadPiece},
		{start + aheadPiece, aheadPiece},
	} {
		a.used = step.used - 1
		if at, most := a.next(step.used); at != start+aheadPiece || most != step.most {
			t.Errorf("step %d after a piece was written: %d bytes from %d, want %d from %d", i, most, at, step.most, start+aheadPiece)
		}
	}
}

// TestFileIsWrittenAhead makes small commits. The file is written in advance, within the
// length that bbolt has given it, and what is stored stays as it is.
func TestFileIsWrittenAhead(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	const many = 1500
	pieces := 0
	for i := range uint64(many) {
		before := s.ahead.written
		mustCommit(t, s, chain.Change{AddPending: pendingOf(i, fmt.Sprintf("%0400d", i))})
		if s.ahead.written >= before+aheadLeast {
			pieces++
		}
		info, err := os.Stat(s.path)
		if err != nil {
			t.Fatal(err)
		}
		if s.ahead.written > info.Size() {
			t.Fatalf("%d bytes are written of %d", s.ahead.written, info.Size())
		}
	}
	if pieces < 2 {
		t.Errorf("%d pieces were written in advance of %d commits", pieces, many)
	}
	if hole := firstHole(t, s); hole < s.ahead.written {
		t.Errorf("the file has a hole at %d, and should be written up to %d", hole, s.ahead.written)
	}
	mustClose(t, s)
	s = mustOpen(t, dir)
	if _, pending, err := s.Load(nil); err != nil || len(pending) != many {
		t.Errorf("%d transactions, want %d (%v)", len(pending), many, err)
	}
	mustClose(t, s)
}
