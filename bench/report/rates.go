package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lodepow/lode/bench/stats"
	"github.com/lodepow/lode/internal/chart"
)

const (
	baseline = "loop-stdlib" // the loop with which kernels are compared
	hps      = "H/s"
)

// kernelRate is the result of one kernel on one core.
type kernelRate struct {
	name    string
	samples []float64 // H/s of each round
	median  stats.Ratio
	err     error   // set if there are too few samples for an interval
	bound   float64 // greatest possible rate in H/s; 0 if unknown
}

// best returns the highest rate of all rounds. It is compared with the bound,
// because disturbances can only make a round slower.
func (k kernelRate) best() float64 { return slices.Max(k.samples) }

// kernelRates returns the results of Scan, the fastest kernel first. They have
// bounds only if the file has a measured clock.
func kernelRates(f *File) []kernelRate {
	clock := clockOf(f)
	var all []kernelRate
	for _, s := range f.of("Scan") {
		k := kernelRate{name: s.Parts["kernel"], samples: s.Values[hps]}
		if len(k.samples) == 0 || !positive(k.samples) {
			continue
		}
		k.median, k.err = stats.Median(k.samples, confidence)
		if cycles, ok := bound(k.name, clock/k.best()); ok && clock > 0 {
			k.bound = clock / cycles
		}
		all = append(all, k)
	}
	slices.SortStableFunc(all, func(a, b kernelRate) int {
		if a.median.Center > b.median.Center {
			return -1
		}
		return 1
	})
	return all
}

// clockOf returns the highest measured clock frequency in Hz, or 0 if the file has
// none.
func clockOf(f *File) float64 {
	if s := f.find("Clock"); s != nil && len(s.Values["Hz"]) > 0 {
		return slices.Max(s.Values["Hz"])
	}
	return 0
}

