package rules

import (
	"slices"

	"github.com/lodepow/lode/pow"
)

// MedianSpan is the number of blocks whose times count for the median time past, as
// in Bitcoin.
const MedianSpan = 11

// State is everything that the rules need to know about a branch in order to judge
// its next block. It is a value: [State.Apply] returns the state with one more block
// and leaves the old one as it is. Two states are == if they describe the same
// branch. The zero State is no branch.
type State struct {
	Height int64
	Hash   pow.Hash // of the block at the top
	Work   pow.Work // of the branch from genesis to the top
	Time   uint32   // in the header of the block at the top
	Bits   pow.Bits

	// FirstTime is the time in the header of the block from which the difficulty rule
	// counts: block 1, the anchor of ASERT, or under [RuleBitcoin2016] the first block
	// of the window that has the top, block 1 in the first window. It is 0 at genesis.
	FirstTime uint32

	times [MedianSpan]uint32 // header times of the latest blocks, each at the index height mod MedianSpan

	// What the difficulty rule of the network needs besides. The first two do not
	// change from block to block.
	window int64  // RuleBitcoin2016: blocks from one change of the bits to the next; otherwise 0
	span   int    // RuleLwma: the greatest number of stamps in recent; otherwise 0
	recent recent // the latest blocks without genesis
}

// EmptyState returns the state below genesis, on which [State.Apply] puts genesis.
func (p Params) EmptyState() State {
	s := State{Height: -1}
	s.remember(p.config.Difficulty)
	return s
}

// remember notes what the state has to keep for the difficulty rule.
func (s *State) remember(d Difficulty) {
	switch d.Rule {
	case RuleBitcoin2016:
		s.window = int64(d.Window)
	case RuleLwma:
		s.span = int(d.Window) + 1
	}
}

// GenesisState returns the state of the branch that has only genesis. No rule applies
// to genesis. See [Params.Genesis] for the block itself.
func (p Params) GenesisState() State { return p.EmptyState().Apply(p.genesis) }

// Apply returns the state of the branch with one more block on top. The caller has
// checked the block; Apply checks nothing.
func (s State) Apply(h pow.Header) State { return s.ApplyHashed(h, h.Hash()) }

// ApplyHashed is [State.Apply] for a caller that knows the header's hash already.
func (s State) ApplyHashed(h pow.Header, hash pow.Hash) State {
	target, _, _ := h.Bits.Decode()
	s.Height++
	s.Hash = hash
	s.Work = s.Work.Add(target.Work())
	s.Time, s.Bits = h.Time, h.Bits
	s.times[s.Height%MedianSpan] = h.Time
	if s.Height == 1 || s.Height > 0 && s.window > 0 && s.Height%s.window == 0 {
		s.FirstTime = h.Time
	}
	if s.Height > 0 && s.span > 0 {
		s.recent = s.recent.add(Stamp{h.Time, h.Bits}, s.span)
	}
	return s
}

// MedianTimePast returns the median of the header times of the latest eleven blocks,
// or of all blocks if the branch is shorter. The time of the next block has to be
// greater.
func (s State) MedianTimePast() uint32 {
	times := s.times
	known := times[:min(s.Height+1, MedianSpan)]
	slices.Sort(known)
	return known[len(known)/2]
}

// NextBits returns the bits that the next block must have. Block 1 has the bits of the
// network under every rule.
func (s State) NextBits(p Params) pow.Bits {
	d := &p.config.Difficulty
	if s.Height < 1 {
		return d.Bits
	}
	switch d.Rule {
	case RuleAsert:
		return s.nextAsert(*d)
	case RuleBitcoin2016:
		return s.nextBitcoin2016(*d)
	case RuleLwma:
		return s.nextLwma(*d)
	}
	return d.Bits
}

// StateSpan returns how many of the latest blocks [Params.RestoreState] needs.
func (p Params) StateSpan() int {
	if d := p.config.Difficulty; d.Rule == RuleLwma {
		return max(MedianSpan, int(d.Window)+1)
	}
	return MedianSpan
}

// RestoreState returns the state of which only the exported fields have been kept.
// latest has the latest blocks of the branch, the top block first. There must be
// [Params.StateSpan] of them, or as many as the branch has, with genesis, if these are
// fewer.
func (p Params) RestoreState(s State, latest []Stamp) State {
	s = State{Height: s.Height, Hash: s.Hash, Work: s.Work, Time: s.Time, Bits: s.Bits, FirstTime: s.FirstTime}
	s.remember(p.config.Difficulty)
	for i, b := range latest[:min(len(latest), MedianSpan)] {
		s.times[(s.Height-int64(i))%MedianSpan] = b.Time
	}
	s.recent = recentOf(latest[:min(int64(s.span), int64(len(latest)), s.Height)]) // without genesis
	return s
}
