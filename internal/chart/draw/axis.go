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

// turnNames turns the names of a horizontal axis upright if they have no room side by side.
func turnNames(to *plot.Axis, names []string, room vg.Length) {
	for _, name := range names {
		if to.Tick.Label.Width(name)*fallbackWidth > room/vg.Length(len(names)) {
			to.Tick.Label.Rotation = math.Pi / 2
			to.Tick.Label.XAlign, to.Tick.Label.YAlign = text.XRight, text.YCenter
			return
		}
	}
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
