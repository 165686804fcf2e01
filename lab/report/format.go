package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/lab"
)

// missing is the text of a number that could not be measured.
const missing = "–"

// scale returns by what the values of a metric are multiplied in the report, and the unit
// that they then have. Rates are in per cent; shares of the hash rate and of the blocks
// stay numbers from 0 to 1, as the literature has them.
func scale(m lab.Metric) (factor float64, unit string) {
	switch {
	case m.Unit == "1" && strings.HasSuffix(m.Name, "_rate"):
		return 100, "%"
	case m.Unit == "1":
		return 1, ""
	case m.Unit == "seconds":
		return 1, "s"
	}
	return 1, m.Unit
}

// estimate formats a mean and the bounds of its interval, without the unit. It gives as
// many digits as the interval has: two of half its width.
func estimate(e lab.Estimate, factor float64) (mean, interval string) {
	m, half := e.Mean*factor, e.Half*factor
	if !isFinite(m) {
		return missing, missing
	}
	if !isFinite(half) {
		return number(m), missing
	}
	if half == 0 {
		return number(m), number(m) + " to " + number(m)
	}
	digits := decimals(m, half)
	low, high := m-half, m+half
	if factor == 100 && m >= 0 { // a rate, which is not negative
		low = max(0, low)
	}
	return fixed(m, digits), fixed(low, digits) + " to " + fixed(high, digits)
}

// decimals returns how many decimal places a number with the given uncertainty deserves.
func decimals(x, uncertainty float64) int {
	if uncertainty <= 0 {
		uncertainty = math.Abs(x) / 1000
	}
	if uncertainty == 0 {
		return 0
	}
	return min(max(1-int(math.Floor(math.Log10(uncertainty))), 0), 9)
}

// fixed formats a number with that many decimal places, and never as -0.
func fixed(x float64, digits int) string {
	s := strconv.FormatFloat(x, 'f', digits, 64)
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-")
	}
	return strings.Replace(s, "-", "−", 1)
}

// number formats a number with four significant digits.
func number(x float64) string {
	if !isFinite(x) {
		return missing
	}
	s := fixed(x, decimals(x, 0))
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// withUnit puts a unit behind a number.
func withUnit(text, unit string) string {
	if unit == "" || text == missing {
		return text
	}
	return text + " " + unit
}

// said returns an estimate as a part of a sentence: "0.53 % (95 % interval 0.51 to 0.55 %)".
func said(m lab.Metric, e lab.Estimate) string {
	factor, unit := scale(m)
	mean, interval := estimate(e, factor)
	if interval == missing {
		return withUnit(mean, unit)
	}
	return fmt.Sprintf("%s (95 %% interval %s)", withUnit(mean, unit), withUnit(interval, unit))
}

// duration formats a duration with three significant digits and a fitting unit.
func duration(d time.Duration) string {
	s := d.Seconds()
	switch {
	case s == 0:
		return "0 s"
	case math.Abs(s) >= 600:
		return fmt.Sprintf("%.3g min", s/60)
	case math.Abs(s) >= 100:
		return fmt.Sprintf("%.0f s", s)
	}
	scaled, prefix := chart.SI(s)
	return fmt.Sprintf("%.3g %ss", scaled, prefix)
}

// count formats a number of things with the noun that fits it.
func count[T int | int64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// plain replaces what cannot be in XML, such as control characters, and ends of lines by
// spaces.
func plain(s string) string { return keep(s, "") }

// lines is plain for a text of several lines.
func lines(s string) string { return keep(s, "\n\t") }

// keep replaces all control characters but the given ones by spaces.
func keep(s, controls string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune(controls, r) || r == '\ufffe' || r == '\uffff' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
