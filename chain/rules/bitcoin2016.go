package rules

import "github.com/lodepow/lode/pow"

// nextBitcoin2016 applies [RuleBitcoin2016], Bitcoin's difficulty rule with the
// arithmetic of [pow.Retarget], to the block after the top of the branch. Heights that
// are multiples of the window begin a new one. The first block of a window gets a new
// target: that of the window before, times the seconds from its first header to its
// last one, divided by window × spacing. The factor is at least 1/4 and at most 4. All
// other blocks have the bits of their parent.
//
// The rule has Bitcoin's two known weaknesses on purpose. A window of n blocks is
// measured over n-1 spacings (the first one, which begins with block 1, over n-2), so
// blocks come a little too late on average, by one part in n-1. And as the last header of a window and the first of the next one need not be
// in order, miners with most of the hash rate can stretch the measured time (timewarp).
//
// One thing differs from Bitcoin: the first window begins with block 1 instead of
// genesis, because the time of genesis is long past on a new network. Bitcoin's own
// first window gives the same bits either way.
func (s State) nextBitcoin2016(d Difficulty) pow.Bits {
	rule := pow.Retarget{Limit: d.Limit, Interval: d.Window, Spacing: d.Spacing}
	if !rule.Boundary(uint32(s.Height + 1)) {
		return s.Bits
	}
	bits := rule.Next(s.Bits, s.FirstTime, s.Time)
	if target, _, _ := bits.Decode(); target.IsZero() {
		return hardest()
	}
	return bits
}

// hardest returns the bits of the target 1, which is the hardest.
func hardest() pow.Bits { return pow.ZerosTarget(255).Bits() }
