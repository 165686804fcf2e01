package main

import (
	"math"
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// format formats a value with its unit, in three significant digits.
func format(v float64, unit string) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case math.IsInf(v, 0):
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', -1, 64), "Inf") + "∞"
	}
	switch unit {
	case units.PercentUnit:
		return digits(100*v) + " %"
	case units.Seconds:
		return duration(v)
	case units.HashesPerSecond:
		return scaled(v, 1000, "", "k", "M", "G", "T") + "H/s"
	case units.CountsPerMinute:
		return digits(v) + "/min"
	case units.CountsPerSecond, units.RequestsPerSecond:
		return digits(v) + "/s"
	case units.BytesIEC:
		return scaled(v, 1024, "", "Ki", "Mi", "Gi", "Ti") + "B"
	case units.BytesPerSecondIEC:
		return scaled(v, 1024, "", "Ki", "Mi", "Gi", "Ti") + "B/s"
	case units.LocaleFormat:
		if v == math.Trunc(v) {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		return digits(v)
	}
	if math.Abs(v) >= 10_000 {
		return strings.TrimSuffix(scaled(v, 1000, "", "k", "M", "G", "T"), " ")
	}
	return digits(v)
}

// scaled formats a value with the prefix that leaves it below the base.
func scaled(v, base float64, prefixes ...string) string {
	i := 0
	for i < len(prefixes)-1 && math.Abs(v) >= base {
		v /= base
		i++
	}
	return digits(v) + " " + prefixes[i]
}

// duration formats a time in seconds, in the most readable unit.
func duration(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0 s"
	case a < 1e-3:
		return digits(v*1e6) + " µs"
	case a < 1:
		return digits(v*1e3) + " ms"
	case a < 120:
		return digits(v) + " s"
	case a < 2*3600:
		return digits(v/60) + " min"
	case a < 2*24*3600:
		return digits(v/3600) + " h"
	default:
		return digits(v/(24*3600)) + " d"
	}
}

// digits formats a number with three significant digits, or with more if it has more
// digits before the decimal point.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a < 1e-3:
		return strings.Replace(strconv.FormatFloat(v, 'g', 3, 64), "e-0", "e-", 1)
	default:
		places := 2 - int(math.Floor(math.Log10(a)))
		s := strconv.FormatFloat(v, 'f', places, 64)
		if strings.Contains(s, ".") {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		return s
	}
}
