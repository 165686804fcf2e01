package draw

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/lodepow/lode/internal/chart"
)

// Half the size of a box, and the size of the head of an arrow.
const (
	boxWidth  vg.Length = 14
	boxHeight vg.Length = 9
	headSize  vg.Length = 5
)

// boxes draws boxes and the arrows between them. It is a [plot.Plotter] of its own because
// an arrow ends at the side of a box, whose size does not depend on the axes.
type boxes struct {
	boxes  []chart.Box
	arrows []chart.Arrow
}

// Plot implements [plot.Plotter].
func (b boxes) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	at := func(i int) vg.Point { return vg.Point{X: trX(b.boxes[i].X), Y: trY(b.boxes[i].Y)} }
	for _, a := range b.arrows {
		from, to := at(a.From), at(a.To)
		arrow(c, vg.Point{X: from.X - boxWidth, Y: from.Y}, vg.Point{X: to.X + boxWidth, Y: to.Y})
	}
	inside := textStyle(p.X.Label.TextStyle, 9)
	inside.XAlign, inside.YAlign = text.XCenter, text.YCenter
	below := inside
	below.Font.Size = 7.5
	below.YAlign = text.YTop
	for i, box := range b.boxes {
		m := at(i)
		style := draw.LineStyle{Color: colorOf(box.Color), Width: vg.Points(2)}
		if box.Dashed {
			style.Dashes = []vg.Length{vg.Points(3), vg.Points(2)}
		}
		corners := []vg.Point{
			{X: m.X - boxWidth, Y: m.Y - boxHeight}, {X: m.X + boxWidth, Y: m.Y - boxHeight},
			{X: m.X + boxWidth, Y: m.Y + boxHeight}, {X: m.X - boxWidth, Y: m.Y + boxHeight},
		}
		c.FillPolygon(fill(box.Color), corners)
		c.StrokeLines(style, append(corners, corners[0]))
		c.FillText(inside, m, box.Text)
		c.FillText(below, vg.Point{X: m.X, Y: m.Y - boxHeight - vg.Points(2)}, box.Below)
	}
}

// arrow draws an arrow with a filled head.
func arrow(c draw.Canvas, from, to vg.Point) {
	ink := colorOf(chart.Ink)
	direction := from.Sub(to)
	length := vg.Length(math.Hypot(float64(direction.X), float64(direction.Y)))
	if length == 0 {
		return
	}
	unit := direction.Scale(1 / length)
	base := to.Add(unit.Scale(headSize))
	side := vg.Point{X: -unit.Y, Y: unit.X}.Scale(headSize / 2.2)
	c.StrokeLine2(draw.LineStyle{Color: ink, Width: vg.Points(1)}, from.X, from.Y, base.X, base.Y)
	c.FillPolygon(ink, []vg.Point{to, base.Add(side), base.Sub(side)})
}

// fill returns a colour for areas: mostly transparent, so that text on it is readable on
// white and on black.
func fill(c chart.Color) color.Color {
	line, ok := colorOf(c).(color.NRGBA)
	if ok {
		line.A = 0x40
	}
	return line
}
