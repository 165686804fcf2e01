package report

import (
	"fmt"
	"math"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

// course is how block interval and difficulty went at a point: one moment for each span of
// time, over the replicas.
type course struct {
	point    int
	replicas int // that have a course
	moments  []moment
}

// moment is the middle of a span of time, in seconds, and the figures of the blocks in it.
type moment struct {
	at                     float64
	expected, median, last lab.Estimate // seconds
}

// courses returns the courses of points that are spread over those that have one, and how many
// points have one.
func (r *results) courses(replicas []lab.Replica) (some []course, all int) {
	byPoint := map[int][][]blocks.Span{}
	for _, one := range replicas {
		if len(one.Course) > 0 {
			byPoint[one.Point] = append(byPoint[one.Point], one.Course)
		}
	}
	var points []int
	for point := range r.plan.Points {
		if len(byPoint[point]) > 0 {
			points = append(points, point)
		}
	}
	for _, point := range spreadOver(points, maxCourses) {
		spans := byPoint[point]
		some = append(some, course{point, len(spans), moments(spans)})
	}
	return some, len(points)
}

// moments averages the courses of replicas. Their spans have the length of one power of two or
// another: all are brought to the longest. What comes after the end of the shortest replica is
// left out, with the last span of it, which is seldom whole.
func moments(courses [][]blocks.Span) []moment {
	length := func(spans []blocks.Span) float64 { return spans[0].To - spans[0].From }
	longest := 0.0
	for _, spans := range courses {
		longest = max(longest, length(spans))
	}
	var joined [][]blocks.Span
	shortest := math.MaxInt
	for _, spans := range courses {
		for length(spans) < 0.75*longest && len(spans) > 1 {
			spans = joinSpans(spans)
		}
		joined = append(joined, spans)
		shortest = min(shortest, len(spans))
	}
	var list []moment
	for i := range max(1, shortest-1) {
		var expected, median, last []float64
		at := 0.0
		for _, spans := range joined {
			s := spans[i]
			at = max(at, (s.From+s.To)/2)
			expected, median, last = append(expected, s.Expected), append(median, s.Median), append(last, s.Quantile95)
		}
		list = append(list, moment{at, lab.NewEstimate(expected), lab.NewEstimate(median), lab.NewEstimate(last)})
	}
	return list
}

// joinSpans joins spans in pairs. Quantiles are averaged by the blocks, which is nearly right
// as long as the difficulty hardly changes from one to the next.
func joinSpans(spans []blocks.Span) []blocks.Span {
	var list []blocks.Span
	for i := 0; i < len(spans); i += 2 {
		a := spans[i]
		if i+1 < len(spans) {
			b := spans[i+1]
			n, m := float64(a.Blocks), float64(b.Blocks)
			mean := func(x, y float64) float64 {
				switch {
				case n == 0:
					return y
				case m == 0:
					return x
				}
				return (float64(n*x) + float64(m*y)) / (n + m)
			}
			a = blocks.Span{
				From: a.From, To: b.To, Blocks: a.Blocks + b.Blocks, Interval: (b.To - a.From) / (n + m),
				Median: mean(a.Median, b.Median), Quantile95: mean(a.Quantile95, b.Quantile95), Expected: mean(a.Expected, b.Expected), Error: mean(a.Error, b.Error),
			}
		}
		list = append(list, a)
	}
	return list
}

// courseSection shows the courses. ok is false if there are none.
func (r *results) courseSection(replicas []lab.Replica) (s section, ok bool) {
	list, all := r.courses(replicas)
	if all == 0 {
		return s, false
	}
	s = section{
		ID: "course", Title: "The course of block interval and difficulty",
		Text: []string{"Means over the replicas, by time since the start; course.csv has each replica. The first diagram is the time that a block takes on average " +
			"at its difficulty and the hash rate of the moment: it does not have the noise of the search. The intended time is what the difficulty rule aims at."},
	}
	for i, group := range r.courseGroups(list) {
		c := r.courseChart(group)
		if i > 0 {
			c.Name += fmt.Sprintf("-%d", i+1)
		}
		s.Charts = append(s.Charts, c)
	}
	detailed := spreadOver(list, maxDetails)
	if all > len(list) {
		s.Text = append(s.Text, fmt.Sprintf("%d of the %d points have a curve in the first diagrams. They are spread evenly over the sweep; course.csv has all points.", len(list), all))
	}
	if all > len(detailed) {
		s.Text = append(s.Text, fmt.Sprintf("%d of the %d points, spread evenly over the sweep, have a diagram and a table of their own.", len(detailed), all))
	}
	for _, c := range detailed {
		s.Charts = append(s.Charts, r.timesChart(c))
		s.Tables = append(s.Tables, r.courseTable(c))
		if text := r.lackText(c); text != "" {
			s.Text = append(s.Text, text)
		}
	}
	return s, true
}

// intendedSeconds returns the block interval that the difficulty rule of a point aims at.
func (r *results) intendedSeconds(point int) float64 {
	x := r.plan.Points[point].Experiment
	if spacing := x.Params.Difficulty().Spacing; spacing > 0 {
		return float64(spacing)
	}
	return x.Interval.Seconds()
}

// courseGroup is the courses of a diagram.
type courseGroup struct {
	at   string // the values that its points have in common; empty if there are none
	list []course
}

// courseGroups divides courses among diagrams: by all values but the last, if that makes few
// diagrams with few curves each, because runs with other values often last much longer or shorter.
func (r *results) courseGroups(list []course) []courseGroup {
	const few = 4
	var groups, parts []courseGroup
	fit := true
	for i, c := range list {
		values := r.plan.Points[c.point].Values
		at := pointName(values[:max(0, len(values)-1)])
		if i == 0 || at != groups[len(groups)-1].at {
			groups = append(groups, courseGroup{at: at})
		}
		g := &groups[len(groups)-1]
		g.list = append(g.list, c)
		fit = fit && len(groups) <= few && len(g.list) <= len(familyColors)
		if i%len(familyColors) == 0 {
			parts = append(parts, courseGroup{})
		}
		p := &parts[len(parts)-1]
		p.list = append(p.list, c)
	}
	if fit {
		return groups
	}
	return parts
}

// courseName names a point in the legend of a group.
func (r *results) courseName(g courseGroup, point int) string {
	values := r.plan.Points[point].Values
	if g.at != "" {
		values = values[len(values)-1:]
	}
	if name := pointName(values); name != "" {
		return shorten(name)
	}
	return "mean and 95 % interval"
}

// courseChart shows the expected time of a block at some points over time.
func (r *results) courseChart(g courseGroup) chart.Chart {
	list := g.list
	end, span := 1.0, valueSpan{}
	for _, c := range list {
		end = max(end, c.moments[len(c.moments)-1].at)
	}
	per, unit := longUnit(end)
	c := chart.Chart{
		Name: "course", Title: "Mean time of a block by its difficulty and the hash rate",
		Alt:         fmt.Sprintf("Curves of the time that a block takes on average over %s of the run, one for each of %s, beside the intended time.", withUnit(number(end*per), unit), count(len(list), "point", "points")),
		LegendAbove: true,
	}
	if g.at != "" {
		c.Title += ", at " + shorten(g.at)
	}
	intended, theories := map[float64]bool{}, map[string]bool{}
	for i, one := range list {
		marks := chart.Marks{Name: r.courseName(g, one.point), Color: familyColors[i], Shape: familyShapes[i%len(familyShapes)], Size: 0.6}
		line := chart.Line{Color: familyColors[i], Width: 0.8}
		for _, m := range one.moments {
			if !isFinite(m.expected.Mean) {
				continue
			}
			at := chart.Point{X: m.at * per, Y: m.expected.Mean}
			half := max(0, m.expected.Half)
			line.Points = append(line.Points, at)
			marks.At = append(marks.At, chart.Mark{Point: at, Lo: at.Y - half, Hi: at.Y + half})
			span.add(at.Y, half)
		}
		c.Lines, c.Marks = append(c.Lines, line), append(c.Marks, marks)
		want := r.intendedSeconds(one.point)
		if !intended[want] {
			intended[want] = true
			c.Lines = append(c.Lines, chart.Line{Name: "intended: " + withUnit(number(want), "s"), Color: chart.Ink, Width: 0.9, Points: []chart.Point{{X: 0, Y: want}, {X: end * per, Y: want}}})
			span.add(want, 0)
		}
		if law, name := r.courseLaw(one, per); len(law) > 1 {
			if theories[name] {
				name = "" // it is in the legend already
			}
			theories[name] = true
			c.Lines = append(c.Lines, chart.Line{Name: name, Color: familyColors[i], Width: 1.4, Dashed: true, Points: law})
		}
	}
	c.X = chart.Axis{Label: "time since the start (" + unit + ")", Min: 0, Max: end * per * 1.03, Ticks: ticks(0, end*per*1.03), Grid: true}
	c.Y = span.axis("seconds")
	return c
}

// courseLaw returns the closed form of a course, if there is one: of a fixed difficulty, and of
// asert after a single change of the hash rate.
func (r *results) courseLaw(c course, per float64) (law []chart.Point, name string) {
	x := r.plan.Points[c.point].Experiment
	if x.Hopping.Share > 0 || x.Churn.Up > 0 || len(x.Power.Steps) != 1 || len(x.Power.Steps[0].Shares) > 0 || x.Clocks.Error.Mean != 0 || len(x.Clocks.Liars) > 0 {
		return nil, ""
	}
	step, d, want := x.Power.Steps[0], x.Params.Difficulty(), r.intendedSeconds(c.point)
	end := c.moments[len(c.moments)-1].at
	from := step.At.Seconds()
	if from >= end {
		return nil, ""
	}
	add := func(at, y float64) { law = append(law, chart.Point{X: at * per, Y: y}) }
	switch d.Rule {
	case rules.RuleFixed:
		add(0, want)
		add(from, want)
		add(from, want/step.Factor)
		add(end, want/step.Factor)
		return law, "theory: the interval divided by the factor of the hash rate"
	case rules.RuleAsert:
		if x.Interval.Seconds() != want {
			return nil, "" // it does not begin at the intended interval
		}
		add(0, want)
		add(from, want)
		const points = 100
		for i := range points + 1 {
			at := from + (end-from)*float64(i)/points
			add(at, want*blocks.AsertStep(step.Factor, (at-from)/float64(d.HalfLife)))
		}
		return law, "theory: the error halves in each half-life"
	}
	return nil, ""
}

// timesChart shows the distribution of the times between blocks at a point over time.
func (r *results) timesChart(one course) chart.Chart {
	end, span := max(1, one.moments[len(one.moments)-1].at), valueSpan{}
	per, unit := longUnit(end)
	name := pointName(r.plan.Points[one.point].Values)
	c := chart.Chart{
		Name: fmt.Sprintf("course-times-%d", one.point), Title: "Times between blocks, against the exponential law",
		Alt:         "Median and 95 % quantile of the times between blocks over the run, beside what the exponential law makes of the mean time.",
		LegendAbove: true,
	}
	if name != "" {
		c.Title += ", at " + shorten(name)
	}
	for k, q := range []struct {
		name, law string
		factor    float64
		of        func(moment) lab.Estimate
	}{
		{"95 % are at most as long", "exponential law: mean · ln 20", math.Log(20), func(m moment) lab.Estimate { return m.last }},
		{"median", "exponential law: mean · ln 2", math.Ln2, func(m moment) lab.Estimate { return m.median }},
	} {
		marks := chart.Marks{Name: q.name, Color: familyColors[k], Shape: familyShapes[k], Size: 0.6}
		law := chart.Line{Name: q.law, Color: familyColors[k], Width: 1.4, Dashed: true}
		for _, m := range one.moments {
			e := q.of(m)
			if !isFinite(e.Mean) || !isFinite(m.expected.Mean) {
				continue
			}
			half := max(0, e.Half)
			marks.At = append(marks.At, chart.Mark{Point: chart.Point{X: m.at * per, Y: e.Mean}, Lo: e.Mean - half, Hi: e.Mean + half})
			law.Points = append(law.Points, chart.Point{X: m.at * per, Y: q.factor * m.expected.Mean})
			span.add(e.Mean, 0)
			span.add(q.factor*m.expected.Mean, 0)
		}
		c.Lines, c.Marks = append(c.Lines, law), append(c.Marks, marks)
	}
	c.X = chart.Axis{Label: "time since the start (" + unit + ")", Min: 0, Max: end * per * 1.03, Ticks: ticks(0, end*per*1.03), Grid: true}
	if len(span.values) == 0 {
		span.add(0, 0)
	}
	c.Y = span.axis("seconds")
	return c
}

// longUnit returns a unit for times up to the given number of seconds, and how many of it a
// second is.
func longUnit(seconds float64) (per float64, unit string) {
	for _, u := range []struct {
		name string
		of   time.Duration
	}{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}} {
		if seconds >= 4*u.of.Seconds() {
			return 1 / u.of.Seconds(), u.name
		}
	}
	return 1, "seconds"
}