// rates returns the section that compares the kernels on one core, or nil if the
// file has no results of Scan.
func rates(f *File) *Section {
	all := kernelRates(f)
	if len(all) == 0 {
		return nil
	}
	clock := clockOf(f)
	s := &Section{
		ID: "rates", Title: "Hash rate by kernel, one core",
		Text: []string{"Medians with their 95 % intervals. The ratio to the plain loop with the standard library is computed " +
			"within each round, so other load on the machine affects both sides of it."},
		Table: &Table{Head: []string{"kernel", "rate", "over " + baseline, "cycles/hash", "bound", "of the bound"}},
	}
	base := f.find("Scan/kernel=" + baseline)
	for _, k := range all {
		row := []string{k.name, measured(k.samples, hps), "", "", "", ""}
		if base != nil && k.name != baseline && positive(base.Values[hps]) {
			row[2] = times(stats.PairedRatio(base.Values[hps], k.samples, confidence))
		}
		if clock > 0 && !strings.HasPrefix(k.name, "loop-") {
			row[3] = fmt.Sprintf("%.1f", clock/k.best())
		}
		if k.bound > 0 {
			row[4] = fmt.Sprintf("%.1f", clock/k.bound)
			row[5] = fmt.Sprintf("%.0f %%", 100*k.best()/k.bound)
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	if clock > 0 {
		s.After = append(s.After, fmt.Sprintf("Cycles are those of the best round, at a measured clock of %.2f GHz. The bound is the least number of cycles that the "+
			"execution units of a core allow. It is that of the slowest kind of core that can have been this fast.", clock/1e9))
	}
	s.Charts = []chart.Chart{ratesChart(all)}
	return s
}

// searches returns the section with the rates of complete searches by difficulty, or
// nil if the file has none.
func searches(f *File) *Section {
	type key struct{ kernel, workers string }
	var zeros []string
	var rows []key
	cells := map[key]map[string]*Series{}
	for _, s := range f.of("Search") {
		k := key{s.Parts["kernel"], s.Parts["workers"]}
		if cells[k] == nil {
			cells[k] = map[string]*Series{}
			rows = append(rows, k)
		}
		cells[k][s.Parts["zeros"]] = s
		if !slices.Contains(zeros, s.Parts["zeros"]) {
			zeros = append(zeros, s.Parts["zeros"])
		}
	}
	if len(rows) == 0 {
		return nil
	}
	slices.SortFunc(zeros, byNumber)
	hardest := zeros[len(zeros)-1]
	slices.SortStableFunc(rows, func(a, b key) int {
		if rateAt(cells[a][hardest]) > rateAt(cells[b][hardest]) {
			return -1
		}
		return 1
	})
	s := &Section{
		ID: "searches", Title: "Whole searches",
		Text: []string{"Median hash rates of complete searches, each of which ends with a hash of the given number of leading zero bits. " +
			"Easy searches have lower rates, because starting the engine's workers takes some microseconds."},
		Table: &Table{Head: []string{"kernel", "workers"}},
	}
	if len(zeros) > maxColumns {
		s.Table.Head = append(s.Table.Head, "zeros", "rate")
		for _, k := range rows {
			for _, z := range zeros {
				if r := rateAt(cells[k][z]); r > 0 {
					s.Table.Rows = append(s.Table.Rows, []string{k.kernel, k.workers, z, measured(cells[k][z].Values[hps], hps)})
				}
			}
		}
		return s
	}
	for _, z := range zeros {
		s.Table.Head = append(s.Table.Head, z+" zeros")
	}
	for _, k := range rows {
		row := []string{k.kernel, k.workers}
		for _, z := range zeros {
			cell := "-"
			if r := rateAt(cells[k][z]); r > 0 {
				cell = quantity(r, hps)
			}
			row = append(row, cell)
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	return s
}

// maxColumns is the greatest number of difficulties that are columns of a table. More
// become rows, because such a table would be wider than a screen.
const maxColumns = 6

// rateAt returns the median hash rate of a series, or 0 if it has none.
func rateAt(s *Series) float64 {
	if s == nil {
		return 0
	}
	m, _ := stats.Median(s.Values[hps], confidence)
	return m.Center
}

// byNumber compares two numbers in decimal notation, for sorting.
func byNumber(a, b string) int {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return x - y
}

// scaling returns the section with the speedup by more workers, or nil if the file
// has no results of Scaling.
func scaling(f *File) *Section {
	var all []*Series
	for _, s := range f.of("Scaling") {
		if n := workersOf(s); n > 0 && len(s.Values["speedup"]) > 0 {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil
	}
	s := &Section{
		ID: "scaling", Title: "More workers",
		Text: []string{"The best kernel on several workers, measured in turns with one worker over the same nonces. The row of one worker " +
			"shows how much the machine's noise affects a ratio."},
		Table: &Table{Head: []string{"workers", "rate", "speedup"}},
	}
	for _, x := range all {
		speedup, err := stats.Median(x.Values["speedup"], confidence)
		s.Table.Rows = append(s.Table.Rows, []string{x.Parts["workers"], measured(x.Values[hps], hps), times(speedup, err)})
	}
	s.Charts = []chart.Chart{scalingChart(all)}
	return s
}

// workersOf returns the number of workers in a benchmark's name, or 0 if it has none.
func workersOf(s *Series) float64 {
	n, err := strconv.ParseUint(s.Parts["workers"], 10, 20)
	if err != nil {
		return 0
	}
	return float64(n)
}

// others returns the section of all benchmarks that no other section shows, or nil
// if there are none.
func others(f *File) *Section {
	own := map[string]bool{"Scan": true, "Search": true, "Tries": true, "Scaling": true, "Clock": true}
	s := &Section{ID: "others", Title: "Everything else", Table: &Table{Head: []string{"benchmark", "median and 95 % interval"}}}
	for _, x := range f.Series {
		if own[x.Base] {
			continue
		}
		for _, unit := range x.Units {
			if unit == "sec/op" && len(x.Units) > 1 || unit == "B/op" || unit == "allocs/op" {
				continue // the benchmark's other metrics say more
			}
			name := x.Name
			if len(x.Units) > 2 {
				name += ", " + unit
			}
			s.Table.Rows = append(s.Table.Rows, []string{name, measured(x.Values[unit], unit)})
		}
	}
	if len(s.Table.Rows) == 0 {
		return nil
	}
	return s
}
