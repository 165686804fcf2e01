package pow

// Retarget is Bitcoin's difficulty rule: every Interval blocks the target is
// scaled by the time the last Interval blocks took over the time they should
// have taken, by at most a factor of four either way, and never above Limit.
// Bitcoin measures from the first to the last block of the interval, so one
// spacing less than it says; see GetNextWorkRequired in Bitcoin Core's pow.cpp.
type Retarget struct {
	Limit    Bits   // the easiest target
	Interval uint32 // blocks, at least 2
	Spacing  uint32 // seconds a block, at least 1
}

// BitcoinRetarget returns the rule of Bitcoin's main chain: two weeks of
// ten-minute blocks, never easier than difficulty 1.
func BitcoinRetarget() Retarget {
	return Retarget{Limit: 0x1d00ffff, Interval: 2016, Spacing: 600}
}

// Boundary reports whether the block at that height gets a new target.
func (r Retarget) Boundary(height uint32) bool { return height%r.Interval == 0 }

// Next returns the bits of the block after an interval that had the bits last
// and whose first and last blocks carry those times.
func (r Retarget) Next(last Bits, firstTime, lastTime uint32) Bits {
	should := int64(r.Interval) * int64(r.Spacing)
	took := int64(lastTime) - int64(firstTime) // negative when times run backwards
	took = max(1, min(max(took, should/4), should*4))

	limit, _, _ := r.Limit.Decode()
	old, _, _ := last.Decode()
	scaled, ok := old.n.mulDiv(uint64(took), uint64(should))
	if !ok || scaled.cmp(limit.n) > 0 {
		return r.Limit
	}
	return Target{scaled}.Bits()
}
