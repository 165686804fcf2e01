package pow

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/internal/cycles"
	"github.com/lodepow/lode/pow/internal/sha256d"
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

// scanned is a call of a kernel.
type scanned struct {
	first uint32
	count int
}

// recording returns a kernel that records its calls and the last input.
func recording(lanes, chunk int, calls *[]scanned, input **sha256d.Input) Kernel {
	return Kernel{name: "recording", lanes: lanes, chunk: chunk, scan: func(in *sha256d.Input, first uint32, count int) sha256d.Candidate {
		*calls, *input = append(*calls, scanned{first, count}), in
		return sha256d.Candidate{Hashes: count * len(in.Versions)}
	}}
}

// A slice is a chunk of whole lanes. The first scan of all is not measured. Each slice goes
// on where the last one has ended, and none reaches past the end of the nonce space.
func TestSlicer(t *testing.T) {
	for _, tc := range []struct {
		what                   string
		lanes, chunk, versions int
		want                   [4]scanned
	}{
		{"one version", 16, 100, 1, [4]scanned{{0, 96}, {0, 96}, {96, 96}, {192, 96}}},
		{"three versions", 16, 100, 3, [4]scanned{{0, 32}, {0, 32}, {32, 32}, {64, 32}}},
		{"more versions than fit a chunk", 16, 100, 16, [4]scanned{{0, 16}, {0, 16}, {16, 16}, {32, 16}}},
		{"a quarter of the space", 1, 1 << 30, 1, [4]scanned{{0, 1 << 30}, {0, 1 << 30}, {1 << 30, 1 << 30}, {0, 1 << 30}}},
	} {
		var calls []scanned
		var input *sha256d.Input
		next := recording(tc.lanes, tc.chunk, &calls, &input).slicer(tc.versions)
		if len(calls) != 1 {
			t.Errorf("%s: %d scans before the first slice, want 1", tc.what, len(calls))
		}
		for len(calls) < len(tc.want) {
			before := len(calls)
			// Where the clock stands still, a slice has several scans.
			if s, want := next(), (len(calls)-before)*tc.want[0].count*tc.versions; s.hashes != want {
				t.Errorf("%s: a slice of %d hashes, want %d", tc.what, s.hashes, want)
			}
		}
		if got := [4]scanned(calls); got != tc.want {
			t.Errorf("%s: scans %v, want %v", tc.what, got, tc.want)
		}

		// The versions differ in the bits that BIP 320 leaves to miners.
		var versions []int32
		for v := range tc.versions {
			versions = append(versions, int32(1<<29+v*8192))
		}
		raw := BitcoinGenesis().Bytes()
		if want := sha256d.NewInput(&raw, versions, 0); input.Limit != 0 || input.Tail != want.Tail || !slices.Equal(input.Versions, want.Versions) {
			t.Errorf("%s: the job is not the genesis header with %x", tc.what, versions)
		}
	}
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "17 versions") {
			t.Errorf("a measurement of more versions than a job may have: %q", text)
		}
	}()
	var calls []scanned
	var input *sha256d.Input
	recording(16, 100, &calls, &input).slicer(MaxVersions + 1)
}

// sliced returns a function that returns the given slices, one after another.
func sliced(all ...slice) sliceFunc {
	return func() slice {
		s := all[0]
		all = all[1:]
		return s
	}
}

// The rate of a kernel is that of its fastest slice, and its cycles are the median.
func TestSpeedOf(t *testing.T) {
	a := slice{hashes: 1000, took: 2 * time.Second, cycle: 1e-3}
	b := slice{hashes: 1000, took: 500 * time.Millisecond, cycle: 1e-4}
	c := slice{hashes: 1000, took: 4 * time.Second, cycle: 1e-3}
	want := Speed{HashRate: 2000, Cycles: c.cyclesPerHash()}
	if got := speedOf(sliced(a, c, b), 3); got != want || math.Abs(want.Cycles-4) > 1e-9 {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := (slice{hashes: 1000, took: time.Second}).cyclesPerHash(); got != 0 {
		t.Errorf("%v cycles, although they were not measured", got)
	}
	// In the median of these three, the second kernel takes a quarter of the time.
	if got := timesFaster(sliced(a, a, a), sliced(a, b, slice{hashes: 1000, took: time.Millisecond}), 3); got != 4 {
		t.Errorf("%v times faster, want 4", got)
	}
	short := slice{hashes: 10, took: 20 * time.Millisecond}
	if got := timesFaster(sliced(short), sliced(c), 1); got != 0.5 {
		t.Errorf("%v times faster, want 0.5", got)
	}
}

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{7, 5}, 7},
		{[]float64{9, 1, 5}, 5},
		{[]float64{9, 1, 5, 7}, 7},
	} {
		if got := median(slices.Clone(tc.values)); got != tc.want {
			t.Errorf("the median of %v is %v, want %v", tc.values, got, tc.want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v, want not a number", got)
	}
}
