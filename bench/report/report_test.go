package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

//go:generate go test -run TestGolden -update

var update = flag.Bool("update", false, "rewrite the expected reports")

func mustRead(t testing.TB, label, file string) *File {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read(label, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustNew(t testing.TB, files ...*File) *Report {
	t.Helper()
	r, err := New(files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestGolden compares the text of reports with reviewed files. The inputs are: seven
// rounds on a busy machine, too few rounds, both of these compared, and the output
// of go test.
func TestGolden(t *testing.T) {
	for name, labels := range map[string][]string{
		"loaded": {"loaded"},
		"few":    {"few"},
		"both":   {"loaded", "few"},
		"gotest": {"gotest"},
	} {
		var files []*File
		for _, label := range labels {
			files = append(files, mustRead(t, label, "testdata/"+label+".txt"))
		}
		var got bytes.Buffer
		if err := mustNew(t, files...).WriteText(&got); err != nil {
			t.Fatal(err)
		}
		golden := "testdata/" + name + ".golden"
		if *update {
			if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("the report on %v differs from %s: run go generate and review the changes\n%s", labels, golden, got.String())
		}
	}
}

// series returns the results of a benchmark, with a line for each value.
func series(name, unit string, values ...float64) string {
	var out strings.Builder
	for _, v := range values {
		fmt.Fprintf(&out, "Benchmark%s-2 1 %v %s\n", name, v, unit)
	}
	return out.String()
}

func TestCompareFindsWhatDiffers(t *testing.T) {
	steady := []float64{100, 101, 102, 99, 98, 100.5, 103, 97}
	scaled := func(by float64) []float64 {
		var all []float64
		for i, x := range steady {
			all = append(all, x*by+float64(i)/100)
		}
		return all
	}
	before, err := Read("before", strings.NewReader(
		series("Scan/kernel=a", "H/s", steady...)+series("Scan/kernel=b", "H/s", steady...)+series("Scan/kernel=c", "H/s", steady...)+
			series("Time", "ns/op", steady...)+series("Few", "H/s", 1, 2, 3)+series("Gone", "H/s", steady...)))
	if err != nil {
		t.Fatal(err)
	}
	after, err := Read("after", strings.NewReader(
		series("Scan/kernel=a", "H/s", scaled(1.2)...)+series("Scan/kernel=b", "H/s", scaled(0.8)...)+series("Scan/kernel=c", "H/s", steady...)+
			series("Time", "ns/op", scaled(1.5)...)+series("Few", "H/s", 10, 20, 30)+series("New", "H/s", steady...)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range compare(before, after).Table.Rows {
		got[row[0]] = row[3]
	}
	want := map[string]string{
		"Scan/kernel=a": "better", "Scan/kernel=b": "worse", "Scan/kernel=c": "no difference shown",
		"Time": "worse", "Few": "too few samples",
	}
	if len(got) != len(want) {
		t.Errorf("compared %v", got)
	}
	for name, verdict := range want {
		if got[name] != verdict {
			t.Errorf("%s: %q, want %q", name, got[name], verdict)
		}
	}
}

// TestLuckFlags checks that a sweep is flagged if its tries are 8/7 or 6/7 of the
// expected ones, and that no conclusion on the shape is drawn without its classes.
func TestLuckFlags(t *testing.T) {
	sweep := func(by float64) string {
		var out strings.Builder
		for zeros := 8; zeros <= 20; zeros += 4 {
			fmt.Fprintf(&out, "BenchmarkTries/zeros=%d 2000 1000 ns/op %v tries/op 1e6 H/s\n", zeros, by*float64(uint64(1)<<zeros))
		}
		return out.String()
	}
	for by, want := range map[float64]bool{1: false, 8. / 7: true, 6. / 7: true} {
		f, err := Read("sweep", strings.NewReader(sweep(by)))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := mustNew(t, f).WriteText(&out); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "level: NOT THE LAW"); got != want {
			t.Errorf("%v of the tries: flagged %v, want %v\n%s", by, got, want, out.String())
		}
		if !strings.Contains(out.String(), "shape: no conclusion") {
			t.Error("the report draws a conclusion on the shape, although the file has no classes")
		}
	}
}

func TestBound(t *testing.T) {
	for _, tc := range []struct {
		kernel       string
		cycles, want float64
	}{{"avx512", 105, 88.9}, {"avx512", 88.9, 88.9}, {"avx512", 52, 44.5}, {"avx512", 44, 0}, {"avx2", 236, 179.6}, {"portable", 1500, 0}, {"loop-stdlib", 700, 0}} {
		got, ok := bound(tc.kernel, tc.cycles)
		if got != tc.want || ok != (tc.want > 0) {
			t.Errorf("%s at %v cycles: %v, want %v", tc.kernel, tc.cycles, got, tc.want)
		}
	}
}
