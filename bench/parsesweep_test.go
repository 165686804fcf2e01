package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/bench/raw"
	"github.com/lodepow/lode/pow"
)

func TestParseSweep(t *testing.T) {
	for _, tc := range []struct {
		zeros, workers, kernels string
		want                    Sweep
	}{
		{"", "", "", Sweep{}},
		{"4:28:2", "1,2,4", "stdlib,portable", Sweep{
			[]int{4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28}, []int{1, 2, 4}, []string{"stdlib", "portable"}}},
		{"8", "3", "minio", Sweep{[]int{8}, []int{3}, []string{"minio"}}},
		{"20:22,8,12:14:5", "", "", Sweep{Zeros: []int{8, 12, 20, 21, 22}}},
		{"40", "4096", "", Sweep{Zeros: []int{40}, Workers: []int{4096}}},
	} {
		got, err := ParseSweep(tc.zeros, tc.workers, tc.kernels)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("%q %q %q: %v, %v; want %v", tc.zeros, tc.workers, tc.kernels, got, err, tc.want)
		}
		if got.Empty() != (tc.zeros+tc.workers+tc.kernels == "") {
			t.Errorf("%v: Empty is %v", got, got.Empty())
		}
	}
}

// TestParseSweepRefuses checks that a wrong sweep gets a sentence that says what is
// wrong and what to write.
func TestParseSweepRefuses(t *testing.T) {
	for _, tc := range []struct{ zeros, workers, kernels, want string }{
		{"x", "", "", `zeros "x": "x" is not a number: write a list such as 8,12,16 or a range such as 4:28:2`},
		{"8,,12", "", "", `zeros "8,,12": "" is not a number: `},
		{"4-28", "", "", `zeros "4-28": "4-28" is not a number: `},
		{"28:4", "", "", `zeros "28:4": the range 28:4 ends before it begins: write 4:28`},
		{"4:28:0", "", "", `zeros "4:28:0": the step of 4:28:0 is 0: want 1 or more`},
		{"4:28:2:1", "", "", `zeros "4:28:2:1": "4:28:2:1" has more than three numbers: write a range as FROM:TO or FROM:TO:STEP, such as 4:28:2`},
		{"4:", "", "", `zeros "4:": "" is not a number: `},
		{"0", "", "", `zeros "0": 0 is out of range: want 1 to 40 zeros`},
		{"8:41", "", "", `zeros "8:41": 41 is out of range: want 1 to 40 zeros`},
		{"8:99999999999999999999", "", "", `99999999999999999999 is too large`},
		{"8:12,10", "", "", `zeros "8:12,10": 10 is listed twice: name each number once`},
		{"", "0", "", `workers "0": 0 is out of range: want 1 to 4096 workers`},
		{"", "-3", "", `workers "-3": -3 is out of range: want 1 to 4096 workers`},
		{"", "1,4097", "", `workers "1,4097": 4097 is out of range: want 1 to 4096 workers`},
		{"", "", "minio,fast", `no kernel is called "fast": choose one of `},
		{"", "", "minio,", `kernel "minio,": a name is missing: separate the names by single commas`},
		{"", "", "minio,minio", `kernel "minio,minio": minio is listed twice: name each kernel once`},
		{"1:40", "1:300", "minio", `40 zeros by 300 workers by 1 kernels are 12000 benchmarks: want at most 10000; choose a larger step`},
	} {
		_, err := ParseSweep(tc.zeros, tc.workers, tc.kernels)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q %q %q: %v, want %s", tc.zeros, tc.workers, tc.kernels, err, tc.want)
		}
	}
}

