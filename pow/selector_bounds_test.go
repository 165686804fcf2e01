package pow

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// exactly returns a slicer on whose machine a hash of each kernel takes a whole number of
// cycles. Each kernel has a list of them, one for each time that it is sliced; the last
// goes on.
func exactly(cycles map[string][]int) func(k Kernel, versions int) sliceFunc {
	return func(k Kernel, _ int) sliceFunc {
		now := cycles[k.name][0]
		if len(cycles[k.name]) > 1 {
			cycles[k.name] = cycles[k.name][1:]
		}
		return func() slice { return slice{hashes: 1, took: time.Duration(now) * time.Second, cycle: 1} }
	}
}

func TestSlowKernelBound(t *testing.T) {
	known, unknown := Kernel{versions: 1, measured: sha256d.Cycles{One: 50}}, Kernel{versions: 1}
	for _, tc := range []struct {
		k      Kernel
		cycles float64
		want   bool
	}{
		{known, 0, false}, // not measured
		{known, SlowKernel * known.ExpectedCycles(), false},
		{known, SlowKernel*known.ExpectedCycles() + 1, true},
		{unknown, 1e9, false},
	} {
		if got := isSlow(tc.k, Speed{Cycles: tc.cycles}); got != tc.want {
			t.Errorf("%v cycles, %v are expected: slow %v, want %v", tc.cycles, tc.k.ExpectedCycles(), got, tc.want)
		}
	}
}

// A kernel that is exactly clearlyFaster times as fast takes over, in a check and in a
// comparison.
func TestClearlyFasterBound(t *testing.T) {
	const takesOver = 1000 * clearlyFaster
	for _, tc := range []struct {
		cycles int // of the kernel in use; the rival has 1000
		want   string
	}{
		{takesOver - 1, "first"},
		{takesOver, "second"},
	} {
		for _, rival := range []string{"second", "broken"} {
			want := tc.want
			second := fakeKernel("second", sha256d.Cycles{One: 100})
			if rival == "broken" {
				second = broken(rival, func(_ sha256d.Candidate, all int) sha256d.Candidate { return sha256d.Candidate{Hashes: all} })
				second.measured, second.versions = sha256d.Cycles{One: 100}, 1
				want = "first" // at any speed
			}
			var log strings.Builder
			c := fakeSelector(&fakeMachine{}, &log)
			c.slicer = exactly(map[string][]int{"first": {tc.cycles}, rival: {1000}})
			first := fakeKernel("first", sha256d.Cycles{One: 100})
			if k, _ := c.check(first, []Kernel{second}); k.name != want {
				t.Errorf("%d cycles, %s with 1000: a check chooses %s, want %s", tc.cycles, rival, k.name, want)
			}
			if k := c.compare(first, []Kernel{second}); k.name != want {
				t.Errorf("%d cycles, %s with 1000: a comparison chooses %s, want %s", tc.cycles, rival, k.name, want)
			}
		}
	}
}

// The best of the tries of a slow kernel counts, whichever it is.
func TestBestTryCounts(t *testing.T) {
	k := fakeKernel("first", sha256d.Cycles{One: 100})
	for _, tries := range [][]int{{300, 400, 500}, {400, 300, 500}, {400, 500, 300}} {
		var log strings.Builder
		c := fakeSelector(&fakeMachine{}, &log)
		c.slicer = exactly(map[string][]int{"first": slices.Clone(tries)})
		if got := c.measure(k); got.Cycles != 300 {
			t.Errorf("tries with %v cycles: %v count, want 300", tries, got.Cycles)
		}
	}
}

// A check takes as many slices as its documentation says. What makes a check longer keeps
// a core from searching.
func TestSlicesOfAChoice(t *testing.T) {
	first := fakeKernel("first", sha256d.Cycles{One: 100})
	second := fakeKernel("second", sha256d.Cycles{One: 105})
	fails := remedy{"nothing", func() error { return errors.New("no way") }}
	helpsNot := remedy{"a rest", func() error { return nil }}
	type speeds = map[string]float64
	for _, tc := range []struct {
		what     string
		cycles   speeds
		remedies []remedy
		want     int
	}{
		{"well", speeds{"first": 110, "second": 90}, []remedy{helpsNot}, checkChunks},
		{"slow, and so is the other", speeds{"first": 300, "second": 400}, nil, checkTries*checkChunks + checkChunks},
		{"a remedy that does not help", speeds{"first": 300, "second": 400}, []remedy{helpsNot}, 2*checkTries*checkChunks + checkChunks},
		{"a remedy that fails", speeds{"first": 300, "second": 400}, []remedy{fails}, checkTries*checkChunks + checkChunks},
		{"the other takes over", speeds{"first": 300, "second": 110}, nil, checkTries*checkChunks + 2*checkChunks},
	} {
		var log strings.Builder
		m := &fakeMachine{cycles: tc.cycles}
		fakeSelector(m, &log, tc.remedies...).check(first, []Kernel{second})
		if got := m.measured(); got != tc.want {
			t.Errorf("%s: a check of %d slices, want %d", tc.what, got, tc.want)
		}
	}
	var log strings.Builder
	m := &fakeMachine{cycles: speeds{"first": 110, "second": 110}}
	fakeSelector(m, &log).compare(first, []Kernel{second})
	if got := m.measured(); got != 2*comparePairs {
		t.Errorf("a comparison of %d slices, want %d", got, 2*comparePairs)
	}
}

// Each time that a kernel becomes slow, the log says so once, and once that this is over.
func TestEachSlowTimeIsLoggedOnce(t *testing.T) {
	first := fakeKernel("first", sha256d.Cycles{One: 100})
	m := &fakeMachine{cycles: map[string]float64{}}
	var log strings.Builder
	c := fakeSelector(m, &log, remedy{"a rest", func() error {
		m.set("first", 110)
		return nil
	}})
	for i, step := range []struct {
		cycles             float64
		slow, again, since int // lines so far
	}{
		{110, 0, 0, 0},
		{300, 1, 0, 1}, // the remedy helps
		{110, 1, 0, 1},
		{300, 2, 0, 1},
		{300, 2, 0, 1},
		{110, 2, 1, 1},
		{110, 2, 1, 1},
		{300, 3, 1, 1},
	} {
		m.set("first", step.cycles)
		c.check(first, nil)
		slow := strings.Count(log.String(), "the kernel is slow")
		again := strings.Count(log.String(), "as it should be again")
		since := strings.Count(log.String(), "since the program had a rest")
		if slow != step.slow || again != step.again || since != step.since {
			t.Fatalf("check %d: %d slow, %d well again, %d well since a remedy; want %d, %d, %d:\n%s", i, slow, again, since, step.slow, step.again, step.since, &log)
		}
	}
}

func TestRounded(t *testing.T) {
	for x, want := range map[float64]float64{0: 0, 1.234: 1.23, 1.236: 1.24, 187.5: 187.5} {
		if got := rounded(x); got != want {
			t.Errorf("%v is logged as %v, want %v", x, got, want)
		}
	}
}

func TestAlternatives(t *testing.T) {
	table := []Kernel{{name: "a"}, {name: "b", missing: []string{"a unit"}}, {name: "c"}, {name: "d"}}
	var names []string
	for _, k := range alternatives(table, table[2]) {
		names = append(names, k.name)
	}
	if !slices.Equal(names, []string{"a", "d"}) || table[1].name != "b" {
		t.Errorf("the alternatives to c are %v, want a and d, and the table unchanged", names)
	}
}
