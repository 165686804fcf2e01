// Package stats is the mathematics of proof of work: how many tries an answer
// takes, and what a sample of tries or of rates says.
//
// Each try succeeds with the same probability p, whatever came before. So the
// number of tries is geometric: P(tries > t) = (1-p)^t, with mean 1/p. The sum of
// n of them is negative binomial, and an interval for the mean can be exact.
package stats

import "math"

// Geometric is the law of the number of tries, from 1, when each succeeds with
// probability P.
type Geometric struct{ P float64 }

// Zeros returns the law for hashes that must begin with that many zero bits.
func Zeros(zeros int) Geometric { return Geometric{math.Exp2(-float64(zeros))} }

// Mean returns the mean number of tries, 1/P.
func (g Geometric) Mean() float64 { return 1 / g.P }

// CDF returns the probability of at most that many tries.
func (g Geometric) CDF(tries float64) float64 {
	if tries < 1 {
		return 0
	}
	return -math.Expm1(math.Floor(tries) * math.Log1p(-g.P))
}

// Quantile returns the least number of tries of which the CDF is at least u, with
// u from 0 to less than 1.
func (g Geometric) Quantile(u float64) float64 {
	t := math.Ceil(math.Log1p(-u) / math.Log1p(-g.P))
	if t > 1<<50 {
		return t // neighbours are no longer told apart
	}
	// The division is good to a few ulp only, so look at the neighbours.
	for t > 1 && g.CDF(t-1) >= u {
		t--
	}
	for g.CDF(t) < u {
		t++
	}
	return max(t, 1)
}

// Residue returns the probability that the number of tries leaves that rest, 0 to
// modulus-1, when divided by the modulus.
func (g Geometric) Residue(rest, modulus int) float64 {
	first := float64(rest) // the least number of tries that leaves the rest
	if rest == 0 {
		first = float64(modulus)
	}
	logQ := math.Log1p(-g.P)
	return g.P * math.Exp((first-1)*logQ) / -math.Expm1(float64(modulus)*logQ)
}
