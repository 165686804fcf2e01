package report

import (
	"maps"
	"slices"

	"github.com/lodepow/lode/lab/blocks"
)

const (
	forkMemory = 512 // latest blocks among which the picture of a fork is found
	forkAfter  = 16  // blocks that are awaited after the end of the longest fork
	forkWidth  = 24  // greatest number of heights in the picture
	forkMargin = 3   // heights beside the fork
)

// forkFinder finds the blocks around the longest stale branch of a run, in constant
// memory: it keeps the latest blocks, and a copy of them once a branch is longer than all
// before.
type forkFinder struct {
	recent []blocks.Block
	depth  map[int32]int // of the stale ones of the recent blocks: length of the branch up to it
	best   int           // length of the longest branch
	end    blocks.Block  // its last block
	copied []blocks.Block
	wait   int // blocks until the copy is made; 0: it is made
}

// see notes the next block, in the order of discovery.
func (f *forkFinder) see(b blocks.Block) {
	if f.depth == nil {
		f.depth = map[int32]int{}
	}
	f.recent = append(f.recent, b)
	if len(f.recent) == 2*forkMemory {
		f.recent = append(f.recent[:0], f.recent[forkMemory:]...)
		oldest := f.recent[0].Number
		maps.DeleteFunc(f.depth, func(number int32, _ int) bool { return number < oldest })
	}
	if b.Fate == blocks.WentStale {
		f.depth[b.Number] = f.depth[b.Parent] + 1
		// Of several branches of the same length the first is taken that does not begin
		// where the picture would have nothing on its left.
		early := f.end.Height-int64(f.best) < forkMargin && f.best > 0
		if d := f.depth[b.Number]; d > f.best || d == f.best && early {
			f.best, f.end, f.wait = f.depth[b.Number], b, forkAfter+1
		}
	}
	if f.wait > 0 {
		f.wait--
		if f.wait == 0 {
			f.copied = slices.Clone(f.recent)
		}
	} else if f.best == 0 && len(f.copied) < forkAfter {
		f.copied = append(f.copied, b)
	}
}

// blocks returns the blocks for the picture, by number.
func (f *forkFinder) blocks() []blocks.Block {
	if f.wait > 0 {
		f.copied = f.recent // the run ended soon after
	}
	if f.best == 0 {
		return slices.Clone(f.copied[:min(len(f.copied), 2*forkMargin+4)])
	}
	lowest := f.end.Height - int64(f.best) - forkMargin + 1
	highest := min(f.end.Height+forkMargin, lowest+forkWidth-1)
	return slices.DeleteFunc(slices.Clone(f.copied), func(b blocks.Block) bool { return b.Height < lowest || b.Height > highest })
}
