package report

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/lab/blocks"
)

const (
	maxDots  = 1200 // nodes on a map
	maxLines = 1500 // connections on a map
)

// mapChart shows the nodes, coloured by when they had the block. Nodes of a grid or ring
// are where they are in it. Otherwise the finder is in the middle, the distance of a node
// from it is the time until the node had the block, and regions are sectors.
func (t *Trace) mapChart(all []time.Duration) chart.Chart {
	last := roundTime(shareOf(all, 0.995))
	c := chart.Chart{
		Name: "map", Title: t.mapTitle(),
		Alt: fmt.Sprintf("Map of the network around node %d. Dots are nodes, coloured by the time until they had the block, from 0 to %s.", t.Block.Miner, duration(all[len(all)-1])),
		X:   chart.Axis{Min: -1.2, Max: 1.2}, Y: chart.Axis{Min: -1.2, Max: 1.2},
		Plain: true, LegendAbove: true, Height: squareHeight,
	}
	at := t.places(last)
	if t.isDrawn() && len(t.Layout.Edges) <= maxLines {
		for _, e := range t.Layout.Edges {
			c.Lines = append(c.Lines, chart.Line{Points: []chart.Point{at[e[0]], at[e[1]]}, Color: chart.Gray, Width: 0.4})
		}
	} else if !t.isDrawn() {
		t.addRings(&c, all, last)
	}
	classes := dotClasses(last, min(1, 0.5+40/float64(len(t.Arrivals))))
	for node, d := range t.Arrivals {
		if node%t.stride() != 0 || node == t.Block.Miner {
			continue
		}
		m := &classes[classOf(d, last)]
		m.At = append(m.At, mark(at[node]))
	}
	classes = append(classes, chart.Marks{Name: fmt.Sprintf("node %d, which found it", t.Block.Miner), At: []chart.Mark{mark(at[t.Block.Miner])}, Color: chart.Ink, Shape: chart.Square, Size: 1.6})
	c.Marks = slices.DeleteFunc(classes, func(m chart.Marks) bool { return len(m.At) == 0 })
	return c
}

// roundTime returns six times a round number, at least d.
func roundTime(d time.Duration) time.Duration {
	const least = time.Microsecond // of a step
	step := max(float64(d)/chart.RampSteps, float64(least))
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, m := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8, 10} {
		if m*power >= step {
			return chart.RampSteps * time.Duration(math.Round(m*power))
		}
	}
	return chart.RampSteps * time.Duration(math.Round(10*power))
}

// squareHeight is the factor of the height that makes the area of a picture a square.
const squareHeight = 1.27

func mark(p chart.Point) chart.Mark { return chart.Mark{Point: p, Lo: p.Y, Hi: p.Y} }

func (t *Trace) mapTitle() string {
	title := "Nodes by arrival: the farther from the middle, the later"
	if t.isDrawn() {
		title = "Nodes by arrival, where they are in the network"
	}
	if t.stride() > 1 {
		title += fmt.Sprintf(" (one node in %d)", t.stride())
	}
	return title
}

// stride is s if every s-th node is on the map.
func (t *Trace) stride() int { return (len(t.Arrivals) + maxDots - 1) / maxDots }

// isDrawn reports whether nodes have places in a drawing of the topology.
func (t *Trace) isDrawn() bool {
	shape := t.Point.Experiment.Topology.Shape
	return t.Layout.Regions == nil && (shape == blocks.Grid || shape == blocks.Ring)
}

// places returns the place of each node, from -1 to 1 in both directions.
func (t *Trace) places(last time.Duration) []chart.Point {
	at := make([]chart.Point, len(t.Arrivals))
	switch {
	case t.isDrawn() && t.Point.Experiment.Topology.Shape == blocks.Ring:
		for v := range at {
			at[v] = polar(1, float64(v)/float64(len(at)))
		}
	case t.isDrawn():
		width := 1 // of the grid: the greatest neighbour of node 0 is below it
		for _, e := range t.Layout.Edges {
			if e[0] == 0 {
				width = max(width, e[1])
			}
		}
		rows := (len(at) + width - 1) / width
		size := float64(max(width, rows, 2) - 1)
		for v := range at {
			at[v] = chart.Point{X: (2*float64(v%width) - float64(width-1)) / size, Y: (float64(rows-1) - 2*float64(v/width)) / size}
		}
	default:
		turns := t.turns()
		for v, d := range t.Arrivals {
			radius := 1.06 // never, or later than the scale
			if d >= 0 && d <= last {
				radius = float64(d) / float64(max(last, 1))
			}
			at[v] = polar(radius, turns[v])
		}
	}
	return at
}

