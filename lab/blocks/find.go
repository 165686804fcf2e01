package blocks

import (
	"errors"
	"math"
	"time"
)

// finder draws who finds a block, and when. All miners together find blocks as a Poisson
// process. The draw number i depends only on the seed and on i.
type finder struct {
	seed   uint64
	wheel  wheel   // of the miners at the start
	stages []stage // that follow, in order of time
	draw   uint64  // number of draws so far
}

// find is a moment at which a miner finds a block.
type find struct {
	at    int64 // nanoseconds since the start
	miner int32
	luck  float64 // uniform between 0 and 1, to thin the process out
}

var errSpan = errors.New("the run lasts more than 73 years: take fewer blocks, or scale the interval and all delays down")

// next draws the next find after the given time, if the network finds a block every mean
// nanoseconds at a power of 1.
func (f *finder) next(after int64, mean float64) (find, error) {
	s := newStream(f.seed, forFinds, f.draw, 0)
	f.draw++
	need := float64(s.exponential() * mean) // nanoseconds at a power of 1
	at := after
	factor, miners := 1.0, f.wheel
	for i := range f.stages {
		next := &f.stages[i]
		if next.at > at {
			if power := float64(factor * float64(next.at-at)); need > power {
				need -= power
				at = next.at
			} else {
				break
			}
		}
		factor, miners = next.factor, next.wheel
	}
	wait := need / factor
	if wait > maxSpan || at+int64(wait) > maxSpan {
		return find{}, errSpan
	}
	return find{at: at + int64(wait), miner: int32(miners.pick(&s)), luck: s.open()}, nil
}

// meanOf returns the mean time in nanoseconds between blocks that take that many hashes,
// for a network that finds a block of first hashes every interval.
func meanOf(hashes, first float64, interval time.Duration) float64 {
	return math.Max(1, float64(interval)*(hashes/first))
}
