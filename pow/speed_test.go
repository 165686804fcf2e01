package pow

import (
	"testing"
	"time"

	"github.com/lodepow/lode/internal/cycles"
)

// A clock that seldom moves gives the rate of all repeats together, and one that never moves
// ends the measurement.
func TestUntilTheClockMoves(t *testing.T) {
	calls := 0
	next := func(tookAt, cycleAt int) sliceFunc {
		calls = 0
		return func() slice {
			calls++
			s := slice{hashes: 10}
			if calls == tookAt {
				s.took = time.Millisecond
			}
			if calls == cycleAt {
				s.cycle = 4e-9
			}
			return s
		}
	}
	for _, tc := range []struct {
		tookAt, cycleAt int
		want            slice
		calls           int
	}{
		{1, 1, slice{hashes: 10, took: time.Millisecond, cycle: 4e-9}, 1},
		{4, 2, slice{hashes: 40, took: time.Millisecond, cycle: 1e-9}, 4},
		{2, 4, slice{hashes: 40, took: time.Millisecond, cycle: 1e-9}, 4},
		{-1, 1, slice{hashes: 10 * mostRepeats, cycle: 4e-9 / mostRepeats}, mostRepeats},
	} {
		if !cycles.Known && tc.cycleAt > tc.tookAt {
			continue // nobody waits for the length of a cycle
		}
		if got := untilTheClockMoves(next(tc.tookAt, tc.cycleAt)); got != tc.want || calls != tc.calls {
			t.Errorf("moves at %d and %d: %+v after %d calls, want %+v after %d", tc.tookAt, tc.cycleAt, got, calls, tc.want, tc.calls)
		}
	}
}
