package draw

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"

	"github.com/lodepow/lode/internal/chart"
)

// Over how many powers of ten a logarithmic axis may extend and still have labels at twice
// and five times each of them. Labels side by side take more room than labels one above
// the other.
const (
	fewAcross = 1.5
	fewUp     = 3
)

// setAxis makes an axis what the chart says. With few powers of ten, a logarithmic one
// also has labels between them.
func setAxis(to *plot.Axis, a chart.Axis, few float64) {
	to.Label.Text = a.Label
	to.Min, to.Max = a.Min, a.Max
	if a.Log {
		to.Scale = plot.LogScale{}
		to.Tick.Marker = decades(a.Unit, few)
	}
	if a.Ticks != nil {
		to.Tick.Marker = ticksAt(a.Ticks, a.Names)
	}
}

// turnNames turns the names of a horizontal axis upright, to be read downwards, if two neighbours
// have no room side by side. The names are at the ticks of the axis, in equal distances.
func turnNames(to *plot.Axis, names []string, room vg.Length) {
	style := &to.Tick.Label
	crowded := false
	for i := 1; i < len(names); i++ {
		half := (style.Width(names[i-1]) + style.Width(names[i])) / 2
		crowded = crowded || half*fallbackWidth > room/vg.Length(len(names))
	}
	if !crowded {
		return
	}
	var ticks plot.ConstantTicks
	longest := vg.Length(0)
	for _, t := range to.Tick.Marker.Ticks(to.Min, to.Max) {
		t.Label = "\u00a0" + t.Label // keeps it apart from the tick
		longest = max(longest, style.Width(t.Label))
		ticks = append(ticks, t)
	}
	to.Tick.Marker = ticks
	style.Rotation = -math.Pi / 2
	style.XAlign, style.YAlign = text.XLeft, text.YCenter
	to.Label.Padding += longest * (fallbackWidth - 1)
}

// setRows labels the vertical axis with the names of the rows.
func setRows(to *plot.Axis, c chart.Chart) {
	n := len(c.Rows)
	var ticks plot.ConstantTicks
	for i, name := range c.Rows {
		ticks = append(ticks, plot.Tick{Value: c.RowY(i), Label: name})
	}
	to.Tick.Marker = ticks
	to.Tick.Length = 0
	to.Min, to.Max = -0.7, float64(n)-0.3+float64(c.Headroom)
}

// decades returns the ticks of a logarithmic axis. It labels the powers of ten, and
// twice and five times each of them if there are fewer powers than few, with SI prefixes
// and the given unit.
func decades(unit string, few float64) plot.Ticker {
	return plot.TickerFunc(func(lo, hi float64) []plot.Tick {
		var ticks []plot.Tick
		between := math.Log10(hi/lo) < few
		every := max(1, int(math.Ceil(math.Log10(hi/lo)/9)))
		for e := int(math.Floor(math.Log10(lo))); e <= int(math.Ceil(math.Log10(hi))); e++ {
			for m := 1; m <= 9; m++ {
				v := float64(m) * math.Pow10(e)
				t := plot.Tick{Value: v}
				if v < lo || v > hi {
					continue
				}
				if m == 1 && e%every == 0 || between && (m == 2 || m == 5) {
					x, prefix := chart.SI(v)
					t.Label = fmt.Sprintf("%.3g %s%s", x, prefix, unit)
				}
				ticks = append(ticks, t)
			}
		}
		return ticks
	})
}

// ticksAt returns ticks at the given values, which are their labels if there are no names.
func ticksAt(values []float64, names []string) plot.Ticker {
	var ticks plot.ConstantTicks
	for i, v := range values {
		label := fmt.Sprintf("%g", v)
		if i < len(names) {
			label = names[i]
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: label})
	}
	return ticks
}
