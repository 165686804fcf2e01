package report

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"

	"github.com/lodepow/lode/bench/stats"
)

// change is what became of one benchmark from one file to another.
type change struct {
	name    string
	ratio   stats.Ratio // after over before
	err     error       // too few samples
	p       float64
	differs bool // when all comparisons are taken together
	better  bool
}

const familyAlpha = 0.05

// compare holds a file against the first one.
func compare(before, after *File) *Section {
	changes := changesOf(before, after)
	s := &Section{
		ID: "change", Title: fmt.Sprintf("From %s to %s", before.Label, after.Label),
	}
	if len(changes) == 0 {
		s.Text = []string{"The files have no benchmark in common."}
		return s
	}
	few, differ := 0, 0
	s.Table = &Table{Head: []string{"benchmark", "after over before", "p", "verdict"}}
	for _, c := range changes {
		row := []string{c.name, times(c.ratio, c.err), "", "too few samples"}
		switch {
		case c.err != nil:
			few++
		case !c.differs:
			row[2], row[3] = fmt.Sprintf("%.3f", c.p), "no difference shown"
		case c.better:
			row[2], row[3] = fmt.Sprintf("%.2g", c.p), "better"
		default:
			row[2], row[3] = fmt.Sprintf("%.2g", c.p), "worse"
		}
		if c.differs {
			differ++
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	s.Text = []string{fmt.Sprintf("Ratios of medians with 95 %% intervals, p-values of the Mann-Whitney test. Of %d benchmarks one in twenty would "+
		"seem to differ by chance, so a verdict is given only where the difference stands when all are taken together (Holm, 5 %%): %d do. "+
		"The files were not measured in turns: a change of the machine's load between them looks like a change of the program. "+
		"Repeat the pair the other way round before believing a small difference.", len(changes)-few, differ)}
	if few > 0 {
		s.After = append(s.After, fmt.Sprintf("%d benchmarks have too few samples to compare: nothing is concluded from them.", few))
	}
	s.Plots = []Plot{changePlot(changes)}
	return s
}

func changesOf(before, after *File) []change {
	var all []change
	for _, a := range before.Series {
		b := after.find(a.Name)
		if b == nil || a.Base == "Clock" {
			continue
		}
		unit := mainUnit(a)
		if unit == "" || len(b.Values[unit]) == 0 || !positive(a.Values[unit]) || !positive(b.Values[unit]) {
			continue
		}
		c := change{name: a.Name}
		if len(a.Units) > 1 && !strings.HasSuffix(unit, "/s") {
			c.name += ", " + unit
		}
		c.ratio, c.err = stats.UnpairedRatio(a.Values[unit], b.Values[unit], confidence)
		if c.err == nil && c.ratio.N < enough {
			c.err = stats.ErrTooFew // as everywhere else in the report
		}
		thresholds := benchmath.DefaultThresholds
		c.p = benchmath.AssumeNothing.Compare(
			benchmath.NewSample(slices.Clone(a.Values[unit]), &thresholds),
			benchmath.NewSample(slices.Clone(b.Values[unit]), &thresholds)).P
		c.better = c.ratio.Center > 1 == moreIsBetter(unit)
		all = append(all, c)
	}
	holm(all)
	return all
}

// mainUnit returns the unit that says most: a rate, then a ratio, then a time.
func mainUnit(s *Series) string {
	for _, unit := range s.Units {
		if strings.HasSuffix(unit, "/s") {
			return unit
		}
	}
	for _, unit := range s.Units {
		if unit != "sec/op" && unit != "tries/op" {
			return unit
		}
	}
	if len(s.Units) > 0 {
		return s.Units[0]
	}
	return ""
}

func moreIsBetter(unit string) bool {
	return strings.HasSuffix(unit, "/s") || unit == "speedup" || unit == "kernel/search"
}

func positive(values []float64) bool {
	return !slices.ContainsFunc(values, func(x float64) bool { return !(x > 0) })
}

// holm marks the differences that stand when all are taken together (Holm 1979):
// the k-th smallest of n p-values must be below alpha/(n-k).
func holm(all []change) {
	var order []int
	for i, c := range all {
		if c.err == nil {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int {
		if all[i].p < all[j].p {
			return -1
		}
		return 1
	})
	for k, i := range order {
		if all[i].p > familyAlpha/float64(len(order)-k) {
			return
		}
		all[i].differs = true
	}
}
