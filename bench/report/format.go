package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/lodepow/lode/bench/stats"
	"github.com/lodepow/lode/internal/chart"
)

// scaled formats a number with three significant digits and an SI prefix, such as
// "34.2 M".
func scaled(x float64) string {
	if x == 0 || math.IsNaN(x) {
		return fmt.Sprintf("%v ", x)
	}
	if math.IsInf(x, 0) {
		return "∞ "
	}
	x, prefix := chart.SI(x)
	return digits(x) + " " + prefix
}

// digits formats a number with three significant digits, if its absolute value is at
// least 1 and below 1000.
func digits(x float64) string {
	switch a := math.Abs(x); {
	case a >= 99.95:
		return fmt.Sprintf("%.0f", x)
	case a >= 9.995:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

// quantity formats a value with its unit. Times, rates and counts of tries get an SI
// prefix.
func quantity(x float64, unit string) string {
	switch {
	case unit == "sec/op":
		return scaled(x) + "s"
	case unit == "sec" || strings.HasSuffix(unit, "-sec"):
		return scaled(x) + "s"
	case strings.HasSuffix(unit, "/s") || strings.HasPrefix(unit, "J/") || unit == "Hz" || unit == "tries/op":
		return strings.TrimSpace(scaled(x) + unit)
	default:
		return digits(x) + " " + unit
	}
}

// measured formats the median of some values with its interval. If there are too few
// values for an interval, it gives their number instead.
func measured(values []float64, unit string) string {
	r, err := stats.Median(values, confidence)
	if len(values) == 0 {
		return "none"
	}
	if err != nil {
		return fmt.Sprintf("%s (%d of %d samples)", quantity(r.Center, unit), len(values), enough)
	}
	return fmt.Sprintf("%s (%s to %s)", quantity(r.Center, unit), bare(r.Lo, unit), bare(r.Hi, unit))
}

// bare formats like quantity, with the SI prefix but without the unit.
func bare(x float64, unit string) string {
	q := strings.TrimSuffix(quantity(x, unit), unit)
	return strings.TrimSpace(q)
}

// times formats a ratio with its interval. If there are too few samples for an
// interval, it gives their number instead.
func times(r stats.Ratio, err error) string {
	if r.N == 0 {
		return ""
	}
	if err != nil {
		return fmt.Sprintf("%s (%d of %d samples)", factor(r.Center), r.N, enough)
	}
	return fmt.Sprintf("%s (%s to %s)", factor(r.Center), factor(r.Lo), factor(r.Hi))
}

func factor(x float64) string {
	if math.IsInf(x, 1) {
		return "∞"
	}
	if x < 10 {
		return fmt.Sprintf("%.3g", x)
	}
	return digits(x)
}

const (
	confidence = 0.95
	enough     = 6 // the least number of samples that gives a median a 95 % interval
)
