package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// everyCase returns all cases, with the easiest searches only.
func everyCase() []Case {
	c := Config{Seed: 1, Cores: 2}
	return slices.Concat(Scan(), Search(c, 8, 12), Tries(c, []int{8, 12}), Scaling(c), Overhead(), Cancel(c), Paths(),
		Short(c, []int{8, 12}, []time.Duration{0, time.Millisecond}))
}

// TestEveryCase performs one operation of each case. The operation must succeed,
// and every metric must be positive.
func TestEveryCase(t *testing.T) {
	names := map[string]bool{}
	for _, c := range everyCase() {
		if names[c.Name] {
			t.Errorf("two cases are called %s", c.Name)
		}
		names[c.Name] = true
		if c.Skip != "" {
			t.Logf("NOT TESTED: %s: %s", c.Name, c.Skip)
			continue
		}
		c.Ops = 1
		r, err := c.Measure(t.Context(), 0)
		if err != nil {
			t.Error(err)
			continue
		}
		if r.Iters != 1 || len(r.Values) == 0 || !strings.HasPrefix(string(r.Name), c.Name) {
			t.Errorf("%s: %+v", c.Name, r)
		}
		for _, v := range r.Values {
			if !(v.Value > 0) { // NaN too
				t.Errorf("%s: %v %s", c.Name, v.Value, v.Unit)
			}
		}
	}
}

func TestSuite(t *testing.T) {
	for name, want := range map[string]string{
		"Scan/kernel=minio":                     "Scan",
		"Search/zeros=8/kernel=minio/workers=2": "Search workers=2",
		"Tries/zeros=8":                         "Tries",
		"Merkle/txs=2000":                       "Merkle txs=2000",
		"Clock":                                 "Clock",
	} {
		if got := (Case{Name: name}).Suite(); got != want {
			t.Errorf("%s: suite %q, want %q", name, got, want)
		}
	}
}

// TestMeasureFails checks that Measure returns an error instead of a sample when an
// operation fails or is cancelled, and that it closes the run in either case.
func TestMeasureFails(t *testing.T) {
	broken := errors.New("broken")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	closed := 0
	for name, run := range map[string]*Run{
		"fails": {Op: func(context.Context) error { return broken }},
		"ends":  {Op: context.Cause},
		"close": {Op: func(context.Context) error { return nil }, Close: func() error { return broken }},
	} {
		if run.Close == nil {
			run.Close = func() error { closed++; return nil }
		}
		c := Case{Name: "X/case=" + name, Start: func() (*Run, error) { return run, nil }}
		if _, err := c.Measure(ended, 0); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if closed != 2 {
		t.Errorf("Measure closed %d runs, want 2", closed)
	}
	c := Case{Name: "X", Start: func() (*Run, error) { return nil, broken }}
	if _, err := c.Measure(t.Context(), 0); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "X: ") {
		t.Error(err)
	}
}

// TestMeasure checks that the operations fill the slice, and that the rate agrees
// with the time of one operation.
func TestMeasure(t *testing.T) {
	var done uint64
	c := Case{Name: "Sleep", Start: func() (*Run, error) {
		return &Run{
			Op:     func(context.Context) error { done += 3; time.Sleep(time.Millisecond); return nil },
			Report: ratePerSecond(&done, "tx/s"),
		}, nil
	}}
	r, err := c.Measure(t.Context(), 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	perOp, _ := r.Value(nsPerOp)
	perSecond, _ := r.Value("tx/s")
	if r.Iters < 1 || r.Iters > 20 || done != uint64(3*r.Iters) || perOp < 1e6 {
		t.Errorf("%+v after %d", r, done)
	}
	if product := perOp * perSecond / 3e9; product < 0.999 || product > 1.001 {
		t.Errorf("an operation of three units takes %v ns, which contradicts the reported %v tx/s", perOp, perSecond)
	}
}

// TestEveryBenchmarkPrintsItsSuite looks through the source of all benchmarks. The
// results of a benchmark that prints no suite would count as part of the suite
// before it, and benchstat would print a warning.
func TestEveryBenchmarkPrintsItsSuite(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, function := range strings.Split(string(data), "\nfunc Benchmark")[1:] {
			body, _, _ := strings.Cut(function, "\n}\n")
			if line, _, _ := strings.Cut(function, "\n"); strings.HasSuffix(line, "}") {
				body = line
			}
			name, _, _ := strings.Cut(body, "(")
			found++
			if !strings.Contains(body, "runAll(") && !strings.Contains(body, "printSuite(") {
				t.Errorf("%s: Benchmark%s calls neither runAll nor printSuite", file, name)
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d benchmarks, want at least 10", found)
	}
}
