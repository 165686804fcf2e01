package report

import (
	"fmt"
	"math"
	"time"

	"github.com/lodepow/lode/internal/chart"
)

// maxRegionCurves is the greatest number of regions that get curves of their own.
const maxRegionCurves = 6

// spreadSection shows how one block spread through the network.
func (t *Trace) spreadSection() section {
	all := t.arrived(everyNode)
	s := section{
		ID: "spread", Title: "One block's way through the network",
		Text: []string{fmt.Sprintf("Block %d of this replica, at height %d, was found by node %d. %s made it %s tip: half of them within %s, the last one after %s.",
			t.Block.Number, t.Block.Height, t.Block.Miner, count(len(all), "node", "nodes"), itsOrTheir(len(all)), duration(shareOf(all, 0.5)), duration(all[len(all)-1]))},
	}
	if n := len(t.Arrivals) - len(all); n > 0 {
		s.Text = append(s.Text, fmt.Sprintf("%s never made it %s tip, because another block with as much work came first.", count(n, "node", "nodes"), itsOrTheir(n)))
	}
	s.Text = append(s.Text, "The block is a typical one: at most half of the blocks of the main chain reached 90 % of the nodes faster, and at most half slower.")
	s.Charts = []chart.Chart{t.curveChart(all), t.mapChart(all)}
	if t.regions() > 1 {
		s.Tables = []table{t.regionTable()}
	}
	return s
}

func itsOrTheir(n int) string {
	if n == 1 {
		return "its"
	}
	return "their"
}

// shareOf returns the time by which that share of the sorted times has passed.
func shareOf(sorted []time.Duration, share float64) time.Duration {
	return sorted[max(int(math.Ceil(share*float64(len(sorted))))-1, 0)]
}

// regions returns the number of regions of the network, or 0 if it has none.
func (t *Trace) regions() int {
	if t.Layout.Regions == nil {
		return 0
	}
	return len(t.Point.Experiment.Latency.Regions.Names)
}

func (t *Trace) regionName(region int) string {
	return plain(t.Point.Experiment.Latency.Regions.Names[region])
}

// inRegion returns whether nodes are in a region.
func (t *Trace) inRegion(region int) func(node int) bool {
	return func(node int) bool { return t.Layout.Regions[node] == region }
}

// curveChart shows the share of the nodes that had the block against time.
func (t *Trace) curveChart(all []time.Duration) chart.Chart {
	end := all[len(all)-1]
	per, unit := timeUnit(end)
	c := chart.Chart{
		Name: "spread", Title: "Share of the nodes that had the block",
		Alt: fmt.Sprintf("Distribution of the time until a node had the block: 50 %% after %s, 90 %% after %s, all after %s.",
			duration(shareOf(all, 0.5)), duration(shareOf(all, 0.9)), duration(all[len(all)-1])),
		X:           timeAxis("time since the block was found ("+unit+")", end.Seconds()*per*1.02),
		Y:           chart.Axis{Label: "nodes that had it (%)", Min: 0, Max: 104, Ticks: []float64{0, 20, 40, 60, 80, 100}, Grid: true},
		LegendAbove: t.regions() > 1, LegendBelow: t.regions() <= 1,
	}
	if n := t.regions(); n > 1 && n <= maxRegionCurves {
		for region := range n {
			if list := t.arrived(t.inRegion(region)); len(list) > 0 {
				c.Lines = append(c.Lines, chart.Line{Name: t.regionName(region), Points: steps(list, t.nodesIn(region), per), Color: familyColors[region], Width: 1.4})
			}
		}
	}
	c.Lines = append(c.Lines, chart.Line{Name: "all nodes", Points: steps(all, len(t.Arrivals), per), Color: chart.Ink, Width: 2.4})
	return c
}

func (t *Trace) nodesIn(region int) int {
	n := 0
	for _, r := range t.Layout.Regions {
		if r == region {
			n++
		}
	}
	return n
}

// maxSteps is the number of steps of a curve, which is more than a screen can show.
const maxSteps = 250

// steps returns the curve of an empirical distribution function in per cent: what share of
// nodes had the block at each time, of which a second has the given number of units. It goes in
// at most maxSteps steps.
func steps(sorted []time.Duration, nodes int, per float64) []chart.Point {
	var curve []chart.Point
	below := 0.0
	each := (len(sorted) + maxSteps - 1) / maxSteps
	for end := min(each, len(sorted)); ; end = min(end+each, len(sorted)) {
		x, y := sorted[end-1].Seconds()*per, 100*float64(end)/float64(nodes)
		curve = append(curve, chart.Point{X: x, Y: below}, chart.Point{X: x, Y: y})
		below = y
		if end == len(sorted) {
			return curve
		}
	}
}

// regionTable compares the regions.
func (t *Trace) regionTable() table {
	out := table{Title: "The block's way by region", Keys: 1, Head: []string{"region", "nodes", "first node", "50 %", "90 %", "last node"}}
	for region := range t.regions() {
		row := []string{t.regionName(region), fmt.Sprint(t.nodesIn(region)), missing, missing, missing, missing}
		if list := t.arrived(t.inRegion(region)); len(list) > 0 {
			for i, d := range []time.Duration{list[0], shareOf(list, 0.5), shareOf(list, 0.9), list[len(list)-1]} {
				row[2+i] = duration(d)
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// timeUnit returns a fitting unit for an axis that ends at d, and how many of it are a
// second.
func timeUnit(d time.Duration) (per float64, unit string) {
	switch s := d.Seconds(); {
	case s < 1e-4:
		return 1e6, "µs"
	case s < 0.1:
		return 1e3, "ms"
	case s > 1200:
		return 1.0 / 60, "min"
	}
	return 1, "s"
}

// timeAxis returns a horizontal axis from 0 to a time.
func timeAxis(label string, last float64) chart.Axis {
	if last <= 0 {
		last = 1
	}
	return chart.Axis{Label: label, Min: 0, Max: last, Ticks: ticks(0, last), Grid: true}
}
