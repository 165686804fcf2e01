package bench_test

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"

	"github.com/lodepow/lode/bench"
	"github.com/lodepow/lode/bench/raw"
	"github.com/lodepow/lode/pow"
)

// TestOwnExample runs the example of a scan function of one's own, and checks that the
// documentation shows the code that was compiled here.
func TestOwnExample(t *testing.T) {
	var out bytes.Buffer
	if err := measureCountUp(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	samples := map[string]int{}
	for r := benchfmt.NewReader(&out, "out"); r.Scan(); {
		if result, ok := r.Result().(*benchfmt.Result); ok {
			name, _, _ := strings.Cut(strings.TrimPrefix(result.Name.String(), "Scan/kernel="), "-2")
			samples[regexp.MustCompile(`-[0-9]+$`).ReplaceAllString(name, "")]++
			if rate, _ := result.Value("H/s"); rate <= 0 {
				t.Errorf("%s: %v H/s", result.Name, rate)
			}
		}
	}
	if len(samples) != 3 || samples["count-up"] != 6 || samples["minio"] != 6 || samples["loop-stdlib"] != 6 {
		t.Errorf("samples %v, want six of count-up, minio and loop-stdlib each", samples)
	}

	source, err := os.ReadFile("example_own_test.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	from, to := bytes.Index(source, []byte("// countUp is")), bytes.Index(source, []byte("\nfunc Example_own"))
	if !bytes.Contains(page, source[from:to]) {
		t.Errorf("docs/benchmarks.md does not show this code:\n%s", source[from:to])
	}
}

// TestOwnSearches checks that whole searches with one's own function are measured
// beside those of a kernel, over the same headers.
func TestOwnSearches(t *testing.T) {
	tries := map[string][]uint64{}
	plan := bench.Plan{
		Own:   []bench.Own{{Name: "count-up", Scan: countUp}},
		Sweep: bench.Sweep{Zeros: []int{10}, Workers: []int{1, 2}, Kernels: []string{"minio"}},
		Time:  1, Slice: 1,
	}
	plan.Searches = func(all []raw.Search) error {
		for _, s := range all {
			if s.Workers == 1 {
				tries[s.Kernel] = append(tries[s.Kernel], s.Tries)
			}
		}
		return nil
	}
	var out bytes.Buffer
	if err := plan.Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	sum := func(all []uint64) (sum uint64) {
		for _, n := range all {
			sum += n
		}
		return sum
	}
	if len(tries) != 2 || len(tries["minio"]) != 6*128 || len(tries["count-up"]) != 6*128 || sum(tries["minio"]) != sum(tries["count-up"]) {
		t.Errorf("searches of one worker: %d of minio with %d tries, %d of count-up with %d; want the same 768 searches",
			len(tries["minio"]), sum(tries["minio"]), len(tries["count-up"]), sum(tries["count-up"]))
	}
}

// TestOwnCheck checks that a wrong function is refused before it is measured, with the
// answer that it gave and the right one.
func TestOwnCheck(t *testing.T) {
	broken := errors.New("broken")
	for want, o := range map[string]bench.Own{
		"":                                      {Name: "fine", Scan: countUp},
		`"stdlib" is the name of a kernel`:      {Name: "stdlib", Scan: countUp},
		`"loop-stdlib" is the name of a kernel`: {Name: "loop-stdlib", Scan: countUp},
		`"a/b" cannot be the name`:              {Name: "a/b", Scan: countUp},
		`"" cannot be the name`:                 {Scan: countUp},
		"is nil: set Scan":                      {Name: "none"},
		"it answers that no hash meets the target, after 0 tries": {Name: "lazy", Scan: func(pow.Job) (pow.Result, error) { return pow.Result{}, pow.ErrExhausted }},
		"the scan function fails: broken":                         {Name: "fails", Scan: func(pow.Job) (pow.Result, error) { return pow.Result{}, broken }},
		"is wrong: for the header ": {Name: "off", Scan: func(job pow.Job) (pow.Result, error) {
			r, err := countUp(job)
			r.Header.Nonce ^= 1
			return r, err
		}},
		"0 hashes for": {Name: "uncounted", Scan: func(job pow.Job) (pow.Result, error) {
			r, err := countUp(job)
			r.Hashes = 0
			return r, err
		}},
		"after 4096 tries": {Name: "skips", Scan: func(job pow.Job) (pow.Result, error) {
			r, err := countUp(job)
			if err == nil && r.Header.Nonce%2 == 1 {
				return pow.Result{Tries: job.Count, Hashes: job.Count}, pow.ErrExhausted
			}
			return r, err
		}},
	} {
		err := o.Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", o.Name, err, want)
		}
	}
	err := bench.Plan{Own: []bench.Own{{Name: "none"}}}.Run(t.Context(), &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "is nil") {
		t.Errorf("a plan with a wrong function: %v", err)
	}
}