// polar returns a point at a distance from the middle, and an angle in turns from the top
// clockwise.
func polar(radius, turn float64) chart.Point {
	sin, cos := math.Sincos(2 * math.Pi * turn)
	return chart.Point{X: radius * sin, Y: radius * cos}
}

// turns returns the angle of each node. Nodes of a region are in the same sector, and in
// it by number, which says nothing about a node. Without regions there is one sector.
func (t *Trace) turns() []float64 {
	turns := make([]float64, len(t.Arrivals))
	if t.regions() == 0 {
		for v := range turns {
			turns[v] = (float64(v) + 0.5) / float64(len(turns))
		}
		return turns
	}
	borders := t.borders()
	done := make([]int, t.regions()) // nodes
	for v, region := range t.Layout.Regions {
		width := borders[region+1] - borders[region]
		turns[v] = borders[region] + width*(float64(done[region])+0.5)/float64(t.nodesIn(region))
		done[region]++
	}
	return turns
}

// borders returns the angles at which the sectors of the regions begin, and where the last
// one ends. The width of a sector is in proportion to the root of its nodes, so that a
// region of few nodes has room for its name.
func (t *Trace) borders() []float64 {
	at := []float64{0}
	sum := 0.0
	for region := range t.regions() {
		sum += math.Sqrt(float64(t.nodesIn(region)))
		at = append(at, sum)
	}
	for i := range at {
		at[i] /= sum
	}
	return at
}

// addRings adds circles at the times at which shares of the nodes had the block, and the
// borders and names of the sectors.
func (t *Trace) addRings(c *chart.Chart, all []time.Duration, last time.Duration) {
	for i, share := range []float64{0.5, 0.9} {
		d := shareOf(all, share)
		radius := float64(d) / float64(max(last, 1))
		var circle []chart.Point
		for i := range 121 {
			circle = append(circle, polar(radius, float64(i)/120))
		}
		line := chart.Line{Points: circle, Color: chart.Gray, Width: 0.9, Dashed: true}
		if i == 0 {
			line.Name = fmt.Sprintf("50 %% and 90 %% of the nodes: %s, %s", duration(d), duration(shareOf(all, 0.9)))
		}
		c.Lines = append(c.Lines, line)
	}
	if t.regions() < 2 || t.regions() > 12 {
		return
	}
	borders := t.borders()
	for region := range t.regions() {
		from, to := borders[region], borders[region+1]
		if from < to {
			c.Lines = append(c.Lines, chart.Line{Points: []chart.Point{polar(0.08, from), polar(1.05, from)}, Color: chart.Gray, Width: 0.6})
			c.Labels = append(c.Labels, chart.Label{Point: polar(1.15, (from+to)/2), Text: t.regionName(region), Place: chart.Center})
		}
	}
}

// dotClasses returns a set of dots for each class of arrivals: equal parts of the time up
// to last, later ones, and never.
func dotClasses(last time.Duration, size float64) []chart.Marks {
	var classes []chart.Marks
	for i := range chart.RampSteps {
		from, to := last/chart.RampSteps*time.Duration(i), last/chart.RampSteps*time.Duration(i+1)
		classes = append(classes, chart.Marks{Name: duration(from) + " to " + duration(to), Color: chart.Ramp + chart.Color(i), Size: size})
	}
	return append(classes,
		chart.Marks{Name: "later", Color: chart.Gray, Shape: chart.Triangle, Size: 1.2 * size},
		chart.Marks{Name: "never its tip", Color: chart.Gray, Shape: chart.Ring, Size: 1.2 * size})
}

// classOf returns the index of the class of an arrival in dotClasses.
func classOf(d, last time.Duration) int {
	switch {
	case d < 0:
		return chart.RampSteps + 1
	case d > last:
		return chart.RampSteps
	}
	return min(int(d/(last/chart.RampSteps)), chart.RampSteps-1)
}
