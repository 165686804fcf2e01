package report

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/lodepow/lode/bench/stats"
)

// addRows labels the vertical axis with names, the first at the top, and returns the
// function from the index of a name to its y coordinate.
func addRows(p *plot.Plot, names []string) (y func(i int) float64) {
	n := len(names)
	var ticks plot.ConstantTicks
	for i, name := range names {
		ticks = append(ticks, plot.Tick{Value: float64(n - 1 - i), Label: name})
	}
	p.Y.Tick.Marker = ticks
	p.Y.Tick.Length = 0
	p.Y.Min, p.Y.Max = -0.7, float64(n)-0.3
	return func(i int) float64 { return float64(n - 1 - i) }
}

// ratesPlot shows the rate of each kernel on one core and the bound of its rate.
func ratesPlot(all []kernelRate) Plot {
	return Plot{
		Name: "rates", Title: "Hash rate by kernel, one core",
		Alt:  fmt.Sprintf("Dot plot: the fastest kernel, %s, reaches %s on one core; %s is the plain loop.", all[0].name, quantity(all[0].median.Center, hps), baseline),
		rows: len(all) + 2,
		fill: func(p *plot.Plot) {
			names := make([]string, len(all))
			lo, hi := math.Inf(1), 0.0
			for i, k := range all {
				names[i] = k.name
				lo = min(lo, k.median.Center)
				hi = max(hi, k.median.Center, k.bound)
			}
			y := addRows(p, names)
			p.Y.Max += 2 // leaves room for the legend
			p.X.Label.Text = "hash rate of one core (H/s, logarithmic)"
			p.X.Scale = plot.LogScale{}
			p.X.Min, p.X.Max = lo/1.6, hi*3
			p.X.Tick.Marker = decades("H/s")
			addGrid(p, true, false)
			m := marks{along: 'x', color: blue(), shape: draw.CircleGlyph{}, name: "median, 95 % interval"}
			var labels []string
			var bounds plotter.XYs
			for i, k := range all {
				m.xys = append(m.xys, plotter.XY{X: k.median.Center, Y: y(i)})
				from, to := k.median.Lo, k.median.Hi
				if k.err != nil {
					from, to = k.median.Center, k.median.Center
				}
				m.lo, m.hi = append(m.lo, from), append(m.hi, to)
				labels = append(labels, quantity(k.median.Center, hps))
				if k.bound > 0 {
					bounds = append(bounds, plotter.XY{X: k.bound, Y: y(i)})
				}
			}
			for i, b := range bounds {
				name := ""
				if i == 0 {
					name = "bound of the core's units"
				}
				addLine(p, plotter.XYs{{X: b.X, Y: b.Y - 0.4}, {X: b.X, Y: b.Y + 0.4}},
					draw.LineStyle{Color: vermillion(), Width: vg.Points(2), Dashes: dashes()}, name)
			}
			addMarks(p, m)
			at := make(plotter.XYs, len(all)) // to the right of the mark, its interval and the bound
			for i, k := range all {
				at[i] = plotter.XY{X: max(k.median.Center, k.bound, hiOf(k)), Y: y(i)}
			}
			addLabels(p, at, labels)
			p.Legend.Left, p.Legend.Top = true, true
			p.Legend.XOffs = vg.Points(8)
		},
	}
}

// hiOf returns the upper end of the interval, or 0 if there is none.
func hiOf(k kernelRate) float64 {
	if k.err != nil {
		return 0
	}
	return k.median.Hi
}

// timePlot shows the mean time to a block at each difficulty, the theory, and the
// band into which 95 % of single blocks fall.
func timePlot(points []sweepPoint, rate float64) Plot {
	return Plot{
		Name: "time", Title: "Time to block",
		Alt: fmt.Sprintf("The mean time to a block from %d to %d zeros lies on the line 2^zeros over %s; single blocks scatter over three decades.",
			points[0].Zeros, points[len(points)-1].Zeros, quantity(rate, hps)),
		fill: func(p *plot.Plot) {
			first, last := float64(points[0].Zeros), float64(points[len(points)-1].Zeros)
			p.X.Label.Text = "difficulty (leading zero bits)"
			p.Y.Label.Text = "time to block (s, logarithmic)"
			p.X.Min, p.X.Max = first-0.5, last+0.5
			p.Y.Scale = plot.LogScale{}
			p.Y.Tick.Marker = decades("s")
			p.X.Tick.Marker = everyZeros(points)

			var theory, lower, upper plotter.XYs
			for z := p.X.Min; z <= p.X.Max+1e-9; z += 0.25 {
				law := stats.Geometric{P: math.Exp2(-z)}
				theory = append(theory, plotter.XY{X: z, Y: law.Mean() / rate})
				lower = append(lower, plotter.XY{X: z, Y: law.Mean() * -math.Log1p(-0.025) / rate})
				upper = append(upper, plotter.XY{X: z, Y: law.Mean() * -math.Log(0.025) / rate})
			}
			p.Y.Min, p.Y.Max = lower[0].Y, upper[len(upper)-1].Y
			m := marks{along: 'y', color: blue(), shape: draw.CircleGlyph{}, name: "mean, exact 95 % interval"}
			for _, s := range points {
				perTry := s.seconds / float64(s.Total)
				m.xys = append(m.xys, plotter.XY{X: float64(s.Zeros), Y: s.seconds / float64(s.N)})
				m.lo, m.hi = append(m.lo, perTry*s.mean.Lo), append(m.hi, perTry*s.mean.Hi)
				p.Y.Max = max(p.Y.Max, perTry*s.mean.Hi)
			}
			edge := append(plotter.XYs{}, lower...)
			for i := len(upper) - 1; i >= 0; i-- {
				edge = append(edge, upper[i])
			}
			if area, err := plotter.NewPolygon(edge); err == nil {
				area.Color = band()
				area.Width = 0
				p.Add(area)
				p.Legend.Add("95 % of single blocks", area)
			}
			addGrid(p, false, true)
			addLine(p, theory, draw.LineStyle{Color: ink(), Width: vg.Points(1.2)}, "2^zeros over "+quantity(rate, hps))
			addMarks(p, m)
			p.Legend.Left, p.Legend.Top = true, true
			p.Legend.XOffs = vg.Points(8)
		},
	}
}

