package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/lab"
)

// familyColors are the colours of the curves of a family. Their marks differ as well.
var familyColors = [...]chart.Color{chart.Blue, chart.Vermillion, chart.Green, chart.Orange, chart.Purple, chart.Gray}

var familyShapes = [...]chart.Shape{chart.Circle, chart.Triangle, chart.Square}

// family is the points of a sweep that differ only in the value on the horizontal axis.
type family struct {
	name   string // the other values; empty if there are none
	points []int  // indices of points, in the order of their x
}

// sweepAxis is what the horizontal axis of the curves shows.
type sweepAxis struct {
	key    int       // index in the values of a point
	label  string    // of the axis
	names  []string  // of the places if the values are texts; nil if they are numbers
	values []float64 // sorted, each once
}

// axis chooses the swept key with the most values that are numbers, the first one of
// several. If none has numbers it chooses the first one.
func (r *results) axis() sweepAxis {
	keys := r.keys()
	a := sweepAxis{}
	texts := map[float64]string{}
	for i, key := range keys {
		if found := r.texts(i); i == 0 || r.isNumeric(key) && (len(found) > len(texts) || !r.isNumeric(keys[a.key])) {
			a.key, texts = i, found
		}
	}
	a.values = slices.Sorted(maps.Keys(texts))
	a.label = plain(keys[a.key])
	if !r.isNumeric(keys[a.key]) {
		for _, v := range a.values {
			a.names = append(a.names, texts[v])
		}
	} else if strings.HasSuffix(texts[a.values[0]], "s") || strings.HasSuffix(texts[a.values[0]], "m") || strings.HasSuffix(texts[a.values[0]], "h") {
		a.label += " (s)" // durations, whose numbers are in seconds
	}
	return a
}

// texts returns the values of a swept key, by their numbers.
func (r *results) texts(key int) map[float64]string {
	texts := map[float64]string{}
	for _, p := range r.plan.Points {
		texts[p.Values[key].Number] = plain(p.Values[key].Text)
	}
	return texts
}

// isNumeric reports whether all values of a swept key are numbers or durations. A text
// such as the difficulty 1e0fffff is neither, although it begins with a digit: the number
// of a text is its place in the list.
func (r *results) isNumeric(key string) bool {
	for _, p := range r.plan.Points {
		for _, v := range p.Values {
			if v.Key != key {
				continue
			}
			number, err := strconv.ParseFloat(v.Text, 64)
			if d, wrong := time.ParseDuration(v.Text); err != nil && wrong == nil {
				number, err = d.Seconds(), nil
			}
			if err != nil || number != v.Number {
				return false
			}
		}
	}
	return true
}

