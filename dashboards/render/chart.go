package main

import (
	"image/color"
	"math"

	"github.com/grafana/grafana-foundation-sdk/go/units"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/lodepow/lode/dashboards"
)

// newPlot returns an empty plot of the given width with the axes that all charts have in
// common.
func newPlot(w window, width vg.Length) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Width = 0
		axis.Tick.Color = hairline
		axis.Tick.Length = 3
		axis.Tick.Label = textStyle(8, false, faint)
		axis.Padding = 0
	}
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	p.X.Min, p.X.Max = w.at(0), w.at(w.len()-1)
	p.X.Tick.Marker = clock{w, width}
	return p
}

// drawChart draws the series of a panel as lines or, for a Stack, as stacked areas.
func drawChart(box draw.Canvas, panel dashboards.Panel, all []series, events []event, w window) {
	box = drawLegend(box, all)
	if panel.Kind == dashboards.Stack {
		all = stacked(all)
	}
	low, high := extent(all, panel.Log)
	if math.IsInf(low, 0) {
		return
	}
	p := newPlot(w, box.Max.X-box.Min.X)
	if panel.Log {
		p.Y.Scale = plot.LogScale{}
		low, high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)*1.0001))
	} else {
		if panel.Kind == dashboards.Stack || low > 0 && low < high/2 {
			low = 0
		}
		if high == low {
			high, low = high+1, 0
		}
		high += (high - low) * .05
	}
	p.Y.Min, p.Y.Max = low, high
	p.Y.Tick.Marker = scale{panel.Unit, panel.Log}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = hairline, hairline
	grid.Vertical.Width, grid.Horizontal.Width = .4, .4
	p.Add(grid, curves{panel: panel, all: all, events: events, w: w})
	p.Draw(box)
}

// drawLegend writes the names of the series at the bottom of the box, in at most three
// rows, and returns the rest of the box.
func drawLegend(box draw.Canvas, all []series) draw.Canvas {
	style := textStyle(8, false, ink)
	const line, mark = 11, 8
	x, y := box.Min.X, box.Min.Y+line-2
	type entry struct {
		at   vg.Point
		i    int
		name string
	}
	var entries []entry
	rows := vg.Length(1)
	for i, s := range all {
		if s.name == "" {
			continue
		}
		name := fit(style, s.name, box.Max.X-box.Min.X-mark-1)
		width := style.Width(name) + mark + 12
		if x+width > box.Max.X && x > box.Min.X {
			if rows == 3 {
				break // there is no room for the other names
			}
			x, rows = box.Min.X, rows+1
		}
		entries = append(entries, entry{vg.Point{X: x, Y: y - (rows-1)*line}, i, name})
		x += width
	}
	if len(entries) == 0 {
		return box
	}
	up := (rows - 1) * line
	for _, e := range entries {
		e.at.Y += up
		box.FillPolygon(palette(e.i), []vg.Point{
			{X: e.at.X, Y: e.at.Y - 7}, {X: e.at.X + 6, Y: e.at.Y - 7}, {X: e.at.X + 6, Y: e.at.Y - 1}, {X: e.at.X, Y: e.at.Y - 1},
		})
		box.FillText(style, vg.Point{X: e.at.X + mark + 1, Y: e.at.Y}, e.name)
	}
	return draw.Crop(box, 0, 0, rows*line+3, 0)
}

// stacked adds to each series the sum of those before it. A gap counts as 0.
func stacked(all []series) []series {
	sums := make([]float64, len(all[0].values))
	tops := make([]series, len(all))
	for i, s := range all {
		tops[i] = series{name: s.name, values: make([]float64, len(sums))}
		for j, v := range s.values {
			if !math.IsNaN(v) {
				sums[j] += v
			}
			tops[i].values[j] = sums[j]
		}
	}
	return tops
}

