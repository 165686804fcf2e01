package report

import (
	"fmt"
	"strconv"

	"github.com/lodepow/lode/lab"
)

// courseTable has a row for each moment of a course, with how many replicas a mean is of.
func (r *results) courseTable(c course) table {
	title := "The course in numbers"
	if name := pointName(r.plan.Points[c.point].Values); name != "" {
		title += ", at " + shorten(name)
	}
	per, unit := longUnit(max(1, c.moments[len(c.moments)-1].at))
	t := table{Title: title, Keys: 1, Fold: true, Head: []string{"time since the start, " + unit}}
	for _, q := range courseColumns {
		t.Head = append(t.Head, q.name+", s", "95 % interval", "replicas")
	}
	for _, m := range c.moments {
		row := []string{number(m.at * per)}
		for _, q := range courseColumns {
			e := q.of(m)
			mean, interval := estimate(e, 1)
			row = append(row, mean, interval, strconv.Itoa(e.N))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

var courseColumns = []struct {
	name string
	of   func(moment) lab.Estimate
}{
	{"mean time of a block by its difficulty", func(m moment) lab.Estimate { return m.expected }},
	{"median time between blocks", func(m moment) lab.Estimate { return m.median }},
	{"95 % of the times are at most", func(m moment) lab.Estimate { return m.last }},
}

// lackText says how many means of a course are not of all replicas, or nothing if all are.
func (r *results) lackText(c course) string {
	means, fewest := 0, c.replicas
	for _, m := range c.moments {
		for _, q := range courseColumns {
			if n := q.of(m).N; n < c.replicas {
				means++
				fewest = min(fewest, n)
			}
		}
	}
	if means == 0 {
		return ""
	}
	where := ""
	if name := pointName(r.plan.Points[c.point].Values); name != "" {
		where = "At " + shorten(name) + ", "
	}
	return fmt.Sprintf("%sof %d means of the course some replicas are left out, and the fewest that are left are %d of %d: in the others no block was found in the span of time, or the times "+
		"are longer than 3,840 intended intervals. Such a mean lacks the longest times and is too small. The table has the number of replicas of each.", where, means, fewest, c.replicas)
}
