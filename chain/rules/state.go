package rules

import (
	"slices"

	"github.com/lodepow/lode/pow"
)

// MedianSpan is how many blocks the median time past looks at, as in Bitcoin.
const MedianSpan = 11

// State is what the rules need to know of a branch to judge its next block. It
// is a value: [State.Apply] returns the next one.
type State struct {
	Height int64
	Hash   pow.Hash // of the block at the top
	Work   pow.Work // of the whole branch
	Time   uint32   // in the header of the block at the top
	Bits   pow.Bits

	FirstTime uint32 // in the header of block 1, the anchor of ASERT

	times [MedianSpan]uint32 // of the latest blocks, each at its height mod MedianSpan
}

// Genesis returns the state at the network's first block, which is what it is:
// no rule applies to it.
func Genesis(p Params) State {
	header, _ := p.Genesis()
	s := State{Height: -1}
	return s.Apply(header)
}

// Apply returns the state with one more block on top, which Check has to have
// accepted.
func (s State) Apply(h pow.Header) State { return s.ApplyHashed(h, h.Hash()) }

// ApplyHashed is Apply for a caller that has the hash already.
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

// MedianTimePast returns the median of the times of the latest eleven blocks.
// The next block's time has to be greater.
func (s State) MedianTimePast() uint32 {
	times := s.times
	known := times[:min(s.Height+1, MedianSpan)]
	slices.Sort(known)
	return known[len(known)/2]
}

// NextBits returns the bits that the next block must have.
func (s State) NextBits(p Params) pow.Bits { return p.NextBits(s.Height, s.Time, s.FirstTime) }

// WithTimes returns the state with the times of its latest blocks, the top one
// first; there are [MedianSpan] of them, or as many as the branch has blocks. It
// restores a state whose other fields were kept.
func (s State) WithTimes(latest []uint32) State {
	s.times = [MedianSpan]uint32{}
	for i, time := range latest {
		s.times[(s.Height-int64(i))%MedianSpan] = time
	}
	return s
}
