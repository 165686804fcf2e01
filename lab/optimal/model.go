package optimal

import (
	"math"

	"github.com/lodepow/lode/lab/blocks"
)

// choice is an action in a state, and what follows from it.
type choice struct {
	action      blocks.Action
	own, others float64 // blocks of the miner and of the others that become final

	// The states after the next block, and their probabilities. Without any the cycle
	// is over.
	next        [3]int
	probability [3]float64
}

// expect returns the mean of a figure of the states that follow.
func (c *choice) expect(figure []float64) (mean float64) {
	for i, p := range c.probability {
		mean += float64(p * figure[c.next[i]])
	}
	return mean
}

const races = 3

// overpaid is the action at the truncation of the upper bound, after which the cycle ends.
const overpaid blocks.Action = -1

func (s *solver) index(a, h int, race blocks.Race) int {
	return (a*(s.Truncation+1)+h)*races + int(race)
}

// choicesAt returns the choices in a state, in the order Adopt, Override, Match, Wait.
func (s *solver) choicesAt(a, h int, race blocks.Race) []choice {
	list := []choice{{action: blocks.Adopt, others: float64(h)}}
	if a > h {
		list = append(list, choice{
			action: blocks.Override, own: float64(h + 1),
			next:        [3]int{s.index(a-h, 0, blocks.Irrelevant), s.index(a-h-1, 1, blocks.Relevant)},
			probability: [3]float64{s.Alpha, 1 - s.Alpha},
		})
	}
	split := a >= h && h > 0 // whether the branches can have the same length
	switch {
	case a == s.Truncation || h == s.Truncation:
		if s.over {
			list = append(list, s.overpay(a, h))
		}
		return list
	case race == blocks.Active && split:
		return append(list, s.split(blocks.Wait, a, h))
	case (race == blocks.Relevant || s.Late) && split:
		list = append(list, s.split(blocks.Match, a, h))
	}
	return append(list, choice{
		action:      blocks.Wait,
		next:        [3]int{s.index(a+1, h, blocks.Irrelevant), s.index(a, h+1, blocks.Relevant)},
		probability: [3]float64{s.Alpha, 1 - s.Alpha},
	})
}

// split returns the choice after which the network is split between two branches of
// length h. Others who mine on the miner's branch make h of its blocks final with their
// next block.
func (s *solver) split(action blocks.Action, a, h int) choice {
	won := float64((1 - s.Alpha) * s.Gamma)
	return choice{
		action: action, own: float64(won * float64(h)),
		next:        [3]int{s.index(a+1, h, blocks.Active), s.index(a-h, 1, blocks.Relevant), s.index(a, h+1, blocks.Relevant)},
		probability: [3]float64{s.Alpha, won, float64((1 - s.Alpha) * (1 - s.Gamma))},
	}
}

// overpay returns more than the miner can get from a state: all blocks that it finds
// until its lead is lost for good, and none of the others.
//
// The lead is at most a random walk that goes up with the probability alpha. From a lead
// of d it takes d/(1-2 alpha) blocks on average until the lead is 0, and from there
// 4 alpha (1-alpha)/(1-2 alpha)^2 blocks until the walk is at 0 for the last time, half of
// which are the miner's. A walk that is d behind ever reaches 0 with the probability
// (alpha/(1-alpha))^d, and then takes d/(1-2 alpha) blocks on average. If it never does
// the miner has to adopt at least h blocks.
func (s *solver) overpay(a, h int) choice {
	alpha := s.Alpha
	drift := 1 - 2*alpha
	after := 2 * alpha * (1 - alpha) / float64(drift*drift)
	if a >= h {
		return choice{action: overpaid, own: float64(a) + float64(alpha*float64(a-h))/drift + after}
	}
	behind := float64(h - a)
	reach := math.Pow(alpha/(1-alpha), behind)
	return choice{
		action: overpaid,
		own:    float64(reach * (float64(a) + float64((1-alpha)*behind)/drift + after)),
		others: float64((1 - reach) * float64(h)),
	}
}

// policy returns the actions in the form of [blocks.Policy].
func (s *solver) policy() [][][3]blocks.Action {
	table := make([][][3]blocks.Action, s.Truncation+1)
	for a := range table {
		table[a] = make([][3]blocks.Action, s.Truncation+1)
		for h := range table[a] {
			for race := range blocks.Race(races) {
				table[a][h][race] = s.chosen[s.index(a, h, race)].action
			}
		}
	}
	return table
}
