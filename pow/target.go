package pow

import (
	"encoding/hex"
	"fmt"
	"math"
)

// Target is the largest hash, as a number of 256 bits, that proves the work. The
// smaller the target, the more hashes it takes to meet it. The zero value means
// that there is no target.
type Target struct{ n uint256 }

// ZerosTarget returns the target 2^(256-zeros) - 1, which exactly the hashes with
// at least that number of leading zero bits meet. It panics unless
// 0 <= zeros < 256.
func ZerosTarget(zeros int) Target {
	if zeros < 0 || zeros > 255 {
		panic(fmt.Sprintf("pow: ZerosTarget(%d): want 0 to 255", zeros))
	}
	return Target{uint256{}.not().shr(uint(zeros))}
}

// TargetFromBytes returns the target with the given big-endian bytes.
func TargetFromBytes(b [32]byte) Target { return Target{uint256FromBytes(&b)} }

// Bytes returns the target as big-endian bytes.
func (t Target) Bytes() [32]byte { return t.n.bytes() }

// ParseTarget parses the 64 hex digits that String returns.
func ParseTarget(s string) (Target, error) {
	var b [32]byte
	if len(s) != hex.EncodedLen(len(b)) {
		return Target{}, fmt.Errorf("target has %d characters, want 64 hex digits", len(s))
	}
	if _, err := hex.Decode(b[:], []byte(s)); err != nil {
		return Target{}, notHex("target", err)
	}
	return TargetFromBytes(b), nil
}

// String returns the target as 64 hex digits, the most significant first, like
// those of a hash.
func (t Target) String() string {
	b := t.Bytes()
	return hex.EncodeToString(b[:])
}

// MarshalText implements [encoding.TextMarshaler] in the form of String.
func (t Target) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] in the form of
// ParseTarget.
func (t *Target) UnmarshalText(text []byte) error {
	parsed, err := ParseTarget(string(text))
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}

// IsZero reports whether t is the zero value.
func (t Target) IsZero() bool { return t.n.isZero() }

// Cmp returns -1 if t is harder to meet than u, 0 if they are equal, and 1 if t is
// easier.
func (t Target) Cmp(u Target) int { return t.n.cmp(u.n) }

// Zeros returns the number of leading zero bits of the target. Every hash that
// meets the target has at least as many.
func (t Target) Zeros() int { return 256 - t.n.bitLen() }

// MulShift returns t * m * 2^n, rounded down, and reports whether the result fits
// into 256 bits. Only the result is rounded, not the steps that lead to it. n may
// be negative. Difficulty rules scale targets with it.
func (t Target) MulShift(m uint64, n int) (scaled Target, ok bool) {
	z, ok := t.n.mulShift(m, n)
	if !ok {
		return Target{}, false
	}
	return Target{z}, true
}

// MulDiv returns t * m / d, rounded down, and reports whether the result fits into 256
// bits. Only the result is rounded. d must not be zero.
func (t Target) MulDiv(m, d uint64) (scaled Target, ok bool) {
	quo, ok := t.n.mulDiv(m, d)
	if !ok {
		return Target{}, false
	}
	return Target{quo}, true
}

// Add returns t + u and reports whether the sum fits into 256 bits.
func (t Target) Add(u Target) (sum Target, ok bool) {
	n, carry := t.n.add(u.n)
	if carry != 0 {
		return Target{}, false
	}
	return Target{n}, true
}

// difficultyOne returns the target of bits 1d00ffff, which defines difficulty 1.
func difficultyOne() Target { return Target{uint256{0xffff}.shl(208)} }

// Difficulty returns how many times harder the target is than that of bits
// 1d00ffff, as Bitcoin's nodes report it. For the zero target it is infinite.
func (t Target) Difficulty() float64 { return difficultyOne().n.float() / t.n.float() }

// Probability returns the probability that a hash meets the target.
func (t Target) Probability() float64 {
	if t.IsZero() {
		return 0
	}
	return (t.n.float() + 1) / math.Exp2(256)
}

// Odds returns the probability that at least one of the given number of hashes
// meets the target.
func (t Target) Odds(hashes uint64) float64 {
	return -math.Expm1(float64(hashes) * math.Log1p(-t.Probability()))
}

// Work returns the number of hashes that it takes on average to meet the target:
// 2^256 / (target + 1), rounded down, as Bitcoin counts chainwork. The work of the
// zero target is zero.
func (t Target) Work() Work {
	if t.IsZero() {
		return Work{}
	}
	// 2^256 does not fit, but 2^256 / (t+1) = (2^256 - t - 1) / (t+1) + 1.
	next, carry := t.n.add(uint256{1})
	if carry != 0 {
		return Work{uint256{1}}
	}
	quo, _ := t.n.not().div(next).add(uint256{1})
	return Work{quo}
}
