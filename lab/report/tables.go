package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lodepow/lode/lab"
)

// figures returns the tables with every metric of every point.
func (r *results) figures() section {
	s := section{
		ID: "figures", Title: "All figures",
		Text: []string{"The mean over the replicas and its 95 % interval by Student's t. Rates are in per cent here; results.csv and summary.json have them as fractions."},
	}
	if !r.swept() {
		s.Tables = []table{r.pointTable()}
		return s
	}
	points := make([]int, len(r.plan.Points))
	for i := range points {
		points[i] = i
	}
	shown := spreadOver(points, maxRows)
	if len(shown) < len(points) {
		s.Text = append(s.Text, fmt.Sprintf("The tables have %d of the %d points. They are spread evenly over the sweep; results.csv has all points.", len(shown), len(points)))
	}
	for i, m := range r.ordered() {
		t := r.metricTable(m, shown)
		t.Fold = i > 0
		s.Tables = append(s.Tables, t)
	}
	return s
}

// ordered returns all metrics, the main one first.
func (r *results) ordered() []lab.Metric {
	list := []lab.Metric{r.main}
	for _, m := range r.metrics {
		if m.Name != r.main.Name {
			list = append(list, m)
		}
	}
	return list
}

// pointTable has a row for each metric of a single point.
func (r *results) pointTable() table {
	t := table{Keys: 1, Head: []string{"metric", "mean", "95 % interval", "unit", "theory", "replicas", "what it is"}}
	for _, m := range r.metrics {
		e := r.at(0, m.Name)
		factor, unit := scale(m)
		mean, interval := estimate(e.Estimate, factor)
		t.Rows = append(t.Rows, []string{m.Name, mean, interval, unit, theoryText(e, factor), strconv.Itoa(e.N), m.Help})
	}
	return t
}

// metricTable has a row for each of some points.
func (r *results) metricTable(m lab.Metric, points []int) table {
	factor, unit := scale(m)
	title := m.Name + ": " + m.Help
	if unit != "" {
		title += ", in " + unit
	}
	t := table{Title: title, Keys: len(r.keys())}
	for _, key := range r.keys() {
		t.Head = append(t.Head, plain(key))
	}
	t.Head = append(t.Head, "mean", "95 % interval", "theory", "replicas")
	for _, i := range points {
		var row []string
		for _, v := range r.plan.Points[i].Values {
			row = append(row, plain(v.Text))
		}
		e := r.at(i, m.Name)
		mean, interval := estimate(e.Estimate, factor)
		t.Rows = append(t.Rows, append(row, mean, interval, theoryText(e, factor), strconv.Itoa(e.N)))
	}
	return t
}

// theoryText returns what theory says, and whether the interval misses it.
func theoryText(m lab.MetricSummary, factor float64) string {
	if m.Theory == nil {
		return missing
	}
	text := number(*m.Theory * factor)
	if isFinite(m.Half) && !contains(m.Estimate, *m.Theory) {
		text += " (outside)"
	}
	return text
}

// source says what was run, with what, and how to cite it.
func (r *results) source(replicas []lab.Replica) section {
	s := r.summary
	hash := s.Hash
	short := hash[:min(16, len(hash))]
	total := 0
	for _, p := range s.Points {
		total += p.Replicas
	}
	out := section{
		ID: "source", Title: "The experiment, and how to cite it",
		Text: []string{
			fmt.Sprintf("This file, the seed and the version of the program determine every number of this report. A run of the same file with the same version has the same hash, on any machine and with any number of threads; engine %s.", engines(s)),
		},
		Tables: []table{{Keys: 1, Head: []string{"what", "value"}, Rows: [][]string{
			{"version", plain(s.Version)},
			{"seed of the first replica", strconv.FormatUint(s.Seed, 10)},
			{"points", strconv.Itoa(len(s.Points))},
			{"replicas in all", strconv.Itoa(total)},
			{"hash of all results", plain(hash)},
		}}},
		File: lines(s.File),
	}
	if len(replicas) > 0 {
		first := replicas[0]
		out.Tables[0].Rows = append(out.Tables[0].Rows, []string{fmt.Sprintf("hash of replica %d of point %d", first.Number, first.Point), fmt.Sprintf("%x", first.Hash)})
	}
	out.After = []string{
		"To cite this run, give version, title, seed and hash:",
		fmt.Sprintf("Lode %s, “%s”, seed %d, result %s. https://github.com/lodepow/lode", plain(s.Version), r.title(), s.Seed, plain(short)),
	}
	return out
}

// engines names the engines that were used.
func engines(s *lab.Summary) string {
	var names []string
	for _, p := range s.Points {
		if e := string(p.Engine); e != "" && !slices.Contains(names, e) {
			names = append(names, e)
		}
	}
	text := strings.Join(names, " or ")
	if len(names) > 1 {
		text += ", by the point"
	}
	return text
}
