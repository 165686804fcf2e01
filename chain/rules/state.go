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

	FirstTime uint32 // in the header of block 1, the anchor of ASERT; 0 at genesis

	times [MedianSpan]uint32 // header times of the latest blocks, each at the index height mod MedianSpan
}

// GenesisState returns the state of the branch that has only genesis. No rule applies
// to genesis. See [Params.Genesis] for the block itself.
func (p Params) GenesisState() State { return State{Height: -1}.Apply(p.genesis) }

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
	if s.Height == 1 {
		s.FirstTime = h.Time
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

// NextBits returns the bits that the next block must have.
func (s State) NextBits(p Params) pow.Bits { return p.NextBits(s.Height, s.Time, s.FirstTime) }

// WithTimes returns the state with the given header times of its latest blocks, the
// top block first. There must be [MedianSpan] times, or as many as the branch has
// blocks if these are fewer. WithTimes restores a state of which only the exported
// fields have been kept.
func (s State) WithTimes(latest []uint32) State {
	s.times = [MedianSpan]uint32{}
	for i, time := range latest {
		s.times[(s.Height-int64(i))%MedianSpan] = time
	}
	return s
}
