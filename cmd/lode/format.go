package main

import (
	"fmt"
	"strconv"
)

// count formats n with a comma between groups of three digits.
func count(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// hashRate formats r, in hashes per second, with an SI prefix.
func hashRate(r float64) string { return si(r) + "H/s" }

// si formats x with three significant digits and an SI prefix. The caller appends
// the unit.
func si(x float64) string {
	prefixes := []string{"", "k", "M", "G", "T"}
	i := 0
	for ; x >= 999.5 && i < len(prefixes)-1; i++ {
		x /= 1000
	}
	return fmt.Sprintf("%.3g %s", x, prefixes[i])
}
