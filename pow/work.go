package pow

import (
	"encoding/hex"
	"fmt"
	"math/big"
)

// Work is the number of hashes that a block, or a whole chain of blocks, is
// expected to have taken. Bitcoin calls it chainwork.
type Work struct{ n uint256 }

// Add returns the sum of w and v, or 2^256 - 1 if the sum is larger than that.
func (w Work) Add(v Work) Work {
	sum, carry := w.n.add(v.n)
	if carry != 0 {
		return Work{uint256{}.not()}
	}
	return Work{sum}
}

// Cmp returns -1 if w is less than v, 0 if they are equal, and 1 if w is more.
func (w Work) Cmp(v Work) int { return w.n.cmp(v.n) }

// Big returns the work as a big integer.
func (w Work) Big() *big.Int {
	b := w.n.bytes()
	return new(big.Int).SetBytes(b[:])
}

// Float returns the work as a float64, for display and metrics.
func (w Work) Float() float64 { return w.n.float() }

// MarshalText implements [encoding.TextMarshaler] in the form of String.
func (w Work) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] in the form of String.
func (w *Work) UnmarshalText(text []byte) error {
	t, err := ParseTarget(string(text))
	if err != nil {
		return fmt.Errorf("work has %d characters, want 64 hex digits", len(text))
	}
	w.n = t.n
	return nil
}

// String returns the work as 64 hex digits, the form of Bitcoin Core's chainwork.
func (w Work) String() string {
	b := w.n.bytes()
	return hex.EncodeToString(b[:])
}
