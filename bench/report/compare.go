package report

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"

	"github.com/lodepow/lode/bench/stats"
	"github.com/lodepow/lode/internal/chart"
)

// change is the comparison of one benchmark between two files.
type change struct {
	name    string
	ratio   stats.Ratio // after over before
	err     error       // set if there are too few samples for a conclusion
	p       float64     // p-value of the Mann-Whitney test
	differs bool        // whether the difference is significant after Holm's correction
	better  bool        // whether the change, if there is one, is an improvement
}

// familyAlpha bounds the probability that any benchmark at all is said to differ
// although none does.
const familyAlpha = 0.05

// compare returns the section that compares a file with the first one.
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
	s.Text = []string{fmt.Sprintf("The table has ratios of medians with their 95 %% intervals, and p-values of the Mann-Whitney test. "+
		"Of %d benchmarks, one in twenty would seem to differ by chance alone. Therefore a benchmark counts as better or worse only "+
		"if its difference is significant after Holm's correction for all of them together (5 %%): %d are. "+
		"The files were not measured in turns, so a change in the machine's load between them looks like a change in the program. "+
		"Measure both again in the opposite order before you believe a small difference.", len(changes)-few, differ)}
	if few > 0 {
		s.After = append(s.After, fmt.Sprintf("%d benchmarks have too few samples to be compared; no conclusion is drawn from them.", few))
	}
	s.Charts = []chart.Chart{changeChart(changes)}
	return s
}

// changesOf compares every benchmark that both files have, except Clock.
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
			c.err = stats.ErrTooFew // the same limit as in the rest of the report
		}
		thresholds := benchmath.DefaultThresholds
		c.p = benchmath.AssumeNothing.Compare(
			benchmath.NewSample(slices.Clone(a.Values[unit]), &thresholds),
			benchmath.NewSample(slices.Clone(b.Values[unit]), &thresholds)).P
		c.better = c.ratio.Center > 1 == moreIsBetter(unit)
		all = append(all, c)
	}
	markSignificant(all)
	return all
}

// mainUnit returns the most informative unit of a benchmark: a rate if it has one,
// else a ratio, else the time of an operation.
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

// markSignificant marks the differences that are significant after Holm's
// correction (1979) for multiple comparisons: with k counted from 0, the k-th
// smallest of n p-values must not exceed familyAlpha/(n-k), nor may any smaller one
// exceed its own limit.
func markSignificant(all []change) {
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
