package main

import (
	"cmp"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/lodepow/lode/dashboards"
)

// heat is a heat map of a histogram over time. It has a row for each bucket and a
// column for each step; a cell is the darker, the more samples it has.
type heat struct {
	w    window
	tops []float64   // upper bounds of the buckets, in ascending order
	in   [][]float64 // number of samples by bucket and step
	most float64     // greatest number in any cell
}

// newHeat computes the heat map from the series of cumulative buckets, whose names are
// their upper bounds.
func newHeat(all []series, w window) heat {
	type bucket struct {
		top    float64
		values []float64
	}
	var buckets []bucket
	for _, s := range all {
		if top, err := strconv.ParseFloat(s.name, 64); err == nil {
			buckets = append(buckets, bucket{top, s.values})
		}
	}
	slices.SortFunc(buckets, func(a, b bucket) int { return cmp.Compare(a.top, b.top) })
	h := heat{w: w}
	for i, b := range buckets {
		in := make([]float64, len(b.values))
		for j, v := range b.values {
			if i > 0 {
				v -= buckets[i-1].values[j] // a bucket's count includes all buckets below it
			}
			in[j] = v
			if v > h.most {
				h.most = v
			}
		}
		h.tops, h.in = append(h.tops, b.top), append(h.in, in)
	}
	return h
}

func drawHeat(box draw.Canvas, panel dashboards.Panel, all []series, w window) {
	h := newHeat(all, w)
	p := newPlot(w, box.Max.X-box.Min.X)
	p.Y.Min, p.Y.Max = 0, float64(len(h.tops))
	p.Y.Tick.Marker = plot.ConstantTicks(h.ticks(panel.Unit))
	p.Add(h)
	p.Draw(box)
}

// ticks returns at most seven ticks at upper bounds of buckets, the greatest finite one
// among them. What is above that is in the bucket without a bound, which has no label.
func (h heat) ticks(unit string) []plot.Tick {
	finite := len(h.tops)
	if finite > 0 && math.IsInf(h.tops[finite-1], 1) {
		finite--
	}
	every := (finite + 5) / 6
	var ticks []plot.Tick
	for i := finite - 1; i >= 0; i -= every {
		ticks = append(ticks, plot.Tick{Value: float64(i + 1), Label: format(h.tops[i], unit)})
	}
	slices.Reverse(ticks)
	return ticks
}

// Plot implements [plot.Plotter].
func (h heat) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	half := h.w.step.Seconds() / 2
	for i, in := range h.in {
		for j, v := range in {
			if math.IsNaN(v) || v <= 0 {
				continue
			}
			x0, x1 := max(c.Min.X, toX(h.w.at(j)-half)), min(c.Max.X, toX(h.w.at(j)+half))
			y0, y1 := toY(float64(i)), toY(float64(i+1))
			shade := math.Sqrt(v / h.most)
			c.FillPolygon(color.NRGBA{
				R: uint8(222 - 190*shade), G: uint8(235 - 135*shade), B: uint8(247 - 65*shade), A: 0xff,
			}, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
		}
	}
}
