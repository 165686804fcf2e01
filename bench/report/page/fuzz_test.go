package page_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"testing"

	"github.com/lodepow/lode/bench/report"
	"github.com/lodepow/lode/bench/report/page"
)

// FuzzReport checks that a report can be written on every file that Read accepts.
func FuzzReport(f *testing.F) {
	for _, file := range []string{"loaded", "few", "gotest"} {
		data, err := os.ReadFile("../testdata/" + file + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:min(len(data), 1200)]) // the fuzzer takes long to minimise long inputs
	}
	for _, text := range []string{
		"BenchmarkTries/zeros=8 1 1 ns/op 1 tries/op 1 H/s\n",
		"BenchmarkTries/zeros=64 9223372036854775807 1e300 ns/op 1e300 tries/op NaN H/s\n",
		"BenchmarkScan/kernel=x 0 0 H/s\nBenchmarkClock 1 0 Hz\n",
		"BenchmarkScan/kernel=avx512 1 -5 H/s\nBenchmarkClock 1 1e9 Hz\n",
		"BenchmarkTries/zeros=60 1 1 ns/op 1 tries/op 1 H/s\nBenchmarkTries/zeros=48 1 1 ns/op 1 tries/op 1 H/s\n",
		"BenchmarkTries/zeros=0 1 1 ns/op 1 tries/op 1 H/s\n",
		"BenchmarkScaling/workers=1e99 1 Inf speedup\n",
		"# shape: 1/2 3/4\n# lanes: /\nBenchmarkSearch/zeros=-1/kernel= 1 1 tries/op 1 ns/op\n",
		"# cores: x\n# load before: 1e99\n# steal: 200 %\nBenchmarkX 1 1 ns/op\n",
	} {
		f.Add([]byte(text))
	}
	fuzzing := flag.Lookup("test.fuzz").Value.String() != ""
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := report.Read("fuzz", bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, s := range file.Series {
			for unit, values := range s.Values {
				if len(values) == 0 {
					t.Errorf("%s has no values in %s", s.Name, unit)
				}
			}
		}
		r, err := report.New([]*report.File{file, file})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.WriteText(io.Discard); err != nil {
			t.Fatal(err)
		}
		if fuzzing && len(data)%16 != 0 {
			return // charts take long to draw, so draw only some while fuzzing
		}
		if err := page.Write(io.Discard, r); err != nil {
			t.Fatal(err)
		}
	})
}
