package report

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"empty":     "",
		"words":     "hello\nworld\n",
		"only bad":  "BenchmarkX 1 oops ns/op\n",
		"only pass": "goos: linux\nPASS\nok x 1s\n",
		"binary":    "\x00\x01\xff\xfe",
		"html":      "<!DOCTYPE html><p>Benchmark</p>",
		"note":      "# cores: 2\n",
	} {
		if _, err := Read("file", strings.NewReader(text)); !errors.Is(err, ErrNoResults) || !strings.HasPrefix(err.Error(), "file: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read("file", strings.NewReader("BenchmarkX 1 oops ns/op\n")); err == nil || !strings.Contains(err.Error(), "file:1: ") {
		t.Errorf("the bad line is not named: %v", err)
	}
	broken := errors.New("broken")
	if _, err := Read("file", iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := Read("file", endless{}); err == nil || !strings.Contains(err.Error(), "longer than 64 MiB") {
		t.Errorf("a file that never ends: %v", err)
	}
}

// endless is a reader of zeros that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

var _ io.Reader = endless{}

func TestRead(t *testing.T) {
	f, err := Read("file", strings.NewReader(`# cores: 2, of 2
goos: linux
BenchmarkScan/kernel=a-8   	     100	  1e9 ns/op	  5.5e6 H/s
# steal: 1.0 %
BenchmarkScan/kernel=a-8   	     200	  2e9 ns/op	  6.5e6 H/s
BenchmarkSearch/zeros=16/kernel=a/workers=8-8 3 1 ns/op
BenchmarkSearch/zeros=8/kernel=a/workers=8-8 3 1 ns/op
Benchmark
BenchmarkBad 1 x y
BenchmarkBad 1 -5 H/s
BenchmarkBad 1 NaN H/s
PASS
`))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range f.Series {
		names = append(names, s.Name)
	}
	if want := []string{"Scan/kernel=a", "Search/zeros=8/kernel=a/workers=8", "Search/zeros=16/kernel=a/workers=8"}; !slices.Equal(names, want) {
		t.Errorf("series %q, want %q", names, want)
	}
	s := f.Series[0]
	if !slices.Equal(s.Values["sec/op"], []float64{1, 2}) || !slices.Equal(s.Values["H/s"], []float64{5.5e6, 6.5e6}) ||
		!slices.Equal(s.Iters, []int{100, 200}) || s.Parts["kernel"] != "a" {
		t.Errorf("%+v", s)
	}
	if f.Note("cores") != "2, of 2" || f.Note("steal") != "1.0 %" || f.Note("goos") != "linux" || f.Note("none") != "" {
		t.Errorf("notes %+v", f.Notes)
	}
	if len(f.Bad) != 3 {
		t.Errorf("bad lines %q, want three", f.Bad)
	}

	// Names keep the suffix for GOMAXPROCS if it is not the same in the whole file.
	f, err = Read("file", strings.NewReader("BenchmarkX-2 1 1 ns/op\nBenchmarkX-4 1 1 ns/op\n"))
	if err != nil || len(f.Series) != 2 || f.Series[0].Name != "X-2" {
		t.Errorf("%+v, %v", f.Series, err)
	}
}
