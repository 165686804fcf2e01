package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lodepow/lode/bench/stats"
)

const (
	baseline = "loop-stdlib" // what kernels are compared with
	hps      = "H/s"
)

// kernelRate is what was seen of one kernel on one core.
type kernelRate struct {
	name    string
	samples []float64
	median  stats.Ratio
	err     error // too few for an interval
	bound   float64
}

// best returns the rate of the round that was disturbed least, which is what a
// bound is held against.
func (k kernelRate) best() float64 { return slices.Max(k.samples) }

// kernelRates returns the kernels of Scan, fastest first, with their bounds where
// the clock is known.
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

// clockOf returns the clock in Hz, the fastest seen, or 0.
func clockOf(f *File) float64 {
	if s := f.find("Clock"); s != nil && len(s.Values["Hz"]) > 0 {
		return slices.Max(s.Values["Hz"])
	}
	return 0
}

// rates compares the kernels on one core.
func rates(f *File) *Section {
	all := kernelRates(f)
	if len(all) == 0 {
		return nil
	}
	clock := clockOf(f)
	s := &Section{
		ID: "rates", Title: "Hash rate by kernel, one core",
		Text: []string{"Medians with their 95 % intervals. The ratio to the plain loop with the standard library is that of " +
			"the same rounds, so what other load did to a round has done it to both."},
		Table: &Table{Head: []string{"kernel", "rate", "over " + baseline, "best, cycles/hash", "bound", "of the bound"}},
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
		s.After = append(s.After, fmt.Sprintf("Cycles are those of the best round, at a clock of %.2f GHz, measured. The bound is the fewest that a core's units allow; "+
			"of the kinds of cores that there are, it is that of the slowest that can have been this fast.", clock/1e9))
	}
	s.Plots = []Plot{ratesPlot(all)}
	return s
}

// searches shows what is left of the rate in whole searches.
func searches(f *File) *Section {
	type key struct{ kernel, workers string }
	var zeros, workers []string
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
		if !slices.Contains(workers, k.workers) {
			workers = append(workers, k.workers)
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
		Text: []string{"H/s in searches of which each ends with an answer of so many leading zero bits, medians. Each engine costs some " +
			"microseconds to start, which easy searches show."},
		Table: &Table{Head: []string{"kernel", "workers"}},
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

func rateAt(s *Series) float64 {
	if s == nil {
		return 0
	}
	m, _ := stats.Median(s.Values[hps], confidence)
	return m.Center
}

func byNumber(a, b string) int {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return x - y
}

// scaling shows what more workers bring.
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
		Text: []string{"The best kernel, in turns with one worker over the same nonces. One against one shows what the machine's " +
			"noise does to a ratio."},
		Table: &Table{Head: []string{"workers", "rate", "speedup"}},
	}
	for _, x := range all {
		speedup, err := stats.Median(x.Values["speedup"], confidence)
		s.Table.Rows = append(s.Table.Rows, []string{x.Parts["workers"], measured(x.Values[hps], hps), times(speedup, err)})
	}
	s.Plots = []Plot{scalingPlot(all)}
	return s
}

// workersOf returns the number of workers in a name, or 0.
func workersOf(s *Series) float64 {
	n, err := strconv.ParseUint(s.Parts["workers"], 10, 20)
	if err != nil {
		return 0
	}
	return float64(n)
}

// others lists what has no section of its own.
func others(f *File) *Section {
	own := map[string]bool{"Scan": true, "Search": true, "Tries": true, "Scaling": true, "Clock": true}
	s := &Section{ID: "others", Title: "Everything else", Table: &Table{Head: []string{"benchmark", "median and 95 % interval"}}}
	for _, x := range f.Series {
		if own[x.Base] {
			continue
		}
		for _, unit := range x.Units {
			if unit == "sec/op" && len(x.Units) > 1 || unit == "B/op" || unit == "allocs/op" {
				continue // a rate says it
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
