// Package chart describes charts as values: axes, lines, marks with intervals, bands,
// bars, and boxes with arrows. It draws nothing, so a program that only prints tables can build reports
// without a plotting library. Package draw turns a chart into SVG or PNG.
package chart

import "math"

// Chart is a diagram of some results. Its parts are drawn in this order: bands, bars, the
// grid, lines, marks, arrows, boxes, labels.
type Chart struct {
	Name  string // of its files, without extension; unique in a report
	Title string
	Alt   string // describes what the chart shows, for readers who cannot see it

	X, Y Axis

	// Rows turns the vertical axis into a list of names, the first at the top, and
	// makes the chart as high as the list needs. The y coordinate of a name is
	// [Chart.RowY]. Y is then ignored, and there are no horizontal grid lines.
	Rows     []string
	Headroom int // empty rows above the first one, for the legend

	Bands  []Band
	Bars   []Bars
	Lines  []Line
	Marks  []Marks
	Boxes  []Box
	Arrows []Arrow
	Labels []Label

	LegendBelow bool // the legend is at the lower right instead of the upper left
	LegendAbove bool // the legend has rows of its own above the diagram

	Plain         bool    // a picture without axes
	Width, Height float64 // times those of the other charts, without the legend; 0 means 1
}

// RowY returns the y coordinate of the i-th of the Rows, counted from 0.
func (c Chart) RowY(i int) float64 { return float64(len(c.Rows) - 1 - i) }

// Axis is an axis from Min to Max. Without Ticks, a logarithmic axis has ticks at the
// powers of ten, labelled with an SI prefix and Unit, and a linear one has ticks that
// the drawing library chooses.
type Axis struct {
	Label    string
	Min, Max float64
	Log      bool
	Unit     string
	Ticks    []float64 // those outside the axis are left out
	Names    []string  // labels of Ticks, if they are not the numbers
	Grid     bool      // a faint line is drawn at each labelled tick
}

// Point is a point of a chart, in units of its axes.
type Point struct{ X, Y float64 }

// Color is one of the colours of the charts.
type Color uint8

// The colours. Marks and lines of different colours also differ in shape or dashes,
// for readers who cannot tell the colours apart.
const (
	Ink Color = iota // the colour of text
	Blue
	Vermillion
	Gray
	Green
	Purple
	Orange
	Ramp // the first of RampSteps colours from dark to light, for ordered classes
)

// RampSteps is the number of colours from [Ramp] on.
const RampSteps = 6

// Line is a line through points.
type Line struct {
	Name   string // entry in the legend; empty for none
	Points []Point
	Color  Color
	Width  float64 // in typographic points
	Dashed bool
}

// Band is a filled area between a lower and an upper curve.
type Band struct {
	Name         string // entry in the legend; empty for none
	Lower, Upper []Point
}

// Bars is a histogram: a set of bars that stand on the horizontal axis.
type Bars struct {
	Name  string // entry in the legend; empty for none
	At    []Bar
	Color Color
}

// Bar is a bar from one place of the horizontal axis to another.
type Bar struct{ From, To, Height float64 }

// Box is a box with text in it, such as a block of a tree. It has the same size for all
// axes.
type Box struct {
	Point
	Text   string // short
	Below  string // a line of text below the box
	Color  Color
	Dashed bool
}

// Arrow is an arrow from the left side of a box to the right side of another. From and To
// are indices of [Chart.Boxes].
type Arrow struct{ From, To int }

// Shape is the shape of a mark.
type Shape uint8

// The shapes.
const (
	Circle Shape = iota
	Triangle
	Square
	Ring
)

// Marks is a set of points of one kind, with intervals.
type Marks struct {
	Name   string // entry in the legend; empty for none
	At     []Mark
	Color  Color
	Shape  Shape
	Across bool    // the intervals are horizontal instead of vertical
	Size   float64 // times that of other marks; 0 means 1
}

// Mark is a point with an interval, which is cut off at the edges of the chart. An
// interval from a value to itself is not visible.
type Mark struct {
	Point
	Lo, Hi float64
}

// Label is text beside a point.
type Label struct {
	Point
	Text  string
	Place Place
}

// Place says on which side of its point a label is.
type Place uint8

// The places.
const (
	Right  Place = iota // to the right, at the same height
	Above               // above; the text ends at the point, so that it does not reach what is to the right
	Below               // below and to the right
	Center              // on the point
	Top                 // above, in the middle
)

// SI divides a number by a power of 1000, such that it is at least 1 and below 1000
// after rounding to three digits, and returns the SI prefix of that power.
func SI(x float64) (scaled float64, prefix string) {
	prefixes := []string{"n", "µ", "m", "", "k", "M", "G", "T"}
	i := 3
	for ; math.Abs(x) >= 999.5 && i < len(prefixes)-1; i++ {
		x /= 1000
	}
	for ; math.Abs(x) < 0.9995 && i > 0; i-- {
		x *= 1000
	}
	return x, prefixes[i]
}
