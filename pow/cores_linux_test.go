package pow

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func cpus(numbers ...int) (s unix.CPUSet) {
	for _, n := range numbers {
		s.Set(n)
	}
	return s
}

func TestFreeOf(t *testing.T) {
	if got := freeOf(cpus(0, 2, 3, 70), cpus(2, 5, 70)); got != cpus(0, 3) {
		t.Errorf("%d cores are free: %v", got.Count(), got)
	}
}

// A thread is bound to the free cores for a moment only, whatever the system says.
func TestMoveTo(t *testing.T) {
	free, allowed := cpus(1), cpus(0, 1)
	var every unix.CPUSet
	for i := range len(every) * 64 {
		every.Set(i)
	}
	for _, tc := range []struct {
		what    string
		free    unix.CPUSet
		refuses []unix.CPUSet
		moved   bool
		asked   []unix.CPUSet
	}{
		{"no core is free", cpus(), nil, false, nil},
		{"it cannot move", free, []unix.CPUSet{free}, false, []unix.CPUSet{free}},
		{"it moves", free, nil, true, []unix.CPUSet{free, allowed}},
		{"it cannot go back", free, []unix.CPUSet{allowed}, true, []unix.CPUSet{free, allowed, every}},
	} {
		var asked []unix.CPUSet
		moved := moveTo(tc.free, allowed, func(s *unix.CPUSet) error {
			asked = append(asked, *s)
			if slices.Contains(tc.refuses, *s) {
				return errors.New("refused")
			}
			return nil
		})
		if moved != tc.moved || !slices.Equal(asked, tc.asked) {
			t.Errorf("%s: moved %v, asked for %v", tc.what, moved, asked)
		}
	}
}

// Workers note their cores, so that they part. A caller without others needs none, nor
// does a nice engine, whose threads end after the search.
func TestWorkersSettle(t *testing.T) {
	for _, tc := range []struct {
		workers uint64
		want    int
	}{{1, 0}, {2, 1}} {
		e := testEngine(t, solvedAtOnce(), 2)
		e.standbys.waiting.Store(1) // a standby that never comes
		s, err := Job{Target: ZerosTarget(0), Count: 128}.prepare()
		if err != nil {
			t.Fatal(err)
		}
		c := newClaims(t.Context(), e, s, division{step: 64, workers: tc.workers, long: longSearch})
		c.searchTogether()
		if n := c.team.cores.used.Count(); n != tc.want {
			t.Errorf("%d workers: the caller has settled on %d cores, want %d", tc.workers, n, tc.want)
		}
	}
	for _, nice := range []bool{false, true} {
		e := testEngine(t, longKernel(func(int64) {}), 2)
		e.nice = nice
		c := newTeam(t.Context(), t, e, Job{Target: ZerosTarget(200), Count: 64})
		c.next.Store(64) // there is nothing left to search
		c.team.working.Add(1)
		c.team.seats.Store(1)
		if !c.join() {
			t.Error("the seat was not free")
		}
		if n := c.team.cores.used.Count(); (n > 0) == nice {
			t.Errorf("nice %v: a worker has settled on %d cores", nice, n)
		}
	}
}