// extent returns the least and the greatest finite value of the series, of positive
// values only if positive is set. It returns +Inf and -Inf if there are none.
func extent(all []series, positive bool) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range all {
		for _, v := range s.values {
			if !math.IsNaN(v) && !math.IsInf(v, 0) && (v > 0 || !positive) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	return low, high
}

// curves draws the series, and those steps of the panel that are within the axis.
type curves struct {
	panel  dashboards.Panel
	all    []series
	events []event
	w      window
}

// Plot implements [plot.Plotter].
func (d curves) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	floor := c.Min.Y
	point := func(i int, v float64) vg.Point {
		if d.panel.Log && v < p.Y.Min {
			v = p.Y.Min // a logarithmic axis cannot show 0
		}
		return vg.Point{X: toX(d.w.at(i)), Y: toY(v)}
	}
	for _, s := range d.panel.Steps[min(1, len(d.panel.Steps)):] {
		if s.From > p.Y.Min && s.From < p.Y.Max {
			c.StrokeLine2(draw.LineStyle{Color: colorByName(s.Color), Width: .75, Dashes: []vg.Length{4, 3}}, c.Min.X, toY(s.From), c.Max.X, toY(s.From))
		}
	}
	for _, e := range d.events {
		c.StrokeLine2(draw.LineStyle{Color: colorByName(e.color), Width: .5}, toX(e.at), c.Min.Y, toX(e.at), c.Max.Y)
	}
	for i := len(d.all) - 1; i >= 0; i-- { // draw the lowest area of a stack last, over the others
		s := d.all[i]
		for _, part := range unbroken(s.values) {
			var line []vg.Point
			for j := part.from; j < part.to; j++ {
				line = append(line, point(j, s.values[j]))
			}
			if len(line) == 1 {
				line = append(line, line[0].Add(vg.Point{X: 1.5}))
			}
			if d.panel.Kind == dashboards.Stack {
				area := append([]vg.Point{{X: line[0].X, Y: floor}}, line...)
				area = append(area, vg.Point{X: line[len(line)-1].X, Y: floor})
				c.FillPolygon(color.White, area)
				tint := palette(i)
				tint.A = 0x66
				c.FillPolygon(tint, area)
			}
			for _, run := range d.runs(i, part, point) {
				style := draw.LineStyle{Color: palette(i), Width: 1.25}
				if run.covers > 0 {
					style.Dashes = []vg.Length{5, 5 * vg.Length(run.covers)}
				}
				c.StrokeLines(style, line[run.from-part.from:max(run.to-part.from, min(2, len(line)))])
			}
		}
	}
}

// overlap is a part of a line that lies on as many other lines all along.
type overlap struct {
	stretch
	covers int // number of lines below
}

// runs divides a part of the i-th line into runs. Where the line lies on others, it is
// drawn in dashes, so that these can be seen. Consecutive runs share a point.
func (d curves) runs(i int, part stretch, point func(int, float64) vg.Point) []overlap {
	if d.panel.Kind != dashboards.Lines || part.to-part.from < 2 {
		return []overlap{{stretch: part}}
	}
	var runs []overlap
	for j := part.from; j < part.to; j++ {
		y, covers := point(j, d.all[i].values[j]).Y, 0
		for _, below := range d.all[i+1:] {
			if v := below.values[j]; !math.IsNaN(v) && math.Abs(float64(point(j, v).Y-y)) < 1 {
				covers++
			}
		}
		if last := len(runs) - 1; last >= 0 && runs[last].covers == covers {
			runs[last].to = j + 1
		} else {
			if last >= 0 {
				runs[last].to = j + 1
			}
			runs = append(runs, overlap{stretch{j, j + 1}, covers})
		}
	}
	if last := len(runs) - 1; last > 0 && runs[last].to-runs[last].from < 2 {
		runs = runs[:last] // its only point is the end of the run before
	}
	return runs
}

// scale computes the ticks of the y axis.
type scale struct {
	unit string
	log  bool
}

// Ticks implements [plot.Ticker].
func (s scale) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	if s.log {
		decades := int(math.Round(math.Log10(high / low)))
		every := max(1, (decades+3)/4)
		for i := 0; i <= decades; i += every {
			v := low * math.Pow10(i)
			ticks = append(ticks, plot.Tick{Value: v, Label: format(v, s.unit)})
		}
		return ticks
	}
	step := niceStep((high - low) / 4)
	if s.unit == units.BytesIEC || s.unit == units.BytesPerSecondIEC {
		step = math.Exp2(math.Ceil(math.Log2((high - low) / 4)))
	}
	for i := math.Ceil(low / step); i*step <= high; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: format(i*step, s.unit)})
	}
	return ticks
}

// niceStep rounds up to 1, 2, 2.5 or 5 times a power of ten.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= v*.999 {
			return m * power
		}
	}
	return 10 * power
}
