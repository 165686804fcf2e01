package rules

import "github.com/lodepow/lode/pow"

// Asert is aserti3-2d, the difficulty rule of Bitcoin Cash. The schedule is one
// block every Spacing seconds after an anchor block. The target of a block is that
// of the anchor, doubled for every HalfLife seconds that its parent is behind the
// schedule, and halved for every HalfLife seconds that it is ahead. Blocks between
// the anchor and the parent have no influence, so errors do not accumulate.
//
// The results are bit for bit those of the specification of 2020-11-15, which uses
// fixed-point arithmetic. (In the name, i3 means integers and a cubic that
// approximates the power of two, and 2d means Bitcoin Cash's half-life of two days.)
type Asert struct {
	// Height, ParentTime and Bits describe the anchor. The anchor is on schedule if
	// its own time is Spacing seconds after ParentTime.
	Height     int64
	ParentTime int64 // seconds since 1970-01-01 UTC
	Bits       pow.Bits

	Spacing  uint32   // intended seconds between blocks
	HalfLife uint32   // in seconds, not 0
	Limit    pow.Bits // the easiest target
}

// Next returns the bits of the child of a block whose height is from 0 to
// [block.MaxHeight] and whose time is in seconds since 1970-01-01 UTC.
func (a Asert) Next(height, time int64) pow.Bits {
	late := time - a.ParentTime - int64(a.Spacing)*(height-a.Height+1) // seconds behind schedule

	// The exponent is late / HalfLife in units of 2^-16, rounded towards zero. Its
	// bound of ±512 changes nothing, because a factor of 2^±512 takes every target
	// out of range.
	half := int64(a.HalfLife)
	whole := min(max(late/half, -512), 512)
	exponent := whole<<16 + (late%half)<<16/half

	// Multiply by 2^exponent: shift by the floor of the exponent, and multiply by 2
	// to the power of the rest, which is a factor from 1 to 2.
	shift, frac := exponent>>16, uint64(exponent&0xffff)
	anchor, _, _ := a.Bits.Decode()
	limit, _, _ := a.Limit.Decode()
	target, ok := anchor.MulShift(asertFactor(frac), int(shift)-16)
	switch {
	case !ok || target.Cmp(limit) > 0:
		return a.Limit
	case target.IsZero():
		return pow.ZerosTarget(255).Bits() // a target of 1, which is the hardest
	}
	return target.Bits()
}

// asertFactor returns 2^(frac/2^16) in units of 2^-16, for frac from 0 to 2^16 - 1.
// It uses the specification's cubic, whose error is at most 0.013%. The sum stays
// below 2^64.
func asertFactor(frac uint64) uint64 {
	const (
		linear    = 195_766_423_245_049
		quadratic = 971_821_376
		cubic     = 5_127
	)
	return 1<<16 + (linear*frac+quadratic*frac*frac+cubic*frac*frac*frac+1<<47)>>48
}

// nextAsert applies [Asert] to the block after the top of the branch, which is not
// genesis.
//
// ASERT is anchored at block 1, as if block 1 had come on schedule. It is not
// anchored at genesis because the time of genesis is long past: a new network
// would be years behind schedule and stay at the limit.
func (s State) nextAsert(d Difficulty) pow.Bits {
	return Asert{
		Height:     1,
		ParentTime: int64(s.FirstTime) - int64(d.Spacing),
		Bits:       d.Bits,
		Spacing:    d.Spacing,
		HalfLife:   d.HalfLife,
		Limit:      d.Limit,
	}.Next(s.Height, int64(s.Time))
}
