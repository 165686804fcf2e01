package pow

import (
	"errors"
	"fmt"
	"strconv"
)

// Bits is a target in Bitcoin's compact form, as it stands in a header: the
// top byte is the length of the number in bytes, the low 23 bits are its most
// significant digits, and bit 23 is a sign.
type Bits uint32

// Targets that a header must not ask for.
var (
	ErrBitsNegative = errors.New("target is negative")
	ErrBitsOverflow = errors.New("target is over 256 bits")
	ErrBitsZero     = errors.New("target is zero")
)

const (
	bitsSign     = 0x00800000
	bitsMantissa = 0x007fffff
)

// ParseBits reads the eight hex digits that String prints.
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

// String returns eight hex digits.
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
// does: the magnitude, whether the sign says negative, and whether it has more
// than 256 bits (then the magnitude is what was left of it).
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

// Target expands the compact form of a header. It refuses what no hash can
// meet: [ErrBitsNegative], [ErrBitsOverflow], [ErrBitsZero].
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

// Bits returns the compact form, rounded down to its 23 bits of precision.
func (t Target) Bits() Bits { return compact(t, false) }

func compact(t Target, negative bool) Bits {
	size := uint(t.n.bitLen()+7) / 8
	var mantissa uint64
	if size <= 3 {
		mantissa = t.n[0] << (8 * (3 - size))
	} else {
		mantissa = t.n.shr(8 * (size - 3))[0]
	}
	if mantissa&bitsSign != 0 { // the top digit must not read as the sign
		mantissa >>= 8
		size++
	}
	b := Bits(uint32(size)<<24 | uint32(mantissa))
	if negative && mantissa != 0 {
		b |= bitsSign
	}
	return b
}
