// Package stats implements the statistics of proof of work: the distribution of the
// number of tries that a search takes, and tests and confidence intervals for
// samples of tries and of rates.
//
// Each try succeeds with the same probability p, independently of all others. The
// number of tries of a search is therefore geometric, P(tries > t) = (1-p)^t, with
// mean 1/p. The total of n searches is negative binomial, which makes exact
// confidence intervals for the mean possible.
package stats

import "math"

// Geometric is the distribution of the number of tries up to and including the
// first success, if each try succeeds with probability P.
type Geometric struct{ P float64 }

// Zeros returns the distribution for a search for a hash with the given number of
// leading zero bits.
func Zeros(zeros int) Geometric { return Geometric{math.Exp2(-float64(zeros))} }

// Mean returns the mean number of tries, 1/P.
func (g Geometric) Mean() float64 { return 1 / g.P }

// CDF returns the probability that a search takes at most the given number of tries.
func (g Geometric) CDF(tries float64) float64 {
	if tries < 1 {
		return 0
	}
	return -math.Expm1(math.Floor(tries) * math.Log1p(-g.P))
}

// Quantile returns the least number of tries for which the CDF is at least u, where
// 0 <= u < 1.
func (g Geometric) Quantile(u float64) float64 {
	t := math.Ceil(math.Log1p(-u) / math.Log1p(-g.P))
	if t > 1<<50 {
		return t // rounding errors exceed the distance to the neighbouring integers
	}
	// The division is only accurate to a few ulp, so check the neighbouring integers.
	for t > 1 && g.CDF(t-1) >= u {
		t--
	}
	for g.CDF(t) < u {
		t++
	}
	return max(t, 1)
}

// Residue returns the probability that the number of tries is congruent to rest
// modulo modulus, where 0 <= rest < modulus.
func (g Geometric) Residue(rest, modulus int) float64 {
	first := float64(rest) // the least number of tries with this remainder
	if rest == 0 {
		first = float64(modulus)
	}
	logQ := math.Log1p(-g.P)
	return g.P * math.Exp((first-1)*logQ) / -math.Expm1(float64(modulus)*logQ)
}
