package report

import (
	"math"
	"slices"

	"github.com/lodepow/lode/internal/chart"
)

// chartAxis returns the horizontal axis. It is logarithmic if the values span more than a
// factor of 20.
func (a sweepAxis) chartAxis() chart.Axis {
	lo, hi := a.values[0], a.values[len(a.values)-1]
	axis := chart.Axis{Label: a.label, Grid: true}
	if lo > 0 && hi/lo > 20 {
		axis.Log = true
		axis.Label += ", logarithmic"
		ratio := math.Pow(hi/lo, 0.04)
		axis.Min, axis.Max = lo/ratio, hi*ratio
		axis.Ticks = logTicks(axis.Min, axis.Max)
		return axis
	}
	margin := (hi - lo) * 0.04
	if margin == 0 {
		margin = max(math.Abs(hi)*0.1, 0.1)
	}
	axis.Min, axis.Max = lo-margin, hi+margin
	axis.Ticks = a.values
	if len(a.values) > 6 && a.names == nil {
		axis.Ticks = ticks(axis.Min, axis.Max)
	}
	return axis
}

// valueSpan is the range of the values of a chart.
type valueSpan struct {
	values    []float64
	low, high float64 // with the intervals
}

// add adds a value whose interval has the given half-width.
func (s *valueSpan) add(y, half float64) {
	if len(s.values) == 0 {
		s.low, s.high = y, y
	}
	s.values = append(s.values, y)
	s.low, s.high = min(s.low, y-half), max(s.high, y+half)
}

// axis returns the vertical axis. It is logarithmic if all values are positive and span
// more than a factor of 100. Otherwise it begins at 0, unless some values are negative or
// all are far from 0.
func (s *valueSpan) axis(label string) chart.Axis {
	least, most := slices.Min(s.values), slices.Max(s.values)
	axis := chart.Axis{Label: label, Grid: true}
	if least > 0 && most/least > 100 {
		axis.Log = true
		axis.Label += ", logarithmic"
		axis.Min, axis.Max = max(s.low, least/3)/1.2, s.high*1.3
		axis.Ticks = logTicks(axis.Min, axis.Max)
		return axis
	}
	margin := 0.08 * (s.high - s.low)
	if margin == 0 {
		margin = max(0.1*math.Abs(s.high), 1e-9)
	}
	axis.Min, axis.Max = s.low-margin, s.high+margin
	if least >= 0 && (s.low < 0.7*s.high || axis.Min < 0) {
		axis.Min = 0
	}
	axis.Ticks = ticks(axis.Min, axis.Max)
	return axis
}

// ticks returns four to nine round numbers between two.
func ticks(low, high float64) []float64 {
	step := roundUp((high - low) / 8)
	var list []float64
	for i := math.Ceil(low / step); i*step <= high; i++ {
		list = append(list, decimal(i*step, step))
	}
	return list
}

// logTicks returns the powers of ten between two positive numbers, and twice and five times
// them if there is room.
func logTicks(low, high float64) []float64 {
	const room = 9 // ticks
	decades := math.Log10(high / low)
	every := max(1, int(math.Ceil(decades/room)))
	factors := []float64{1}
	if 3*decades < room {
		factors = []float64{1, 2, 5}
	}
	var list []float64
	for e := int(math.Floor(math.Log10(low))); e <= int(math.Ceil(math.Log10(high))); e++ {
		for _, m := range factors {
			if v := m * math.Pow10(e); e%every == 0 && v >= low && v <= high {
				list = append(list, decimal(v, math.Pow10(e)))
			}
		}
	}
	return list
}

// roundUp returns the least number that is not less than x and is 1, 2 or 5 times a power
// of ten.
func roundUp(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= x*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// decimal rounds x to the decimal places of step, so that 3*0.1 is 0.3.
func decimal(x, step float64) float64 {
	places := math.Pow(10, 2-math.Floor(math.Log10(step)))
	if isFinite(places) && places > 0 {
		return math.Round(x*places) / places
	}
	return x
}
