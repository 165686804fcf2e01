package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Interval is a confidence interval.
type Interval struct{ Lo, Hi float64 }

// Contains reports whether x lies in the interval.
func (i Interval) Contains(x float64) bool { return i.Lo <= x && x <= i.Hi }

// MeanTries returns the exact interval for the mean number of tries, given that n
// searches took total tries together. It holds the true mean with at least the
// given confidence, whatever that mean is: the total is negative binomial, and
// the interval inverts its tests, as that of Clopper and Pearson (1934) does for
// a share. It panics unless 0 < n <= total.
func MeanTries(n int, total uint64, confidence float64) Interval {
	if n <= 0 || total < uint64(n) {
		panic("stats: MeanTries wants at least one search, and a try for each")
	}
	tail := (1 - confidence) / 2
	// n answers in at most total tries: a binomial of total tries has n or more.
	lo := probability(func(p float64) float64 { return atLeast(n, total, p) }, tail)
	hi := 1.0
	if total > uint64(n) {
		hi = probability(func(p float64) float64 { return atLeast(n, total-1, p) }, 1-tail)
	}
	return Interval{1 / hi, 1 / lo}
}

// MeanTriesP returns the probability, under the law, of a total at least as
// unlikely as this one: twice the lesser of both tails.
func MeanTriesP(g Geometric, n int, total uint64) float64 {
	low := atLeast(n, total, g.P) // P(sum <= total)
	high := 1.0                   // P(sum >= total)
	if total > uint64(n) {
		high = 1 - atLeast(n, total-1, g.P)
	}
	return min(1, 2*min(low, high))
}

// atLeast returns the probability that at least k of n tries succeed.
func atLeast(k int, n uint64, p float64) float64 {
	return mathext.RegIncBeta(float64(k), float64(n)-float64(k)+1, p)
}

// probability returns the p of which the increasing function f is y, by bisection
// of its logarithm, since p spans many orders of magnitude.
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

// Share returns the exact interval of Clopper and Pearson for the probability of
// what was seen k times in n.
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
