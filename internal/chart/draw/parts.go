package draw

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/lodepow/lode/internal/chart"
)

func points(all []chart.Point) plotter.XYs {
	xys := make(plotter.XYs, len(all))
	for i, p := range all {
		xys[i] = plotter.XY(p)
	}
	return xys
}

// addBand fills the area between the curves of a band.
func addBand(p *plot.Plot, b chart.Band) {
	edge := points(b.Lower)
	for i := len(b.Upper) - 1; i >= 0; i-- {
		edge = append(edge, plotter.XY(b.Upper[i]))
	}
	area, err := plotter.NewPolygon(edge)
	if err != nil {
		return // NewPolygon fails only without points
	}
	area.Color = band()
	area.Width = 0
	p.Add(area)
	addEntry(p, b.Name, area)
}

// addBars adds the bars of a histogram.
func addBars(p *plot.Plot, b chart.Bars) {
	named := b.Name
	for _, at := range b.At {
		bar, err := plotter.NewPolygon(plotter.XYs{{X: at.From, Y: p.Y.Min}, {X: at.From, Y: at.Height}, {X: at.To, Y: at.Height}, {X: at.To, Y: p.Y.Min}})
		if err != nil {
			continue // NewPolygon fails only for numbers that are not finite
		}
		bar.Color = fill(b.Color)
		bar.LineStyle = draw.LineStyle{Color: colorOf(b.Color), Width: vg.Points(0.6)}
		p.Add(bar)
		addEntry(p, named, bar)
		named = ""
	}
}

// addGrid adds faint lines at the labelled ticks of the axes that have a grid.
func addGrid(p *plot.Plot, c chart.Chart) {
	style := draw.LineStyle{Color: faint(), Width: vg.Points(0.5)}
	if c.X.Grid {
		for _, x := range labelledTicks(p.X) {
			addPath(p, plotter.XYs{{X: x, Y: p.Y.Min}, {X: x, Y: p.Y.Max}}, style, "")
		}
	}
	if c.Y.Grid && len(c.Rows) == 0 {
		for _, y := range labelledTicks(p.Y) {
			addPath(p, plotter.XYs{{X: p.X.Min, Y: y}, {X: p.X.Max, Y: y}}, style, "")
		}
	}
}

func labelledTicks(a plot.Axis) []float64 {
	var all []float64
	for _, t := range a.Tick.Marker.Ticks(a.Min, a.Max) {
		if t.Label != "" && t.Value >= a.Min && t.Value <= a.Max {
			all = append(all, t.Value)
		}
	}
	return all
}

func addLine(p *plot.Plot, l chart.Line) {
	style := draw.LineStyle{Color: colorOf(l.Color), Width: vg.Points(l.Width)}
	if l.Dashed {
		style.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
	}
	addPath(p, points(l.Points), style, l.Name)
}

func addPath(p *plot.Plot, xys plotter.XYs, style draw.LineStyle, name string) {
	l, err := plotter.NewLine(xys)
	if err != nil {
		return // NewLine fails only without points
	}
	l.LineStyle = style
	p.Add(l)
	addEntry(p, name, l)
}

// addMarks adds marks and their intervals, which it cuts off at the edges of the
// axis.
func addMarks(p *plot.Plot, m chart.Marks) {
	ink := colorOf(m.Color)
	centers := make(plotter.XYs, len(m.At))
	for i, at := range m.At {
		ends := plotter.XYs{{X: at.X, Y: clamp(at.Lo, p.Y)}, {X: at.X, Y: clamp(at.Hi, p.Y)}}
		if m.Across {
			ends = plotter.XYs{{X: clamp(at.Lo, p.X), Y: at.Y}, {X: clamp(at.Hi, p.X), Y: at.Y}}
		}
		addPath(p, ends, draw.LineStyle{Color: ink, Width: vg.Points(1.6)}, "")
		centers[i] = plotter.XY(at.Point)
	}
	s, err := plotter.NewScatter(centers)
	if err != nil {
		return // NewScatter fails only without points
	}
	s.GlyphStyle = glyph(ink, m.Shape)
	s.Radius *= times(m.Size)
	p.Add(s)
	addEntry(p, m.Name, s)
}

func glyph(c color.Color, s chart.Shape) draw.GlyphStyle {
	shapes := [...]draw.GlyphDrawer{chart.Circle: draw.CircleGlyph{}, chart.Triangle: draw.PyramidGlyph{}, chart.Square: draw.BoxGlyph{},
		chart.Ring: draw.RingGlyph{}}
	return draw.GlyphStyle{Color: c, Radius: vg.Points(3.2), Shape: shapes[s]}
}

func clamp(x float64, a plot.Axis) float64 { return min(max(x, a.Min), a.Max) }

// addLabels adds text beside points.
func addLabels(p *plot.Plot, all []chart.Label) {
	for _, place := range []chart.Place{chart.Right, chart.Above, chart.Below, chart.Center, chart.Top} {
		var labels plotter.XYLabels
		for _, l := range all {
			if l.Place == place {
				labels.XYs = append(labels.XYs, plotter.XY(l.Point))
				labels.Labels = append(labels.Labels, l.Text)
			}
		}
		l, err := plotter.NewLabels(labels)
		if err != nil {
			continue // NewLabels fails only without points
		}
		for i := range l.TextStyle {
			l.TextStyle[i] = textStyle(l.TextStyle[i], 9)
			setPlace(l, &l.TextStyle[i], place)
		}
		p.Add(l)
	}
}

// setPlace aligns the text of labels. The offsets are such that the text does not touch
// the marks.
func setPlace(l *plotter.Labels, s *text.Style, place chart.Place) {
	switch place {
	case chart.Right:
		s.YAlign = text.YCenter
		l.Offset = vg.Point{X: vg.Points(6), Y: vg.Points(1.5)}
	case chart.Above:
		s.XAlign = text.XRight
		l.Offset = vg.Point{X: vg.Points(2), Y: vg.Points(4.5)}
	case chart.Below:
		s.YAlign = text.YTop
		l.Offset = vg.Point{X: vg.Points(4), Y: vg.Points(-2)}
	case chart.Center:
		s.XAlign, s.YAlign = text.XCenter, text.YCenter
	case chart.Top:
		s.XAlign = text.XCenter
		l.Offset = vg.Point{Y: vg.Points(2)}
	}
}
