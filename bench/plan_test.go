package bench

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/lodepow/lode/internal/cycles"
)

// read parses benchmark output and returns its results. Every line that looks like
// a result must be valid.
func read(t *testing.T, text []byte) (results []*benchfmt.Result) {
	t.Helper()
	r := benchfmt.NewReader(bytes.NewReader(text), "bench")
	for r.Scan() {
		switch record := r.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(record)
		case *benchfmt.Result:
			results = append(results, record.Clone())
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return results
}

// few matches the names of some benchmarks that take little time.
func few() *regexp.Regexp {
	return regexp.MustCompile(`^Scan/|^(Search|Tries)/zeros=(8|12)\b|^Merkle`)
}

// TestPlan runs a plan of one round and checks its output.
func TestPlan(t *testing.T) {
	var out bytes.Buffer
	var last Progress
	plan := Plan{rounds: 1, Time: time.Millisecond, Slice: time.Millisecond, Seed: 3, Lode: "a version", Only: few(), Progress: func(p Progress) { last = p }}
	if err := plan.Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if last.Round != 1 || last.Case == "" || last.Left < 0 {
		t.Errorf("progress %+v", last)
	}
	text := out.String()
	for _, want := range []string{
		"# date: 20", "\n# lode: a version\n", "\n# processor: ", "\n# features: ", "\n# kernels: ", "\n# cores: ", "\n# seed: 3\n",
		"\n# rounds: 1\n", "\n# shape: ", "\n# lanes: ", "\ngoos: ", "\ncpu: ", "\nUnit H/s better=higher\n", "\nsuite: Scan\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the output", want)
		}
	}

	// All kernels search the same headers, so tries/op must be the same.
	tries := map[string]float64{}
	suites := map[string]bool{}
	for _, r := range read(t, out.Bytes()) {
		suites[r.GetConfig("suite")] = true
		_, parts := r.Name.Parts()
		if r.Name.String()[:6] != "Search" {
			continue
		}
		zeros := string(parts[0])
		v, _ := r.Value("tries/op")
		if before, ok := tries[zeros]; ok && v != before {
			t.Errorf("%s: tries/op %v, but another kernel had %v", r.Name, v, before)
		}
		tries[zeros] = v
	}
	if len(tries) != 2 || len(suites) != 4 {
		t.Errorf("searches of %v, suites %v", tries, suites)
	}
}

// TestPlanStops checks that a cancelled plan has written every finished sample and
// the closing notes, and that its error wraps ErrStopped.
func TestPlanStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	finished := 0
	plan := Plan{Time: time.Hour, Slice: time.Millisecond}
	plan.Progress = func(Progress) {
		if finished++; finished == 12 {
			cancel()
		}
	}
	if err := plan.Run(ctx, &out); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if got := len(read(t, out.Bytes())); got != 11 {
		t.Errorf("the output has %d samples, want 11", got)
	}
	if !strings.Contains(out.String(), "\n# rounds: 0\n") || !strings.Contains(out.String(), "\n# lanes: ") {
		t.Error("the closing notes are missing")
	}
}

// brokenWriter fails once more bytes have been written than there were left.
type brokenWriter struct{ left int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errors.New("no space")
	}
	return len(p), nil
}

func TestPlanReportsAWriterThatFails(t *testing.T) {
	for _, left := range []int{0, 100, 1000, 2000} {
		err := Plan{Time: time.Millisecond, Slice: time.Millisecond, Only: few()}.Run(t.Context(), &brokenWriter{left})
		if err == nil || !strings.Contains(err.Error(), "no space") {
			t.Errorf("after %d bytes: %v", left, err)
		}
	}
}

// TestShuffle checks that shuffle changes the order of the suites, keeps the cases
// of each suite together, and loses none.
func TestShuffle(t *testing.T) {
	suites := func(cases []Case) []string {
		var all []string
		for _, c := range cases {
			all = append(all, c.Suite())
		}
		return slices.Compact(all)
	}
	cases := everyCase()
	if len(suites(cases)) < 10 {
		t.Fatal("fewer than 10 suites to shuffle")
	}
	before := suites(cases)
	shuffle(cases, rand.New(rand.NewPCG(1, 1)))
	after := suites(cases)
	if len(after) != len(before) {
		t.Errorf("the cases of a suite are not together: %v", after)
	}
	if slices.Equal(before, after) {
		t.Errorf("the order of the suites is unchanged: %v", after)
	}
	slices.Sort(before)
	slices.Sort(after)
	if !slices.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
}

func TestParseCPUTimes(t *testing.T) {
	for text, want := range map[string]cpuTimes{
		"cpu  100 2 30 400 5 6 7 50 0 0\ncpu0 1 2\n": {idle: 405, steal: 50, total: 600},
		"cpu 1 1 1 1 1 1 1 1":                        {idle: 2, steal: 1, total: 8},
	} {
		if got, ok := parseCPUTimes([]byte(text)); !ok || got != want {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "cpu", "cpu 1 2 3", "intr 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7 x"} {
		if got, ok := parseCPUTimes([]byte(text)); ok {
			t.Errorf("%q is parsed as %+v, want a failure", text, got)
		}
	}
	if got := stolen(cpuTimes{0, 10, 100}, cpuTimes{0, 30, 200}); got != 0.2 {
		t.Errorf("20 of 100 ticks: %v", got)
	}
	if got := stolen(cpuTimes{0, 10, 100}, cpuTimes{0, 10, 100}); got != 0 {
		t.Errorf("no time: %v", got)
	}
}

func TestPlanOfNothing(t *testing.T) {
	err := Plan{Only: regexp.MustCompile("nothing")}.Run(t.Context(), &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "no benchmark matches nothing") {
		t.Error(err)
	}
}

func TestParseOwnTicks(t *testing.T) {
	got, ok := parseOwnTicks("42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 120 34 0 0 20 0\n")
	if !ok || got != 154 {
		t.Errorf("%d, %v; want 154", got, ok)
	}
	for _, text := range []string{"", "42 (x", "42 (x) S 1 2 3", "42 (x) S 1 2 3 4 5 6 7 8 9 10 y 34 0"} {
		if got, ok := parseOwnTicks(text); ok {
			t.Errorf("%q is parsed as %d, want a failure", text, got)
		}
	}
}

// TestWatch keeps a core busy and checks that the share of other processes is
// between 0 and 1.
func TestWatch(t *testing.T) {
	if _, ok := ownTicks(); !ok {
		t.Skip("NOT TESTED: this system does not report processor times")
	}
	others := watch()
	for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
		if cycles.Multiply(3, 1<<16)%2 == 0 {
			t.Fatal("a product of odd numbers is even")
		}
	}
	if share := others(); share < 0 || share > 1 {
		t.Errorf("other processes used a share of %v of the time, want one from 0 to 1", share)
	}
}
