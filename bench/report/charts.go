package report

import (
	"fmt"
	"math"

	"github.com/lodepow/lode/bench/stats"
	"github.com/lodepow/lode/internal/chart"
)

// ratesChart shows the rate of each kernel on one core and the bound of its rate. The
// measured rate is printed at its mark, and the bound at the line that stands for it.
func ratesChart(all []kernelRate) chart.Chart {
	c := chart.Chart{
		Name: "rates", Title: "Hash rate by kernel, one core",
		Alt:      fmt.Sprintf("Dot plot: the fastest kernel, %s, reaches %s on one core; %s is the plain loop.", all[0].name, quantity(all[0].median.Center, hps), baseline),
		Headroom: 2,
	}
	for _, k := range all {
		c.Rows = append(c.Rows, k.name)
	}
	lo, hi := math.Inf(1), 0.0
	rates := chart.Marks{Name: "median, 95 % interval", Color: chart.Blue, Across: true}
	for i, k := range all {
		lo = min(lo, k.median.Center)
		hi = max(hi, k.median.Center, k.bound)
		from, to := k.median.Lo, k.median.Hi
		if k.err != nil {
			from, to = k.median.Center, k.median.Center
		}
		y := c.RowY(i)
		rates.At = append(rates.At, chart.Mark{Point: chart.Point{X: k.median.Center, Y: y}, Lo: from, Hi: to})
		c.Labels = append(c.Labels, chart.Label{Point: chart.Point{X: k.median.Center, Y: y}, Text: quantity(k.median.Center, hps), Place: chart.Above})
		if k.bound > 0 {
			c.Labels = append(c.Labels, chart.Label{Point: chart.Point{X: max(k.bound, to), Y: y}, Text: "bound " + quantity(k.bound, hps)})
			line := chart.Line{Points: []chart.Point{{X: k.bound, Y: y - 0.4}, {X: k.bound, Y: y + 0.4}}, Color: chart.Vermillion, Width: 2, Dashed: true}
			if len(c.Lines) == 0 {
				line.Name = "bound of the core's units, not measured"
			}
			c.Lines = append(c.Lines, line)
		}
	}
	c.X = chart.Axis{Label: "hash rate of one core (H/s, logarithmic)", Min: lo / 4, Max: hi * 1.6, Log: true, Unit: hps, Grid: true}
	c.Marks = []chart.Marks{rates}
	return c
}

// zerosAxis returns a horizontal axis with a tick at the difficulty of each point.
func zerosAxis(points []sweepPoint) chart.Axis {
	axis := chart.Axis{
		Label: "difficulty (leading zero bits)",
		Min:   float64(points[0].Zeros) - 0.5, Max: float64(points[len(points)-1].Zeros) + 0.5,
	}
	for _, s := range points {
		axis.Ticks = append(axis.Ticks, float64(s.Zeros))
	}
	return axis
}

// levelChart shows, for each difficulty, the mean number of tries divided by its
// expected value.
func levelChart(points []sweepPoint) chart.Chart {
	means := chart.Marks{Name: "mean, exact 95 % interval", Color: chart.Blue}
	spread := 1.2
	for _, s := range points {
		mean := stats.Zeros(s.Zeros).Mean()
		means.At = append(means.At, chart.Mark{
			Point: chart.Point{X: float64(s.Zeros), Y: float64(s.Total) / float64(s.N) / mean},
			Lo:    s.mean.Lo / mean, Hi: s.mean.Hi / mean,
		})
		spread = max(spread, s.mean.Hi/mean, mean/s.mean.Lo)
	}
	spread = min(spread*1.05, 20)
	ticks := []float64{0.05, 0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4, 2, 5, 10, 20}
	switch {
	case spread > 3:
		ticks = []float64{0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20}
	case spread > 1.6:
		ticks = []float64{0.4, 0.5, 0.7, 1, 1.4, 2, 2.5}
	}
	x := zerosAxis(points)
	return chart.Chart{
		Name: "level", Title: "Tries over 2^zeros",
		Alt:   "The mean number of tries at each difficulty, divided by 2^zeros, with an exact 95 % interval; the law is the line at 1.",
		X:     x,
		Y:     chart.Axis{Label: "tries/op over 2^zeros (logarithmic)", Min: 1 / spread, Max: spread, Log: true, Ticks: ticks, Grid: true},
		Lines: []chart.Line{{Name: "the law", Points: []chart.Point{{X: x.Min, Y: 1}, {X: x.Max, Y: 1}}, Width: 1.2}},
		Marks: []chart.Marks{means},
	}
}