// families groups the points by the values that are not on the axis.
func (r *results) families(a sweepAxis) []family {
	var list []family
	index := map[string]int{}
	for i, p := range r.plan.Points {
		others := slices.Delete(slices.Clone(p.Values), a.key, a.key+1)
		name := pointName(others)
		if _, ok := index[name]; !ok {
			index[name] = len(list)
			list = append(list, family{name: name})
		}
		f := &list[index[name]]
		f.points = append(f.points, i)
	}
	for _, f := range list {
		slices.SortStableFunc(f.points, func(i, j int) int {
			x, y := r.plan.Points[i].Values[a.key].Number, r.plan.Points[j].Values[a.key].Number
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
	}
	return list
}

// curves shows the metrics as curves over the first swept key.
func (r *results) curves() section {
	s := section{
		ID: "curves", Title: "Curves",
		Text: []string{"Marks are means over the replicas, with 95 % intervals by Student's t. An interval that is not visible is smaller than its mark."},
	}
	a := r.axis()
	all := r.families(a)
	families := spreadOver(all, maxFamilies)
	if len(families) < len(all) {
		s.Text = append(s.Text, fmt.Sprintf("%d of the %d curves over %s are shown. They are spread evenly over the values of the other keys; results.csv has all points.", len(families), len(all), a.label))
	}
	if len(a.values) > maxMarks {
		s.Text = append(s.Text, fmt.Sprintf("%d of the %d values of %s have a mark. They are spread evenly over the sweep; results.csv has all points.", maxMarks, len(a.values), a.label))
	}
	for _, m := range r.shownMetrics() {
		for part := 0; part*len(familyColors) < len(families); part++ {
			some := families[part*len(familyColors) : min((part+1)*len(familyColors), len(families))]
			if c, ok := r.curve(m, a, some); ok {
				if part > 0 {
					c.Name += fmt.Sprintf("-%d", part+1)
				}
				s.Charts = append(s.Charts, c)
			}
		}
	}
	if len(s.Charts) == 0 {
		s.Text = []string{"No metric has values that could be drawn."}
	}
	return s
}

// shownMetrics returns the metrics that have curves, the main one first. Those of single
// miners have one only if they are about a strategist, or if they have a theory and the
// miners differ.
func (r *results) shownMetrics() []lab.Metric {
	shown := []lab.Metric{r.main}
	strategist := ""
	x := r.plan.Points[0].Experiment
	if len(x.Strategists) > 0 {
		strategist = minerName(x.Strategists[0].Node)
	}
	differ := len(x.Power.Shares) > 0
	for _, m := range r.metrics {
		miner := strings.HasPrefix(m.Name, "miner_")
		ofStrategist := strategist != "" && strings.HasPrefix(m.Name, strategist)
		switch {
		case m.Name == r.main.Name, miner && strings.HasSuffix(m.Name, "_share"):
		case !miner, ofStrategist, differ && r.hasTheory(m.Name):
			shown = append(shown, m)
		}
	}
	return shown
}

// curve draws a metric for some families. ok is false if there is nothing to see: no
// values, or all of them zero.
func (r *results) curve(m lab.Metric, a sweepAxis, families []family) (c chart.Chart, ok bool) {
	factor, unit := scale(m)
	label := m.Name
	if unit != "" {
		label += " (" + unit + ")"
	}
	c = chart.Chart{
		Name: m.Name, Title: upperFirst(m.Help),
		Alt:         fmt.Sprintf("Curves of the %s over %s.", m.Help, a.label),
		LegendAbove: true,
	}
	var span valueSpan
	for i, f := range families {
		marks := chart.Marks{Name: f.name, Color: familyColors[i], Shape: familyShapes[i%len(familyShapes)]}
		theory := chart.Line{Color: familyColors[i], Width: 1.4, Dashed: true}
		for _, p := range spreadOver(f.points, maxMarks) {
			e, x := r.at(p, m.Name), r.plan.Points[p].Values[a.key].Number
			if e.Theory != nil {
				y := *e.Theory * factor
				theory.Points = append(theory.Points, chart.Point{X: x, Y: y})
				theory.Name = "theory: " + shorten(plain(e.Source))
				span.add(y, 0)
			}
			if !isFinite(e.Mean) {
				continue
			}
			y, half := e.Mean*factor, e.Half*factor
			if !isFinite(half) {
				half = 0
			}
			marks.At = append(marks.At, chart.Mark{Point: chart.Point{X: x, Y: y}, Lo: y - half, Hi: y + half})
			span.add(y, half)
			ok = ok || y != 0
		}
		line := chart.Line{Color: familyColors[i], Width: 0.8}
		if len(theory.Points) > 1 {
			if slices.ContainsFunc(c.Lines, func(l chart.Line) bool { return l.Name == theory.Name }) {
				theory.Name = ""
			}
			c.Lines = append(c.Lines, theory)
		} else if a.names == nil {
			for _, at := range marks.At {
				line.Points = append(line.Points, at.Point)
			}
			c.Lines = append(c.Lines, line)
		}
		c.Marks = append(c.Marks, marks)
	}
	if !ok {
		return c, false
	}
	r.addFairShare(&c, m, a, families)
	c.X = a.chartAxis()
	c.Y = span.axis(label)
	if a.names != nil {
		placeNames(&c, a)
	}
	return c, true
}

// addFairShare adds the line on which a miner earns as much as its share of the hash rate.
func (r *results) addFairShare(c *chart.Chart, m lab.Metric, a sweepAxis, families []family) {
	node, isRevenue := strings.CutSuffix(m.Name, "revenue")
	if !isRevenue {
		return
	}
	line := chart.Line{Name: "its share of the hash rate", Color: chart.Ink, Width: 0.9}
	for _, p := range spreadOver(families[0].points, maxMarks) {
		if e := r.at(p, node+"share"); isFinite(e.Mean) {
			line.Points = append(line.Points, chart.Point{X: r.plan.Points[p].Values[a.key].Number, Y: e.Mean})
		}
	}
	if len(line.Points) > 1 {
		c.Lines = append(c.Lines, line)
	}
}

// placeNames replaces the numbers of the horizontal axis by names. Only values that have a mark
// get one.
func placeNames(c *chart.Chart, a sweepAxis) {
	c.X.Ticks, c.X.Names = spreadOver(spreadOver(a.values, maxMarks), maxNames), spreadOver(spreadOver(a.names, maxMarks), maxNames)
	// Marks of several families stand beside each other.
	for i := range c.Marks {
		shift := (float64(i) - float64(len(c.Marks)-1)/2) * 0.09
		for k := range c.Marks[i].At {
			c.Marks[i].At[k].X += shift
		}
	}
	c.X.Min, c.X.Max, c.X.Log = a.values[0]-0.5, a.values[len(a.values)-1]+0.5, false
}

// shorten cuts a text that would take more than some lines of a legend. The page has it in full
// elsewhere.
func shorten(s string) string {
	const most = 160
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
