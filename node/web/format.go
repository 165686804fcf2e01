package web

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// groupSpace is what number writes between the thousands: the narrow no-break space, as
// ISO 80000-1 asks for, at which no line ends.
const groupSpace = "\u202f"

// number returns a whole number with narrow spaces between the thousands, so that it can be
// read from afar. The search takes it as it is, so a reader can copy it; see ungroup.
func number(n any) string {
	var s string
	switch n := n.(type) {
	case int:
		s = strconv.Itoa(n)
	case int64:
		s = strconv.FormatInt(n, 10)
	case uint32:
		s = strconv.FormatUint(uint64(n), 10)
	case uint64:
		s = strconv.FormatUint(n, 10)
	default:
		return fmt.Sprint(n)
	}
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	var groups []string
	for len(s) > 3 {
		groups = append([]string{s[len(s)-3:]}, groups...)
		s = s[:len(s)-3]
	}
	return sign + strings.Join(append([]string{s}, groups...), groupSpace)
}

// groupMarks are the marks that people write between the thousands of a number.
const groupMarks = groupSpace + "\u2009\u00a0 ,'’_"

// groupedNumber matches a number with a mark before each three digits but the first ones.
var groupedNumber = regexp.MustCompile(`\A[0-9]{1,3}(?:[` + groupMarks + `][0-9]{3})+\z`)

// ungroup returns a number without the marks that people write between its thousands. It
// returns any other text as it is, also one with marks at other places: "20 24" may be the
// name of an author.
func ungroup(s string) string {
	if !groupedNumber.MatchString(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(groupMarks, r) {
			return -1
		}
		return r
	}, s)
}

// figure returns a number with three or four digits and a prefix of the SI, such as
// "12.3 M". Numbers below 1000 that are whole have no decimals.
func figure(f float64) string {
	switch {
	case math.IsNaN(f):
		return "unknown"
	case math.IsInf(f, 0):
		return "∞"
	case f != 0 && math.Abs(f) < 0.001 || math.Abs(f) >= 1e18:
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', 2, 64), "e")
		n, _ := strconv.Atoi(exponent)
		return mantissa + " × 10" + superscript(n)
	}
	prefixes := []string{"", " k", " M", " G", " T", " P"}
	i := 0
	for math.Abs(f) >= 999.5 && i < len(prefixes)-1 {
		f /= 1000
		i++
	}
	if i == 0 && f == math.Trunc(f) {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	decimals := 2
	switch a := math.Abs(f); {
	case a >= 100:
		decimals = 0
	case a >= 10:
		decimals = 1
	case a < 0.1:
		decimals = 4
	}
	return strconv.FormatFloat(f, 'f', decimals, 64) + prefixes[i]
}

// describeRate returns a rate of hashes, or a dash if nothing is searched.
func describeRate(f float64) string {
	text := figure(f)
	switch {
	case f == 0 || math.IsNaN(f):
		return "–"
	case strings.Contains(text, " "):
		return text + "H/s" // the prefix is a part of the unit
	}
	return text + " H/s"
}

// superscript returns a number in raised digits.
func superscript(n int) string {
	raised := []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")
	return strings.Map(func(r rune) rune {
		if r == '-' {
			return '⁻'
		}
		return raised[r-'0']
	}, strconv.Itoa(n))
}

// describeSeconds returns a length of time in words.
func describeSeconds(s float64) string {
	switch {
	case math.IsNaN(s) || math.IsInf(s, 0) || s > 1e12:
		return "longer than anybody can wait"
	case s < 0:
		return "-" + describeSeconds(-s)
	case s == 0:
		return "0 s"
	case s < 0.001:
		return fmt.Sprintf("%.3g µs", s*1e6)
	case s < 1:
		return fmt.Sprintf("%.3g ms", s*1e3)
	case s < 99.5:
		return fmt.Sprintf("%.3g s", s)
	}
	const minute, hour, day, year = 60, 3600, 86400, 86400 * 365.25
	switch {
	case s < 100*minute:
		return fmt.Sprintf("%.0f min", s/minute)
	case s < 48*hour:
		return fmt.Sprintf("%.3g h", s/hour)
	case s < 2*year:
		return fmt.Sprintf("%.0f days", s/day)
	}
	return figure(s/year) + " years"
}

func describeBytes(n int) string {
	switch {
	case n == 1:
		return "1 byte"
	case n < 10_000:
		return number(n) + " bytes"
	case n < 1<<20:
		return fmt.Sprintf("%.0f KiB", float64(n)/1024)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// describeTime returns a time as pages show it. The zone is always UTC, because a node
// does not know where its reader is.
func describeTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// timeOf returns the time of a post, or false if it is too far away to be written as
// one. A signed post has whatever time its author gave it.
func timeOf(seconds float64) (time.Time, bool) {
	const year9999 = 253402300799
	if !(seconds >= 0 && seconds <= year9999) {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(seconds * 1e6)), true
}
