package main

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/lodepow/lode/dashboards"
)

// drawStat writes the latest value of each series, or its name, over a sparkline of
// the first series' earlier values.
func drawStat(box draw.Canvas, p dashboards.Panel, all []series) {
	if !p.Text {
		drawSparkline(box, all[0])
	}
	text, c := "", ink
	for i, s := range all {
		if i > 0 {
			text += "\n"
		}
		v, _ := s.last()
		word, named := p.Words[strconv.FormatFloat(v, 'g', -1, 64)]
		switch {
		case p.Text:
			text += s.name
		case named:
			text += word
		default:
			text += format(v, p.Unit)
		}
		if len(p.Steps) > 0 {
			c = colorOf(p.Steps, v)
		}
	}
	style := textStyle(min(25, 36/vg.Length(len(all))), true, c)
	style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
	for style.Width(text) > box.Max.X-box.Min.X && style.Font.Size > 7 {
		style.Font.Size--
	}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, fit(style, line, box.Max.X-box.Min.X))
	}
	box.FillText(style, box.Center(), strings.Join(lines, "\n"))
}

// colorOf returns the colour of a value according to the steps.
func colorOf(steps []dashboards.Step, v float64) color.NRGBA {
	c := colorByName(steps[0].Color)
	for _, s := range steps[1:] {
		if v >= s.From {
			c = colorByName(s.Color)
		}
	}
	return c
}

// drawSparkline fills the area below a series with a faint colour.
func drawSparkline(box draw.Canvas, s series) {
	low, high := 0., 0.
	for _, v := range s.values {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if high == low || len(s.values) < 2 {
		return
	}
	place := func(i int, v float64) vg.Point {
		return vg.Point{
			X: box.Min.X + (box.Max.X-box.Min.X)*vg.Length(i)/vg.Length(len(s.values)-1),
			Y: box.Min.Y + (box.Max.Y-box.Min.Y)*.9*vg.Length((v-low)/(high-low)),
		}
	}
	for _, part := range unbroken(s.values) {
		area := []vg.Point{place(part.from, low)}
		for i := part.from; i < part.to; i++ {
			area = append(area, place(i, s.values[i]))
		}
		box.FillPolygon(color.NRGBA{0xe6, 0xee, 0xf6, 0xff}, append(area, place(part.to-1, low)))
	}
}

// stretch is a range of steps: from (inclusive) up to to (exclusive).
type stretch struct{ from, to int }

// unbroken returns the parts of a series between its gaps.
func unbroken(values []float64) []stretch {
	var parts []stretch
	for i, v := range values {
		switch {
		case math.IsNaN(v):
		case i > 0 && !math.IsNaN(values[i-1]):
			parts[len(parts)-1].to = i + 1
		default:
			parts = append(parts, stretch{i, i + 1})
		}
	}
	return parts
}