// TestSweepCrosses checks that a sweep measures each difficulty with each number of
// workers and each kernel, in six rounds although the time is short, and that every
// combination searches the same headers.
func TestSweepCrosses(t *testing.T) {
	plan := Plan{Time: 1, Slice: 1, Seed: 5, Sweep: Sweep{Zeros: []int{12, 14}, Workers: []int{1, 2, 3}, Kernels: []string{"stdlib", "portable"}}}
	type setup struct {
		zeros, workers int
		kernel         string
	}
	searched := map[setup]int{}
	tries := map[string]uint64{} // by zeros, round and search
	plan.Searches = func(all []raw.Search) error {
		for _, s := range all {
			searched[setup{s.Zeros, s.Workers, s.Kernel}]++
			at := fmt.Sprint(s.Zeros, s.Round, s.Search)
			if before, ok := tries[at]; ok && before != s.Tries {
				t.Errorf("%+v: another combination took %d tries", s, before)
			}
			tries[at] = s.Tries
			if s.Benchmark != "Search" || s.Seed != 5 || s.NS <= 0 || s.Hashes < s.Tries {
				t.Errorf("impossible search %+v", s)
			}
		}
		return nil
	}
	var out bytes.Buffer
	if err := plan.Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if len(searched) != 12 {
		t.Errorf("%d combinations, want 12: %v", len(searched), searched)
	}
	for s, n := range searched {
		if want := 6 * searchOps(s.zeros); n != want {
			t.Errorf("%+v: %d searches, want %d", s, n, want)
		}
	}
	if got := len(read(t, out.Bytes())); got != 6*12 {
		t.Errorf("%d samples, want 72", got)
	}
	for _, want := range []string{"\n# rounds: 6\n", "\n# sweep: 12 benchmarks, about "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the output", want)
		}
	}

	// The statistics of luck count each header once.
	_, classes, _ := strings.Cut(out.String(), "\n# shape: ")
	sum := 0
	for word := range strings.FieldsSeq(strings.Split(classes, "\n")[0]) {
		var seen int
		var expected float64
		if _, err := fmt.Sscanf(word, "%d/%f", &seen, &expected); err != nil {
			t.Fatal(err)
		}
		sum += seen
	}
	if want := 6 * (searchOps(12) + searchOps(14)); sum != want || len(tries) != want {
		t.Errorf("the statistics count %d searches of %d headers, want %d", sum, len(tries), want)
	}
}

// TestUnfinishedSampleIsNotKept checks that the searches of a sample that was
// interrupted are left out, as the sample itself is.
func TestUnfinishedSampleIsNotKept(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	kept := 0
	plan := Plan{Slice: 1, Sweep: Sweep{Zeros: []int{10}, Workers: []int{1}, Kernels: []string{"minio"}}}
	plan.Searches = func(all []raw.Search) error { kept += len(all); return nil }
	samples := 0
	plan.Progress = func(Progress) {
		if samples++; samples == 3 {
			cancel()
		}
	}
	if err := plan.Run(ctx, &bytes.Buffer{}); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if want := 2 * searchOps(10); kept != want {
		t.Errorf("%d searches were kept, want the %d of two samples", kept, want)
	}
}

func TestSearchesThatCannotBeKeptEndTheRun(t *testing.T) {
	full := errors.New("no space")
	plan := Plan{Slice: 1, Sweep: Sweep{Zeros: []int{8}}}
	plan.Searches = func([]raw.Search) error { return full }
	if err := plan.Run(t.Context(), &bytes.Buffer{}); !errors.Is(err, full) {
		t.Error(err)
	}
}

// TestSearchGoesOnWithTheNextTime checks that a search whose nonces are exhausted
// continues with a later time, and counts all tries.
func TestSearchGoesOnWithTheNextTime(t *testing.T) {
	var times []uint32
	search := func(_ context.Context, job pow.Job) (pow.Result, error) {
		times = append(times, job.Header.Time)
		if len(times) < 3 {
			return pow.Result{Tries: 100, Hashes: 110}, pow.ErrExhausted
		}
		return pow.Result{Tries: 5, Hashes: 7}, nil
	}
	r, err := searchOn(t.Context(), search, pow.Header{Time: 9}, pow.ZerosTarget(1))
	if err != nil || r.Tries != 205 || r.Hashes != 227 || !slices.Equal(times, []uint32{9, 10, 11}) {
		t.Errorf("%+v, %v, at the times %v", r, err, times)
	}
}

func TestSweepEstimate(t *testing.T) {
	s := Sweep{Zeros: []int{16, 24}, Workers: []int{1, 2, 4}, Kernels: []string{"minio"}}
	rate := func(string) float64 { return 1 << 20 }
	// Two searches of 2^16 and one of 2^24, at 2^20 H/s on one core, and twice and again
	// twice that on two workers and on four of two cores.
	got := s.seconds(Config{Cores: 2}, rate)
	if want := (2./16 + 16) * (1 + 0.5 + 0.5); got < want*0.999 || got > want*1.001 {
		t.Errorf("%v s, want %v", got, want)
	}
	r := planRun{Plan: Plan{rounds: 6, Now: func() time.Time { return time.Unix(10, 0) }}, expected: time.Minute, deadline: time.Unix(30, 0)}
	if left := r.left(time.Unix(0, 0)); left != 350*time.Second {
		t.Errorf("%v left of six rounds of a minute, after 10 s; want 5m50s", left)
	}
}
