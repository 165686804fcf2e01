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
