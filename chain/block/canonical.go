package block

import (
	"math"
	"strconv"
)

// Transactions from other nodes are usually in the canonical form of RFC 8785
// already, so that they need not be brought into it again. The scanner finds this out
// while it checks a text: there must be no white space, keys must be in order, and
// strings and numbers must have their canonical spelling. The functions in this file
// return false if they are not sure; the text is then rebuilt, which is slower but
// always right.

// inOrder reports whether key a comes before key b in the order of UTF-16 code units.
// This is the order of their UTF-8 bytes, except for code points from U+E000 on, whose
// first byte is 0xEE or more. inOrder returns false for such keys.
func inOrder(a, b string) bool {
	for i := range min(len(a), len(b)) {
		if a[i] >= 0xEE || b[i] >= 0xEE {
			return false
		}
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return len(a) < len(b)
}

// isCanonicalEscape reports whether an escape of the form \uXXXX is the canonical
// spelling of r. It is for control characters that have no shorter escape, if its
// digits are in lower case.
func isCanonicalEscape(escape string, r rune) bool {
	const hex = "0123456789abcdef"
	switch r {
	case '\b', '\t', '\n', '\f', '\r':
		return false
	}
	return r < ' ' && escape[5] == hex[r&0xf]
}

// isCanonicalNumber reports whether a literal is the canonical spelling of its double
// f. It returns false for literals with an exponent.
func isCanonicalNumber(literal string, f float64) bool {
	const minPlain = 1e-6 // RFC 8785 writes smaller numbers with an exponent
	if abs := math.Abs(f); abs < minPlain || abs >= minExponent || len(literal) > 32 {
		return false
	}
	var buf [32]byte
	return string(strconv.AppendFloat(buf[:0], f, 'f', -1, 64)) == literal
}
