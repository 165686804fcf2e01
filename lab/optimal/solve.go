package optimal

import (
	"fmt"
	"math"

	"github.com/lodepow/lode/lab/blocks"
)

// Problem is a miner among honest ones.
type Problem struct {
	Alpha      float64 // share of the hash rate, above 0 and below 1/2
	Gamma      float64 // share of the others that mine on the miner's branch in a race, from 0 to 1
	Truncation int     // greatest length of a chain, from 2 to 200; 0: 80

	// Late says that the miner can split the network even after it has found a block
	// itself, as where nodes choose between branches of the same length at random
	// whenever the second one comes (Eyal and Sirer's proposal, with a Gamma of 1/2).
	Late bool
}

// Solution is the best strategy and what it earns.
type Solution struct {
	// Policy is the strategy as a table for lab/blocks. Its label is "optimal".
	Policy blocks.Policy

	// Revenue is the miner's share of the main chain with this policy, exact but for
	// rounding. It is a lower bound of what the best strategy without truncation earns.
	Revenue float64

	// Upper is an upper bound of what the best strategy without truncation earns.
	Upper float64
}

func (p Problem) withDefaults() (Problem, error) {
	if p.Truncation == 0 {
		p.Truncation = 80
	}
	switch {
	case !(p.Alpha > 0 && p.Alpha < 0.5):
		return p, fmt.Errorf("alpha %v: want more than 0 and less than 0.5", p.Alpha)
	case !(p.Gamma >= 0 && p.Gamma <= 1):
		return p, fmt.Errorf("gamma %v: want 0 to 1", p.Gamma)
	case p.Truncation < 2 || p.Truncation > 200:
		return p, fmt.Errorf("truncation %d: want 2 to 200", p.Truncation)
	}
	return p, nil
}

// Solve finds the best strategy. With the default truncation it takes some tenths of a
// second; close to half of the hash rate it takes longer, and the bounds are wider.
func Solve(p Problem) (Solution, error) {
	p, err := p.withDefaults()
	if err != nil {
		return Solution{}, err
	}
	lower := newSolver(p, false)
	revenue := lower.best()
	upper := newSolver(p, true)
	return Solution{
		Policy:  blocks.Policy{Label: "optimal", Actions: lower.policy()},
		Revenue: revenue,
		Upper:   max(revenue, upper.best()),
	}, nil
}

// Threshold returns the least share of the hash rate above which some strategy earns more
// than an honest miner does, to 1e-5. Alpha of the problem is not used, and a Truncation
// of 0 means 40. If even a share of a thousandth is enough the threshold is 0.
func Threshold(p Problem) (float64, error) {
	if p.Truncation == 0 {
		p.Truncation = 40
	}
	low, high := 0.001, 0.499
	p.Alpha = low
	if _, err := p.withDefaults(); err != nil || pays(p) {
		return 0, err
	}
	for high-low > 1e-5 {
		p.Alpha = (low + high) / 2
		if pays(p) {
			high = p.Alpha
		} else {
			low = p.Alpha
		}
	}
	return (low + high) / 2, nil
}

func pays(p Problem) bool { return newSolver(p, false).best() > p.Alpha+1e-7 }

// solver holds what is known of each state.
type solver struct {
	Problem
	over    bool // give the miner more at the truncation than it can get
	order   []int
	choices [][]choice // by state

	// By state, see index: the choice, what the miner and the others are expected to have
	// in the chain at the end of the cycle with these choices, and what that is worth.
	chosen      []choice
	own, others []float64
	value       []float64
}

func newSolver(p Problem, over bool) *solver {
	n := (p.Truncation + 1) * (p.Truncation + 1) * races
	s := &solver{
		Problem: p, over: over, choices: make([][]choice, n),
		value: make([]float64, n), chosen: make([]choice, n), own: make([]float64, n), others: make([]float64, n),
	}
	// Mining leads to longer chains and only Override and a won race to shorter ones, so
	// that one sweep from the longest chains to the shortest settles all but these.
	for sum := 2 * p.Truncation; sum >= 1; sum-- {
		for a := max(0, sum-p.Truncation); a <= min(sum, p.Truncation); a++ {
			for race := range blocks.Race(races) {
				i := s.index(a, sum-a, race)
				s.order = append(s.order, i)
				s.choices[i] = s.choicesAt(a, sum-a, race)
				s.chosen[i] = s.choices[i][min(1, max(0, 2*a-sum))] // Override if the private chain is longer, or else Adopt
			}
		}
	}
	return s
}

// best finds the best strategy and returns its revenue. It begins with an honest miner and
// changes the strategy as long as it can do better (Howard's policy iteration): first
// roughly, because that is fast, and then exactly.
func (s *solver) best() (revenue float64) {
	for _, exactness := range []float64{1e-6, 1e-11} {
		for changed := true; changed; {
			s.evaluate(exactness)
			own, others := s.cycle(s.own), s.cycle(s.others)
			revenue = own / (own + others)
			changed = s.improve(revenue, exactness*1e4)
		}
	}
	return revenue
}

// cycle returns the mean of a figure at the start of a cycle: the miner has just adopted
// the public chain.
func (s *solver) cycle(figure []float64) float64 {
	first, second := s.index(1, 0, blocks.Irrelevant), s.index(0, 1, blocks.Irrelevant)
	return float64(s.Alpha*figure[first]) + float64((1-s.Alpha)*figure[second])
}

// improve takes in each state the choice that is worth most if the miner goes on as
// before, an own block counts 1-revenue and another -revenue. It does so several times,
// because a better choice in one state makes others better. It reports whether any choice
// has changed. A choice stays unless another one is better by more than the gain, which
// is above the errors of the values, so that the search ends.
func (s *solver) improve(revenue, gain float64) (changed bool) {
	for i := range s.value {
		s.value[i] = float64((1-revenue)*s.own[i]) - float64(revenue*s.others[i])
	}
	worth := func(c *choice) float64 {
		return float64((1-revenue)*c.own) - float64(revenue*c.others) + c.expect(s.value)
	}
	for range 10 {
		for _, i := range s.order {
			best := worth(&s.chosen[i])
			for k := range s.choices[i] {
				if v := worth(&s.choices[i][k]); v > best+gain {
					best, s.chosen[i], changed = v, s.choices[i][k], true
				}
			}
			s.value[i] = best
		}
	}
	return changed
}

// evaluate computes what the chosen actions lead to, by sweeps over all states until none
// changes by more than the exactness.
func (s *solver) evaluate(exactness float64) {
	const most = 100_000 // sweeps; never reached, because each leaves less to be changed
	for range most {
		change := 0.0
		for _, i := range s.order {
			c := &s.chosen[i]
			own, others := c.own+c.expect(s.own), c.others+c.expect(s.others)
			change = max(change, max(math.Abs(own-s.own[i]), math.Abs(others-s.others[i]))/(1+own+others))
			s.own[i], s.others[i] = own, others
		}
		if change < exactness {
			return
		}
	}
}
