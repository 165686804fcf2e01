package rules

import "github.com/lodepow/lode/pow"

// Asert is the difficulty rule aserti3-2d of Bitcoin Cash: a block's target is
// that of the anchor, doubled for every HalfLife seconds that the chain is
// behind a schedule of one block every Spacing seconds, and halved for every
// HalfLife that it is ahead. It looks at nothing between the anchor and the
// parent, so errors do not add up.
//
// The rule is exact to the bit, in the fixed-point arithmetic of its
// specification of 2020-11-15 (aserti3 stands for the cubic that approximates
// the power of two; 2d for Bitcoin Cash's half-life of two days).
type Asert struct {
	// The anchor. It is on schedule if it came Spacing seconds after
	// ParentTime.
	Height     int64
	ParentTime int64 // seconds since 1970-01-01 UTC
	Bits       pow.Bits

	Spacing  uint32   // seconds a block
	HalfLife uint32   // seconds, not 0
	Limit    pow.Bits // the easiest target
}

// Next returns the bits of the block after one that has that height, from 0 to
// [MaxHeight], and that time, in seconds since 1970-01-01 UTC.
func (a Asert) Next(height, time int64) pow.Bits {
	late := time - a.ParentTime - int64(a.Spacing)*(height-a.Height+1) // seconds behind schedule

	// The exponent, late / HalfLife, in units of 2^-16 and rounded towards
	// zero. Beyond 2^±512 every target is out of range.
	half := int64(a.HalfLife)
	whole := min(max(late/half, -512), 512)
	exponent := whole<<16 + (late%half)<<16/half

	// 2^exponent is a shift by its floor and a factor from 1 to 2 of the rest.
	shift, frac := exponent>>16, uint64(exponent&0xffff)
	anchor, _, _ := a.Bits.Decode()
	limit, _, _ := a.Limit.Decode()
	target, ok := anchor.MulShift(asertFactor(frac), int(shift)-16)
	switch {
	case !ok || target.Cmp(limit) > 0:
		return a.Limit
	case target.IsZero():
		return pow.ZerosTarget(255).Bits() // a target of 1, the hardest there is
	}
	return target.Bits()
}

// asertFactor returns 2^(frac/2^16), from frac = 0 up to 2^16 - 1, in units of
// 2^-16. The cubic is the specification's, and off by at most 0.013%. Its sum
// stays below 2^64.
func asertFactor(frac uint64) uint64 {
	const (
		linear    = 195_766_423_245_049
		quadratic = 971_821_376
		cubic     = 5_127
	)
	return 1<<16 + (linear*frac+quadratic*frac*frac+cubic*frac*frac*frac+1<<47)>>48
}
