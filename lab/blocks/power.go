package blocks

import (
	"fmt"
	"math"
	"sort"
	"time"
)

// Power says who has how much of the hash rate. The zero Power gives all nodes the same.
type Power struct {
	// Miners is the number of nodes that mine, the first ones of the network; 0: all,
	// or as many as Shares has.
	Miners int

	// Zipf is the exponent of the law by which the hash rate of the miner number i,
	// from 1, is in proportion to i^-Zipf; 0: all have the same.
	Zipf float64

	// Shares has the hash rate of each miner, relative to the sum. Zipf must be 0.
	Shares []float64

	// Steps changes the hash rate over time, in order of At.
	Steps []PowerStep
}

// PowerStep changes the hash rate from At on, until the next step.
type PowerStep struct {
	At time.Duration // since the start, positive

	// Factor multiplies the hash rate of the whole network. It is 1 before the first step.
	// With Shares, 0 means 1.
	Factor float64 // from 1e-6 to 1e6

	// Shares, if set, has the hash rate of each miner from then on, in the unit of the
	// shares at the start: a sum that is half as large halves the hash rate of the network.
	// Without Shares they stay what they were.
	Shares []float64
}

// minFactor is the least factor of a step, and the reciprocal of the greatest.
const minFactor = 1e-6

func (p Power) validate(nodes int) error {
	switch {
	case p.Miners < 0 || p.Miners > nodes:
		return fmt.Errorf("power: %d miners: want 1 to %d, the number of nodes, or 0 for all", p.Miners, nodes)
	case len(p.Shares) > nodes:
		return fmt.Errorf("power: %d shares for %d nodes: want at most one for each node", len(p.Shares), nodes)
	case len(p.Shares) > 0 && p.Miners != 0 && p.Miners != len(p.Shares):
		return fmt.Errorf("power: %d miners but %d shares: leave the number of miners out", p.Miners, len(p.Shares))
	case len(p.Shares) > 0 && p.Zipf != 0:
		return fmt.Errorf("power: shares and a Zipf law exclude each other: leave one of them out")
	case !inRange(p.Zipf, 0, 10):
		return fmt.Errorf("power: Zipf exponent %v: want 0 to 10", p.Zipf)
	}
	var sum float64
	for i, s := range p.Shares {
		if !inRange(s, 0, math.MaxFloat64) {
			return fmt.Errorf("power: share %d is %v: want a number that is not negative", i, s)
		}
		sum += s
	}
	if len(p.Shares) > 0 && !inRange(sum, math.SmallestNonzeroFloat64, math.MaxFloat64) {
		return fmt.Errorf("power: the shares have the sum %v: want a positive one", sum)
	}
	return p.validateSteps(nodes)
}

func (p Power) validateSteps(nodes int) error {
	if len(p.Steps) == 0 {
		return nil // without the work of computing all shares
	}
	var last time.Duration
	total := sumOf(p.shares(nodes))
	for i, s := range p.Steps {
		factor := s.Factor
		if factor == 0 && len(s.Shares) > 0 {
			factor = 1
		}
		if s.At <= last || !inRange(factor, minFactor, 1/minFactor) {
			return fmt.Errorf("power: step %d, of the factor %v at %s: want a factor from %v to %v, and a later time than %s", i, s.Factor, s.At, minFactor, 1/minFactor, last)
		}
		last = s.At
		if len(s.Shares) == 0 {
			continue
		}
		if miners := p.count(nodes); len(s.Shares) != miners {
			return fmt.Errorf("power: step %d has %d shares for %d miners: want one for each", i, len(s.Shares), miners)
		}
		for k, share := range s.Shares {
			if !inRange(share, 0, math.MaxFloat64) {
				return fmt.Errorf("power: step %d: share %d is %v: want a number that is not negative", i, k, share)
			}
		}
		if ratio := sumOf(s.Shares) / total; !inRange(ratio, minFactor, 1/minFactor) {
			return fmt.Errorf("power: step %d: the shares have the sum %v, and those at the start %v: want from %v to %v times as much", i, sumOf(s.Shares), total, minFactor, 1/minFactor)
		}
	}
	return nil
}

func sumOf(numbers []float64) (sum float64) {
	for _, x := range numbers {
		sum += x
	}
	return sum
}

// stage is a time in which no hash rate changes.
type stage struct {
	at     int64   // when it begins
	factor float64 // hash rate of the network, relative to that at the start
	wheel  wheel   // of the miners
}

// stages returns what the steps do, after the stage before the first of them.
func (p Power) stages(nodes int) []stage {
	start := p.shares(nodes)
	total, ratio, w := sumOf(start), 1.0, newWheel(start)
	var list []stage
	for _, s := range p.Steps {
		factor := s.Factor
		if len(s.Shares) > 0 {
			ratio, w = sumOf(s.Shares)/total, newWheel(s.Shares)
			if factor == 0 {
				factor = 1
			}
		}
		list = append(list, stage{int64(s.At), float64(factor * ratio), w})
	}
	return list
}

// count returns the number of miners.
func (p Power) count(nodes int) int {
	switch {
	case len(p.Shares) > 0:
		return len(p.Shares)
	case p.Miners > 0:
		return p.Miners
	}
	return nodes
}

// shares returns the hash rate of each miner, relative to the sum. Miner i is node i.
func (p Power) shares(nodes int) []float64 {
	if len(p.Shares) > 0 {
		return p.Shares
	}
	shares := make([]float64, p.count(nodes))
	for i := range shares {
		shares[i] = exp(-float64(p.Zipf * ln(float64(i+1))))
	}
	return shares
}

// wheel draws numbers with given probabilities.
type wheel struct {
	ends []uint64 // number i is drawn for x from ends[i-1] to ends[i]-1
}

// newWheel makes a wheel for the numbers from 0 to len(weights)-1. At least one of the
// weights must be positive.
func newWheel(weights []float64) wheel {
	sum := sumOf(weights)
	ends := make([]uint64, len(weights))
	var end uint64
	for i, w := range weights {
		end += uint64(float64(w / sum * (1 << 52)))
		ends[i] = end
	}
	return wheel{ends}
}

func (w wheel) pick(s *stream) int {
	x := s.below(w.ends[len(w.ends)-1])
	return sort.Search(len(w.ends), func(i int) bool { return x < w.ends[i] })
}

// share returns the probability of the number i.
func (w wheel) share(i int) float64 {
	var begin uint64
	if i > 0 {
		begin = w.ends[i-1]
	}
	return float64(w.ends[i]-begin) / float64(w.ends[len(w.ends)-1])
}
