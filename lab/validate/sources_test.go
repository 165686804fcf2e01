package validate

import (
	"math"
	"os"
	"testing"
)

// Rosenfeld's probabilities, computed as a random walk and not by his formula: first the
// attacker, who has found a block in advance, and the others find blocks until these have z;
// then the attacker has to get ahead of them.
func TestRosenfeldTable(t *testing.T) {
	for _, c := range rosenfeldTable {
		// ever[d] is the probability to gain d blocks on the others some time, as the limit of
		// the probabilities to do so within n blocks.
		const farthest = 300
		ever := make([]float64, farthest+2)
		ever[0] = 1
		for range 20_000 {
			for d := 1; d <= farthest; d++ {
				ever[d] = c.q*ever[d-1] + (1-c.q)*ever[d+1]
			}
		}
		// way[i][j] is the probability that the attacker has found i blocks and the others j
		// at some time.
		const most = 400
		success := 0.0
		way := map[[2]int]float64{{0, 0}: 1}
		for i := range most {
			for j := range c.z {
				p := way[[2]int{i, j}]
				way[[2]int{i + 1, j}] += p * c.q
				way[[2]int{i, j + 1}] += p * (1 - c.q)
			}
			success += way[[2]int{i, c.z}] * ever[max(0, c.z-i)] // one was found in advance, and one more makes the branch longer
		}
		digits := 5e-6
		if c.probability >= 0.05 && math.Mod(c.probability*1000, 1) < 1e-9 {
			digits = 1e-9 // exact
		}
		if math.Abs(success-c.probability) > digits {
			t.Errorf("q = %v, z = %d: %.7f, published %v", c.q, c.z, success, c.probability)
		}
	}
}

// Nakamoto's table by the sum of section 11 of the paper.
func TestNakamotoTable(t *testing.T) {
	for _, c := range nakamotoTable {
		ratio := c.q / (1 - c.q)
		mean := float64(c.z) * ratio
		density, sum := math.Exp(-mean), 1.0
		for k := range c.z + 1 {
			if k > 0 {
				density *= mean / float64(k)
			}
			sum -= density * (1 - math.Pow(ratio, float64(c.z-k)))
		}
		if math.Abs(sum-c.probability) > 5.1e-8 {
			t.Errorf("q = %v, z = %d: %.8f, published %v", c.q, c.z, sum, c.probability)
		}
	}
}

// Decker and Wattenhofer's model of forks gives what it is said to give.
func TestDeckerWattenhofer(t *testing.T) {
	if got := 1 - math.Pow(1-1/633.68, 11.37); math.Abs(got-0.0178) > 5e-5 {
		t.Errorf("the probability of a fork is %.5f, published 0.0178", got)
	}
}

// The revenues of the best strategy, as the paper computes them and package optimal does not:
// bisection of the share rho at which the best strategy of a Markov decision process wins
// nothing in the mean, and value iteration for each. With LODE_VALIDATE=1 chains are cut off
// only at 75 blocks, which takes a minute, and all rows are computed.
func TestOptimalTable(t *testing.T) {
	full := os.Getenv("LODE_VALIDATE") != ""
	longest := 30
	if full {
		longest = 75
	}
	for _, c := range optimalTable {
		if c.alpha >= 0.4 && c.gamma == 0 && !full {
			continue // long chains matter
		}
		low, high := 0.0, 1.0
		for high-low > 2e-6 {
			rho := (low + high) / 2
			if winsMore(c.alpha, c.gamma, rho, longest) {
				low = rho
			} else {
				high = rho
			}
		}
		// Chains are cut off, which costs the miner something.
		below := map[bool]float64{true: 1e-4, false: 2e-3}[full]
		if c.alpha > 0.4 {
			below = 1e-3
		}
		if low < c.theirs-below || low > c.theirs+1.2e-5 {
			t.Errorf("gamma %g, alpha %.3f: %.6f, published %.5f", c.gamma, c.alpha, low, c.theirs)
		}
		t.Logf("gamma %g, alpha %.3f: %.6f, published %.5f", c.gamma, c.alpha, low, c.theirs)
	}
}

// winsMore reports whether some strategy wins more than nothing in the mean, if each final
// block of the miner counts 1-rho and each of the others -rho.
func winsMore(alpha, gamma, rho float64, longest int) bool {
	const irrelevant, relevant, active = 0, 1, 2
	side := longest + 1
	at := func(a, h, fork int) int { return (a*side+h)*3 + fork }
	value, next := make([]float64, side*side*3), make([]float64, side*side*3)
	for {
		least, most := math.Inf(1), math.Inf(-1)
		for a := range side {
			for h := range side {
				for fork := range 3 {
					// Adopt.
					best := -rho*float64(h) + alpha*value[at(1, 0, irrelevant)] + (1-alpha)*value[at(0, 1, relevant)]
					if a > h { // override
						best = max(best, (1-rho)*float64(h+1)+alpha*value[at(a-h, 0, irrelevant)]+(1-alpha)*value[at(a-h-1, 1, relevant)])
					}
					if a < longest && h < longest {
						race := math.Inf(-1)
						if a >= h && h > 0 && fork != irrelevant { // match, or wait after a match
							race = alpha*value[at(a+1, h, active)] +
								(1-alpha)*gamma*((1-rho)*float64(h)+value[at(a-h, 1, relevant)]) +
								(1-alpha)*(1-gamma)*value[at(a, h+1, relevant)]
						}
						wait := alpha*value[at(a+1, h, irrelevant)] + (1-alpha)*value[at(a, h+1, relevant)]
						if fork == active && a >= h && h > 0 {
							wait = race
						}
						best = max(best, race, wait)
					}
					i := at(a, h, fork)
					change := best - value[i]
					least, most = min(least, change), max(most, change)
					next[i] = best
				}
			}
		}
		switch { // the gain for each step is between the least and the greatest change
		case least > 0:
			return true
		case most < 0:
			return false
		case most-least < 1e-8:
			return most+least > 0
		}
		base := next[at(1, 0, irrelevant)]
		for i := range next { // only differences matter; half a step keeps the iteration from going in circles
			value[i] += (next[i] - base - value[i]) / 2
		}
	}
}
