package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The size of a plot, in the units of its view box. The plot itself is inside the
// margins.
const (
	plotWidth, plotHeight         = 640, 260
	plotLeft, plotRight           = 78, 12
	plotTop, plotBottom           = 12, 40
	plotInnerWidth, plotInnerHigh = plotWidth - plotLeft - plotRight, plotHeight - plotTop - plotBottom
)

// plot is what all plots have: axes with ticks.
type plot struct {
	Width, Height            int
	Left, Right, Top, Bottom int // the edges of the inner part
	LabelX, LabelY           int // of the labels of the vertical and of the horizontal axis
	X, Y                     []tick
}

type tick struct {
	At    float64 // in the units of the view box
	Label string
}

func newPlot() plot {
	return plot{Width: plotWidth, Height: plotHeight, Left: plotLeft, Right: plotWidth - plotRight, Top: plotTop, Bottom: plotHeight - plotBottom, LabelX: plotLeft - 8, LabelY: plotHeight - plotBottom + 22}
}

// timesPlot is a histogram of the times between blocks, with the number that the
// exponential law expects in each bar.
type timesPlot struct {
	plot
	Count    int     // of times
	Mean     float64 // of the times
	Law      float64 // the mean of the law: what the network aims at, or else Mean
	Aims     bool    // whether the network aims at Law
	BarWidth float64 // in seconds
	Bars     []bar
	Curve    string // the path of the law
	Values   string // all times, the oldest first, for scripts
}

// bar is a bar with what it says in words.
type bar struct {
	X, Y, Width, Height float64
	Title               string
}

// bars is the number of bars of the histogram. The last one counts all longer times.
const bars = 16

// newTimesPlot makes the histogram of times in whole seconds. law is the mean at which
// the network aims, or 0.
func newTimesPlot(seconds []float64, law float64) timesPlot {
	p := timesPlot{plot: newPlot(), Count: len(seconds), Law: law, Aims: law > 0}
	var values []string
	for _, s := range seconds {
		p.Mean += s / float64(len(seconds))
		values = append(values, strconv.FormatFloat(s, 'f', -1, 64))
	}
	p.Values = strings.Join(values, ",")
	if !p.Aims {
		p.Law = p.Mean
	}
	if p.Count == 0 || p.Law <= 0 {
		p.Count = 0
		return p
	}
	p.BarWidth = math.Max(1, math.Ceil(p.Law/4))
	var counts [bars]float64
	for _, s := range seconds {
		counts[min(int(s/p.BarWidth), bars-1)]++
	}
	expected := func(i int) float64 { // in bar i
		low, high := float64(i)*p.BarWidth, float64(i+1)*p.BarWidth
		if i == bars-1 {
			high = math.Inf(1)
		}
		return float64(p.Count) * (math.Exp(-low/p.Law) - math.Exp(-high/p.Law))
	}
	most := 1.0
	for i := range counts {
		most = math.Max(most, math.Max(counts[i], expected(i)))
	}
	y := func(n float64) float64 { return round(float64(p.Bottom) - n/most*plotInnerHigh) }
	step := float64(plotInnerWidth) / bars
	var curve []string
	for i := range counts {
		x := float64(p.Left) + float64(i)*step
		what := fmt.Sprintf("%s to %s", describeSeconds(float64(i)*p.BarWidth), describeSeconds(float64(i+1)*p.BarWidth))
		if i == bars-1 {
			what = describeSeconds(float64(i)*p.BarWidth) + " or longer"
		}
		p.Bars = append(p.Bars, bar{
			X: round(x + 2), Y: y(counts[i]), Width: round(step - 4), Height: round(float64(p.Bottom) - y(counts[i])),
			Title: fmt.Sprintf("%s: %.0f blocks, %.1f expected", what, counts[i], expected(i)),
		})
		curve = append(curve, fmt.Sprintf("%g,%g", round(x+step/2), y(expected(i))))
		if i%4 == 0 {
			p.X = append(p.X, tick{round(x), describeSeconds(float64(i) * p.BarWidth)})
		}
	}
	p.Curve = "M" + strings.Join(curve, " L")
	p.Y = ticks(most, y)
	return p
}

func round(f float64) float64 { return math.Round(f*10) / 10 }

// ticks returns the ticks of an axis from 0 to most: three or four round numbers.
func ticks(most float64, at func(float64) float64) []tick {
	step := math.Pow(10, math.Floor(math.Log10(most/2)))
	for _, factor := range []float64{5, 2} {
		if most/(step*factor) >= 2 {
			step *= factor
			break
		}
	}
	var list []tick
	for n := 0.0; n <= most && len(list) < 8; n += step {
		list = append(list, tick{at(n), figure(n)})
	}
	return list
}

// difficultyPlot is a line of the difficulty over the height.
type difficultyPlot struct {
	plot
	Points string // the path
	Last   float64
	Flat   bool   // all blocks have the same difficulty
	Log    bool   // the axis of the difficulty is logarithmic
	Values string // "height:difficulty" for scripts, with commas
	Low    float64
	High   float64
	From   int64
	To     int64
}

type difficultyPoint struct {
	height     int64
	difficulty float64
}

func newDifficultyPlot(points []difficultyPoint) difficultyPlot {
	p := difficultyPlot{plot: newPlot(), Low: math.Inf(1)}
	if len(points) == 0 {
		return p
	}
	var values []string
	for _, at := range points {
		p.Low, p.High = math.Min(p.Low, at.difficulty), math.Max(p.High, at.difficulty)
		values = append(values, fmt.Sprintf("%d:%g", at.height, at.difficulty))
	}
	p.Values = strings.Join(values, ",")
	p.From, p.To = points[0].height, points[len(points)-1].height
	p.Last, p.Flat = points[len(points)-1].difficulty, p.Low == p.High
	p.Log = p.Low > 0 && p.High/p.Low > 20
	scale := func(f float64) float64 { return f / (p.High * 1.1) }
	if p.Log {
		low, high := math.Floor(math.Log10(p.Low)), math.Ceil(math.Log10(p.High))
		scale = func(f float64) float64 { return (math.Log10(f) - low) / (high - low) }
		for e := low; e <= high; e += math.Max(1, math.Ceil((high-low)/4)) {
			p.Y = append(p.Y, tick{round(float64(p.Bottom) - (e-low)/(high-low)*plotInnerHigh), figure(math.Pow(10, e))})
		}
	}
	y := func(f float64) float64 { return round(float64(p.Bottom) - scale(f)*plotInnerHigh) }
	if !p.Log {
		p.Y = ticks(p.High*1.1, y)
	}
	x := func(height int64) float64 {
		return round(float64(p.Left) + float64(height-p.From)/math.Max(1, float64(p.To-p.From))*plotInnerWidth)
	}
	var path []string
	for _, at := range points {
		path = append(path, fmt.Sprintf("%g,%g", x(at.height), y(at.difficulty)))
	}
	if len(points) == 1 {
		path = append(path, fmt.Sprintf("%d,%g", p.Right, y(p.Last)))
	}
	p.Points = "M" + strings.Join(path, " L")
	for i := range int64(4) {
		height := p.From + (p.To-p.From)*i/3
		if i == 0 || height != p.From {
			p.X = append(p.X, tick{x(height), number(height)})
		}
	}
	return p
}
