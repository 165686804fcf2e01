package block

import (
	"math"
	"strconv"
)

// While a text is checked it shows whether it is in the canonical form of RFC
// 8785 already, as those are that come from other nodes: no white space, keys in
// order, strings and numbers in their only spelling. Then it need not be rebuilt.
// These say no where they are not sure.

// inOrder reports whether one key comes before another, by UTF-16 code units. That
// is the order of the bytes but for code points from U+E000 on, which begin with
// 0xEE or more.
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

// isCanonicalEscape reports whether \uXXXX, which stands for r, is the only way to
// write it: control characters that have no shorter escape, in lower case.
func isCanonicalEscape(escape string, r rune) bool {
	const hex = "0123456789abcdef"
	switch r {
	case '\b', '\t', '\n', '\f', '\r':
		return false
	}
	return r < ' ' && escape[5] == hex[r&0xf]
}

// isCanonicalNumber reports whether a literal is how its double f is written. It
// leaves out exponents.
func isCanonicalNumber(literal string, f float64) bool {
	const minPlain = 1e-6 // below, RFC 8785 writes an exponent
	if abs := math.Abs(f); abs < minPlain || abs >= minExponent || len(literal) > 32 {
		return false
	}
	var buf [32]byte
	return string(strconv.AppendFloat(buf[:0], f, 'f', -1, 64)) == literal
}
