package pow

import (
	"errors"
	"fmt"
	"strconv"
)

// Bits is a target in the compact form that headers carry. It is a floating-point
// number in base 256: the top byte is the length of the target in bytes, the low
// 23 bits are its most significant digits, and bit 23 is a sign.
type Bits uint32

// Errors for bits that are not a valid target of a header.
var (
	ErrBitsNegative = errors.New("target is negative")
	ErrBitsOverflow = errors.New("target is over 256 bits")
	ErrBitsZero     = errors.New("target is zero")
)

const (
	bitsSign     = 0x00800000
	bitsMantissa = 0x007fffff
)

// ParseBits parses the eight hex digits that String returns.
func ParseBits(s string) (Bits, error) {
	if len(s) != 8 {
		return 0, fmt.Errorf("bits %q: want 8 hex digits", s)
	}
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("bits %q: want 8 hex digits", s)
	}
	return Bits(n), nil
}

// String returns the bits as eight hex digits.
func (b Bits) String() string { return fmt.Sprintf("%08x", uint32(b)) }

// MarshalText implements [encoding.TextMarshaler] in the form of String.
func (b Bits) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] in the form of ParseBits.
func (b *Bits) UnmarshalText(text []byte) error {
	parsed, err := ParseBits(string(text))
	if err != nil {
		return err
	}
	*b = parsed
	return nil
}

// Decode expands the compact form as Bitcoin Core's arith_uint256::SetCompact
// does. It returns the magnitude, whether the number is negative, and whether it
// has more than 256 bits. In the last case, the magnitude has lost its top bits.
func (b Bits) Decode() (t Target, negative, overflow bool) {
	size := uint(b >> 24)
	mantissa := uint64(b & bitsMantissa)
	if size <= 3 {
		mantissa >>= 8 * (3 - size)
		t.n = uint256{mantissa}
	} else {
		t.n = uint256{mantissa}.shl(8 * (size - 3))
	}
	negative = mantissa != 0 && b&bitsSign != 0
	overflow = mantissa != 0 &&
		(size > 34 || mantissa > 0xff && size > 33 || mantissa > 0xffff && size > 32)
	return t, negative, overflow
}

// Target expands the compact form of a header's target. It returns an error that
// wraps [ErrBitsNegative], [ErrBitsOverflow] or [ErrBitsZero] if the number is not
// a target.
func (b Bits) Target() (Target, error) {
	t, negative, overflow := b.Decode()
	var err error
	switch {
	case negative:
		err = ErrBitsNegative
	case overflow:
		err = ErrBitsOverflow
	case t.n.isZero():
		err = ErrBitsZero
	default:
		return t, nil
	}
	return Target{}, fmt.Errorf("bits %s: %w", b, err)
}

// Bits returns the compact form of the target, rounded down to 23 bits or fewer.
func (t Target) Bits() Bits { return compact(t, false) }

func compact(t Target, negative bool) Bits {
	size := uint(t.n.bitLen()+7) / 8
	var mantissa uint64
	if size <= 3 {
		mantissa = t.n[0] << (8 * (3 - size))
	} else {
		mantissa = t.n.shr(8 * (size - 3))[0]
	}
	if mantissa&bitsSign != 0 { // otherwise the top digit would be read as the sign
		mantissa >>= 8
		size++
	}
	b := Bits(uint32(size)<<24 | uint32(mantissa))
	if negative && mantissa != 0 {
		b |= bitsSign
	}
	return b
}