// lawChart compares the cumulative distribution of the tries with the law.
func lawChart(shape []stats.Class) chart.Chart {
	c := chart.Chart{
		Name: "law", Title: "Tries against the geometric law",
		Alt:         "The cumulative share of searches by number of tries, against the law's curve 1 - exp(-x).",
		X:           chart.Axis{Label: "tries (in units of 2^zeros)", Min: 0, Max: 3.4, Ticks: []float64{0, 0.5, 1, 1.5, 2, 2.5, 3}, Grid: true},
		Y:           chart.Axis{Label: "searches with at most x tries (%)", Min: 0, Max: 100, Ticks: []float64{0, 20, 40, 60, 80, 100}, Grid: true},
		LegendBelow: true,
	}
	law := chart.Line{Name: "the law", Color: chart.Vermillion, Width: 1.4}
	for x := 0.0; x <= c.X.Max; x += 0.02 {
		law.Points = append(law.Points, chart.Point{X: x, Y: -100 * math.Expm1(-x)})
	}
	n := 0
	for _, class := range shape {
		n += class.Seen
	}
	seen := chart.Marks{Name: fmt.Sprintf("%d searches, 95 %% intervals", n), Color: chart.Blue}
	below, expected := 0, 0.0
	for _, class := range shape[:len(shape)-1] {
		below += class.Seen
		expected += class.Expected
		share := stats.Share(below, n, confidence)
		seen.At = append(seen.At, chart.Mark{
			Point: chart.Point{X: -math.Log1p(-expected / float64(n)), Y: 100 * float64(below) / float64(n)},
			Lo:    100 * share.Lo, Hi: 100 * share.Hi,
		})
	}
	c.Lines, c.Marks = []chart.Line{law}, []chart.Marks{seen}
	return c
}

// scalingChart shows the speedup over one worker by the number of workers.
func scalingChart(all []*Series) chart.Chart {
	speedups := chart.Marks{Name: "median, 95 % interval", Color: chart.Blue}
	var most, top float64
	var at []float64
	var labels []chart.Label
	for _, s := range all {
		workers := workersOf(s)
		r, err := stats.Median(s.Values["speedup"], confidence)
		if err != nil {
			r.Lo, r.Hi = r.Center, r.Center
		}
		speedups.At = append(speedups.At, chart.Mark{Point: chart.Point{X: workers, Y: r.Center}, Lo: r.Lo, Hi: r.Hi})
		most = max(most, workers)
		top = max(top, workers, r.Hi)
		at = append(at, workers)
		labels = append(labels, chart.Label{Point: chart.Point{X: workers, Y: r.Center}, Text: factor(r.Center) + " ×", Place: chart.Below})
	}
	return chart.Chart{
		Name: "scaling", Title: "Speedup by workers",
		Alt:   "Speedup over one worker by the number of workers, beside the line of perfect scaling.",
		X:     chart.Axis{Label: "workers", Min: 0, Max: most * 1.25, Ticks: at},
		Y:     chart.Axis{Label: "times the rate of one worker", Min: 0, Max: min(top, 2*most) * 1.3, Grid: true},
		Lines: []chart.Line{{Name: "perfect", Points: []chart.Point{{}, {X: most * 1.25, Y: most * 1.25}}, Color: chart.Gray, Width: 1.2, Dashed: true}},
		Marks: []chart.Marks{speedups}, Labels: labels,
	}
}

// changeChart shows the ratio of after to before for each benchmark.
func changeChart(all []change) chart.Chart {
	c := chart.Chart{
		Name: "change", Title: "After over before",
		Alt:      "For each benchmark, the value after divided by the value before, with a 95 % interval; significant differences are marked.",
		Headroom: 3,
	}
	spread := 1.1
	for _, change := range all {
		c.Rows = append(c.Rows, change.name)
		if change.err == nil {
			spread = max(spread, change.ratio.Hi, 1/change.ratio.Lo)
		} else {
			spread = max(spread, change.ratio.Center, 1/change.ratio.Center)
		}
	}
	spread = min(spread*1.05, 50)
	c.X = chart.Axis{
		Label: "after over before (logarithmic)", Min: 1 / spread, Max: spread, Log: true, Grid: true,
		Ticks: []float64{0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.4, 2, 5, 10, 20, 50},
	}
	if spread > 3 {
		c.X.Ticks = []float64{0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50}
	}
	c.Lines = []chart.Line{{Points: []chart.Point{{X: 1, Y: -0.7}, {X: 1, Y: float64(len(all)) - 0.3}}, Width: 1.2}}
	better := chart.Marks{Name: "better", Color: chart.Blue, Shape: chart.Triangle, Across: true}
	worse := chart.Marks{Name: "worse", Color: chart.Vermillion, Shape: chart.Square, Across: true}
	same := chart.Marks{Name: "no difference shown", Color: chart.Gray, Across: true}
	for i, change := range all {
		kind := &same
		if change.differs && change.better {
			kind = &better
		} else if change.differs {
			kind = &worse
		}
		kind.At = append(kind.At, chart.Mark{
			Point: chart.Point{X: min(max(change.ratio.Center, c.X.Min), c.X.Max), Y: c.RowY(i)},
			Lo:    change.ratio.Lo, Hi: change.ratio.Hi,
		})
	}
	c.Marks = []chart.Marks{better, worse, same}
	return c
}