func everyZeros(points []sweepPoint) plot.Ticker {
	var at []float64
	for _, s := range points {
		at = append(at, float64(s.Zeros))
	}
	return ticksAt("%.0f", at...)
}

// levelPlot shows, for each difficulty, the mean number of tries divided by its
// expected value.
func levelPlot(points []sweepPoint) Plot {
	return Plot{
		Name: "level", Title: "Tries over 2^zeros",
		Alt: "The mean number of tries at each difficulty, divided by 2^zeros, with an exact 95 % interval; the law is the line at 1.",
		fill: func(p *plot.Plot) {
			p.X.Label.Text = "difficulty (leading zero bits)"
			p.Y.Label.Text = "tries/op over 2^zeros (logarithmic)"
			p.X.Min, p.X.Max = float64(points[0].Zeros)-0.5, float64(points[len(points)-1].Zeros)+0.5
			p.X.Tick.Marker = everyZeros(points)
			p.Y.Scale = plot.LogScale{}
			m := marks{along: 'y', color: blue(), shape: draw.CircleGlyph{}, name: "mean, exact 95 % interval"}
			spread := 1.2
			for _, s := range points {
				mean := stats.Zeros(s.Zeros).Mean()
				m.xys = append(m.xys, plotter.XY{X: float64(s.Zeros), Y: float64(s.Total) / float64(s.N) / mean})
				m.lo, m.hi = append(m.lo, s.mean.Lo/mean), append(m.hi, s.mean.Hi/mean)
				spread = max(spread, s.mean.Hi/mean, mean/s.mean.Lo)
			}
			spread = min(spread*1.05, 20)
			p.Y.Min, p.Y.Max = 1/spread, spread
			p.Y.Tick.Marker = ticksAt("%g", 0.05, 0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4, 2, 5, 10, 20)
			switch {
			case spread > 3:
				p.Y.Tick.Marker = ticksAt("%g", 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
			case spread > 1.6:
				p.Y.Tick.Marker = ticksAt("%g", 0.4, 0.5, 0.7, 1, 1.4, 2, 2.5)
			}
			addGrid(p, false, true)
			addLine(p, plotter.XYs{{X: p.X.Min, Y: 1}, {X: p.X.Max, Y: 1}},
				draw.LineStyle{Color: ink(), Width: vg.Points(1.2)}, "the law")
			addMarks(p, m)
			p.Legend.Left, p.Legend.Top = true, true
			p.Legend.XOffs = vg.Points(8)
		},
	}
}

// lawPlot compares the cumulative distribution of the tries with the law.
func lawPlot(shape []stats.Class) Plot {
	return Plot{
		Name: "law", Title: "Tries against the geometric law",
		Alt: "The cumulative share of searches by number of tries, against the law's curve 1 - exp(-x).",
		fill: func(p *plot.Plot) {
			p.X.Label.Text = "tries (in units of 2^zeros)"
			p.Y.Label.Text = "searches with at most x tries (%)"
			p.X.Min, p.X.Max = 0, 3.4
			p.Y.Min, p.Y.Max = 0, 100
			p.X.Tick.Marker = ticksAt("%g", 0, 0.5, 1, 1.5, 2, 2.5, 3)
			p.Y.Tick.Marker = ticksAt("%g", 0, 20, 40, 60, 80, 100)
			addGrid(p, true, true)
			var law plotter.XYs
			for x := 0.0; x <= p.X.Max; x += 0.02 {
				law = append(law, plotter.XY{X: x, Y: -100 * math.Expm1(-x)})
			}
			addLine(p, law, draw.LineStyle{Color: vermillion(), Width: vg.Points(1.4)}, "the law")
			n := 0
			for _, c := range shape {
				n += c.Seen
			}
			m := marks{along: 'y', color: blue(), shape: draw.CircleGlyph{}, name: fmt.Sprintf("%d searches, 95 %% intervals", n)}
			below, expected := 0, 0.0
			for _, c := range shape[:len(shape)-1] {
				below += c.Seen
				expected += c.Expected
				share := stats.Share(below, n, confidence)
				m.xys = append(m.xys, plotter.XY{X: -math.Log1p(-expected / float64(n)), Y: 100 * float64(below) / float64(n)})
				m.lo, m.hi = append(m.lo, 100*share.Lo), append(m.hi, 100*share.Hi)
			}
			addMarks(p, m)
			p.Legend.Top = false
			p.Legend.YOffs = vg.Points(10)
			p.Legend.XOffs = vg.Points(-10)
		},
	}
}

// scalingPlot shows the speedup over one worker by the number of workers.
func scalingPlot(all []*Series) Plot {
	return Plot{
		Name: "scaling", Title: "Speedup by workers",
		Alt: "Speedup over one worker by the number of workers, beside the line of perfect scaling.",
		fill: func(p *plot.Plot) {
			p.X.Label.Text = "workers"
			p.Y.Label.Text = "times the rate of one worker"
			m := marks{along: 'y', color: blue(), shape: draw.CircleGlyph{}, name: "median, 95 % interval"}
			var most, top float64
			var at []float64
			for _, s := range all {
				workers := workersOf(s)
				r, err := stats.Median(s.Values["speedup"], confidence)
				if err != nil {
					r.Lo, r.Hi = r.Center, r.Center
				}
				m.xys = append(m.xys, plotter.XY{X: workers, Y: r.Center})
				m.lo, m.hi = append(m.lo, r.Lo), append(m.hi, r.Hi)
				most = max(most, workers)
				top = max(top, workers, r.Hi)
				at = append(at, workers)
			}
			p.X.Min, p.X.Max = 0, most*1.25
			p.Y.Min, p.Y.Max = 0, min(top, 2*most)*1.3
			p.X.Tick.Marker = ticksAt("%g", at...)
			addGrid(p, false, true)
			addLine(p, plotter.XYs{{X: 0, Y: 0}, {X: most * 1.25, Y: most * 1.25}},
				draw.LineStyle{Color: gray(), Width: vg.Points(1.2), Dashes: dashes()}, "perfect")
			addMarks(p, m)
			p.Legend.Left, p.Legend.Top = true, true
			p.Legend.XOffs = vg.Points(8)
		},
	}
}

// changePlot shows the ratio of after to before for each benchmark.
func changePlot(all []change) Plot {
	return Plot{
		Name: "change", Title: "After over before",
		Alt:  "For each benchmark, the value after divided by the value before, with a 95 % interval; significant differences are marked.",
		rows: len(all) + 3,
		fill: func(p *plot.Plot) {
			var names []string
			spread := 1.1
			for _, c := range all {
				names = append(names, c.name)
				if c.err == nil {
					spread = max(spread, c.ratio.Hi, 1/c.ratio.Lo)
				} else {
					spread = max(spread, c.ratio.Center, 1/c.ratio.Center)
				}
			}
			spread = min(spread*1.05, 50)
			y := addRows(p, names)
			p.Y.Max += 3 // leaves room for the legend
			p.X.Label.Text = "after over before (logarithmic)"
			p.X.Scale = plot.LogScale{}
			p.X.Min, p.X.Max = 1/spread, spread
			p.X.Tick.Marker = ticksAt("%g", 0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.4, 2, 5, 10, 20, 50)
			if spread > 3 {
				p.X.Tick.Marker = ticksAt("%g", 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
			}
			addGrid(p, true, false)
			addLine(p, plotter.XYs{{X: 1, Y: p.Y.Min}, {X: 1, Y: p.Y.Max - 3}}, draw.LineStyle{Color: ink(), Width: vg.Points(1.2)}, "")
			better := marks{along: 'x', color: blue(), shape: draw.PyramidGlyph{}, name: "better"}
			worse := marks{along: 'x', color: vermillion(), shape: draw.BoxGlyph{}, name: "worse"}
			same := marks{along: 'x', color: gray(), shape: draw.CircleGlyph{}, name: "no difference shown"}
			for i, c := range all {
				m := &same
				if c.differs && c.better {
					m = &better
				} else if c.differs {
					m = &worse
				}
				lo, hi := c.ratio.Lo, c.ratio.Hi
				m.xys = append(m.xys, plotter.XY{X: clamp(c.ratio.Center, p.X), Y: y(i)})
				m.lo, m.hi = append(m.lo, lo), append(m.hi, hi)
			}
			for _, m := range []marks{better, worse, same} {
				addMarks(p, m)
			}
			p.Legend.Top, p.Legend.Left = true, true
			p.Legend.XOffs = vg.Points(8)
		},
	}
}
