package pow

// Retarget is Bitcoin's difficulty rule. Every Interval blocks, the target is
// multiplied by the time that these blocks took and divided by the time that they
// should have taken. It changes by at most a factor of four in either direction
// and never exceeds Limit.
//
// The time that the blocks took is measured from the first to the last of them.
// That is one spacing too short, but it is the rule: see GetNextWorkRequired in
// Bitcoin Core's pow.cpp.
type Retarget struct {
	Limit    Bits   // the easiest target that is allowed
	Interval uint32 // blocks from one change of the target to the next, at least 2
	Spacing  uint32 // intended seconds between two blocks, at least 1
}

// BitcoinRetarget returns the rule of Bitcoin's main chain: intervals of 2016
// blocks, which are two weeks at ten minutes each, and no target easier than
// difficulty 1.
func BitcoinRetarget() Retarget {
	return Retarget{Limit: 0x1d00ffff, Interval: 2016, Spacing: 600}
}

// Boundary reports whether the block at the given height begins an interval and so
// has a new target.
func (r Retarget) Boundary(height uint32) bool { return height%r.Interval == 0 }

// Next returns the bits of the first block after an interval. last are the bits of
// the interval, firstTime and lastTime the times in its first and last header.
func (r Retarget) Next(last Bits, firstTime, lastTime uint32) Bits {
	should := int64(r.Interval) * int64(r.Spacing)
	took := int64(lastTime) - int64(firstTime) // may be negative, because times may decrease
	took = max(1, min(max(took, should/4), should*4))

	limit, _, _ := r.Limit.Decode()
	old, _, _ := last.Decode()
	scaled, ok := old.n.mulDiv(uint64(took), uint64(should))
	if !ok || scaled.cmp(limit.n) > 0 {
		return r.Limit
	}
	return Target{scaled}.Bits()
}
