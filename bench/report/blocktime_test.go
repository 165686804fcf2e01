package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/bench/raw"
	"github.com/lodepow/lode/internal/chart"
)

// made returns a file of searches at 12 zeros whose times are 1 to n milliseconds.
func made(t *testing.T, n int) *File {
	t.Helper()
	text := fmt.Sprintf("# seed: 7\nBenchmarkTries/zeros=12-2 %d %d ns/op 4.096e6 H/s 4096 tries/op\n", n, 500_000*(n+1))
	f, err := Read("made", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var all []raw.Search
	for i := range n {
		ms := int64((i*37)%n + 1) // in another order
		all = append(all, raw.Search{Benchmark: "Tries", Seed: 7, Zeros: 12, Kernel: "minio", Workers: 2, Search: i, NS: ms * 1e6})
	}
	if err := f.AddSearches(all); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestMeasuredTimes checks that the percentiles of the time to a block are those of the
// measured searches, and not those of the law.
func TestMeasuredTimes(t *testing.T) {
	sections := timesToBlock(made(t, 200))
	if len(sections) != 1 {
		t.Fatalf("%d sections, want 1", len(sections))
	}
	s := sections[0]
	if want := []string{"zeros", "source", "searches", "mean time", "p5", "p50", "p95", "p99", "above p95"}; !slices.Equal(s.Table.Head, want) {
		t.Errorf("columns %q", s.Table.Head)
	}
	// The p95 of the theory is 4096 * -ln(0.05) hashes at 4.096 MH/s, which is 2.995 ms:
	// of the times from 1 to 200 ms, 198 are above it.
	measured, theory := s.Table.Rows[0], s.Table.Rows[1]
	if want := []string{"12", "measured", "200", measured[3], "10.0 ms", "100 ms", "190 ms", "198 ms", "99 %"}; !slices.Equal(measured, want) {
		t.Errorf("measured %q, want %q", measured, want)
	}
	if !strings.HasPrefix(measured[3], "100 (") || !strings.HasSuffix(measured[3], ") ms") {
		t.Errorf("mean %q, want 100 ms with an interval", measured[3])
	}
	if want := []string{"12", "theory", "", "1.00 ms", "51.5 µs", "693 µs", "3.00 ms", "4.60 ms", "5 %"}; !slices.Equal(theory, want) {
		t.Errorf("theory %q, want %q", theory, want)
	}

	c := s.Charts[0]
	checkTimeChart(t, c)
	if len(c.Marks) != 2 || c.Marks[0].At[0] != (chart.Mark{Point: chart.Point{X: 12, Y: 0.1}, Lo: 0.01, Hi: 0.19}) || c.Marks[1].At[0].Y != 0.198 {
		t.Errorf("marks %+v, want p50 with p5 to p95, and p99", c.Marks)
	}
	if len(c.Labels) != 1 || c.Labels[0].Text != "100 ms" || c.Labels[0].Point != c.Marks[0].At[0].Point {
		t.Errorf("labels %+v, want the median at its dot", c.Labels)
	}
}

// checkTimeChart checks that the legend says of each part whether it was measured.
func checkTimeChart(t *testing.T, c chart.Chart) {
	t.Helper()
	for _, b := range c.Bands {
		if !strings.HasPrefix(b.Name, "theory") {
			t.Errorf("the band %q is not called theory", b.Name)
		}
	}
	for _, l := range c.Lines {
		if !strings.HasPrefix(l.Name, "theory") {
			t.Errorf("the line %q is not called theory", l.Name)
		}
	}
	for _, m := range c.Marks {
		if !strings.HasPrefix(m.Name, "measured") {
			t.Errorf("the marks %q are not called measured", m.Name)
		}
	}
}

// TestFewSearches checks that a percentile is left out if too few searches lie beyond
// it, and all of them if single searches were not kept.
func TestFewSearches(t *testing.T) {
	for n, want := range map[int][]string{
		1:   {"-", "-", "-", "-"},
		19:  {"-", "10.0 ms", "-", "-"},
		20:  {"1.00 ms", "10.0 ms", "19.0 ms", "-"},
		99:  {"5.00 ms", "50.0 ms", "95.0 ms", "-"},
		100: {"5.00 ms", "50.0 ms", "95.0 ms", "99.0 ms"},
	} {
		s := timesToBlock(made(t, n))[0]
		if got := s.Table.Rows[0][4:8]; !slices.Equal(got, want) {
			t.Errorf("%d searches: %q, want %q", n, got, want)
		}
		checkTimeChart(t, s.Charts[0])
	}
	f := made(t, 200)
	f.Searches = nil
	s := timesToBlock(f)[0]
	if got := s.Table.Rows[0][4:]; !slices.Equal(got, []string{"-", "-", "-", "-", "-"}) {
		t.Errorf("without searches: %q", got)
	}
	if !slices.ContainsFunc(s.After, func(p string) bool { return strings.Contains(p, "were not kept") }) {
		t.Errorf("nothing says that the searches were not kept: %q", s.After)
	}
	checkTimeChart(t, s.Charts[0])
}

func TestSearchesOfAnotherRun(t *testing.T) {
	f := made(t, 20)
	err := f.AddSearches([]raw.Search{{Seed: 8}})
	if err == nil || !strings.Contains(err.Error(), "a search has the seed 8, which made has not") || len(f.Searches) != 20 {
		t.Errorf("%v, %d searches", err, len(f.Searches))
	}
}

// TestSweepSections checks that a sweep has a section for each kernel and number of
// workers, with its own searches, and that the names of their charts differ.
func TestSweepSections(t *testing.T) {
	var text strings.Builder
	var all []raw.Search
	for i, kernel := range []string{"a", "b"} {
		for workers := 1; workers <= 2; workers++ {
			for zeros := 4; zeros <= 28; zeros += 2 {
				fmt.Fprintf(&text, "BenchmarkSearch/zeros=%d/kernel=%s/workers=%d-2 30 1000 ns/op %de6 H/s %d tries/op 2e-9 J/hash\n", zeros, kernel, workers, 2*i+workers, 1<<zeros)
				for n := range 30 {
					all = append(all, raw.Search{Benchmark: "Search", Zeros: zeros, Kernel: kernel, Workers: workers, Search: n, NS: int64(1000 * (2*i + workers))})
				}
			}
		}
	}
	f, err := Read("sweep", strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	f.Searches = all
	r := mustNew(t, f)
	var titles, names []string
	for _, s := range r.Sections {
		if !strings.HasPrefix(s.ID, "time") {
			continue
		}
		titles = append(titles, s.Title)
		names = append(names, s.Charts[0].Name)
		if want := fmt.Sprintf("%d.00 µs", 5-len(titles)); s.Table.Rows[0][5] != want {
			t.Errorf("%s: median %s, want %s", s.Title, s.Table.Rows[0][5], want)
		}
	}
	if want := []string{"Time to block, b on 2 workers", "Time to block, b on one worker", "Time to block, a on 2 workers", "Time to block, a on one worker"}; !slices.Equal(titles, want) {
		t.Errorf("sections %q, want %q", titles, want)
	}
	if want := []string{"time", "time-setup2", "time-setup3", "time-setup4"}; !slices.Equal(names, want) {
		t.Errorf("charts %q, want %q", names, want)
	}
	var out bytes.Buffer
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "2.00 nJ/hash (5 of 6 samples)") && !strings.Contains(out.String(), "2.00 nJ/hash (1 of 6 samples)") {
		t.Errorf("no energy in:\n%s", out.String())
	}
	checkWidth(t, "sweep", out.String())
}

// checkWidth checks that no line of a report is wider than a screen.
func checkWidth(t *testing.T, name, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > textWidth {
			t.Errorf("%s: a line of %d characters: %s", name, n, line)
		}
	}
}

func TestReportsFitTheScreen(t *testing.T) {
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checkWidth(t, file, string(text))
	}
}

// TestRateAtItsDot checks that the chart of the rates prints the measured rate at its
// mark, and the bound at the line of the bound.
func TestRateAtItsDot(t *testing.T) {
	c := ratesChart(kernelRates(mustRead(t, "loaded", "testdata/loaded.txt")))
	bounds := 0
	for _, m := range c.Marks[0].At {
		if !slices.Contains(c.Labels, chart.Label{Point: m.Point, Text: quantity(m.X, hps), Place: chart.Above}) {
			t.Errorf("no label %s at its dot", quantity(m.X, hps))
		}
	}
	for _, l := range c.Labels {
		if strings.HasPrefix(l.Text, "bound ") {
			bounds++
		}
	}
	if bounds != len(c.Lines) || bounds == 0 {
		t.Errorf("%d labels of %d bounds", bounds, len(c.Lines))
	}
}
