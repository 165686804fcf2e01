package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Interval is a confidence interval.
type Interval struct{ Lo, Hi float64 }

// Contains reports whether x lies in the interval.
func (i Interval) Contains(x float64) bool { return i.Lo <= x && x <= i.Hi }

// MeanTries returns the exact confidence interval for the mean number of tries,
// given that n searches took total tries together. Whatever the true mean is, the
// interval contains it with at least the given confidence. It inverts the tests of
// the negative binomial distribution, as the interval of Clopper and Pearson (1934)
// does for a binomial proportion. MeanTries panics unless 0 < n <= total.
func MeanTries(n int, total uint64, confidence float64) Interval {
	if n <= 0 || total < uint64(n) {
		panic("stats: MeanTries needs at least one search, and at least one try for each")
	}
	tail := (1 - confidence) / 2
	// n searches take at most total tries exactly if at least n of total independent
	// tries succeed, so the binomial distribution gives the probability.
	lo := probability(func(p float64) float64 { return atLeast(n, total, p) }, tail)
	hi := 1.0
	if total > uint64(n) {
		hi = probability(func(p float64) float64 { return atLeast(n, total-1, p) }, 1-tail)
	}
	return Interval{1 / hi, 1 / lo}
}

// MeanTriesP returns the two-sided p-value of the hypothesis that n searches, which
// took total tries together, follow the distribution g. It is twice the smaller of
// the two tail probabilities, but at most 1.
func MeanTriesP(g Geometric, n int, total uint64) float64 {
	low := atLeast(n, total, g.P) // P(sum <= total)
	high := 1.0                   // P(sum >= total)
	if total > uint64(n) {
		high = 1 - atLeast(n, total-1, g.P)
	}
	return min(1, 2*min(low, high))
}

// atLeast returns the probability that at least k of n tries succeed, if each
// succeeds with probability p.
func atLeast(k int, n uint64, p float64) float64 {
	return mathext.RegIncBeta(float64(k), float64(n)-float64(k)+1, p)
}

// probability solves f(p) = y for the increasing function f. It bisects the
// logarithm of p, because p spans many orders of magnitude.
func probability(f func(p float64) float64, y float64) float64 {
	lo, hi := math.Log(math.SmallestNonzeroFloat64), 0.0
	for range 200 {
		middle := (lo + hi) / 2
		if f(math.Exp(middle)) < y {
			lo = middle
		} else {
			hi = middle
		}
	}
	return math.Exp(hi)
}

// Share returns the exact confidence interval of Clopper and Pearson for the
// probability of an event that occurred k times in n trials.
func Share(k, n int, confidence float64) Interval {
	tail := (1 - confidence) / 2
	i := Interval{0, 1}
	if k > 0 {
		i.Lo = probability(func(p float64) float64 { return atLeast(k, uint64(n), p) }, tail)
	}
	if k < n {
		i.Hi = probability(func(p float64) float64 { return atLeast(k+1, uint64(n), p) }, 1-tail)
	}
	return i
}
