package stats

import (
	"fmt"
	"math"
	"slices"

	moremath "github.com/aclements/go-moremath/stats"
	"golang.org/x/perf/benchmath"
)

// Ratio is an estimate of a ratio, or of another positive quantity, with its
// confidence interval.
type Ratio struct {
	Interval
	Center     float64 // the estimate
	Confidence float64 // actual confidence of the interval
	N          int     // number of values or pairs; for unpaired samples, the size of the smaller one
}

// PairedRatio compares paired samples: a[i] and b[i] were measured in the same
// round. It returns the median of b[i]/a[i], with the confidence interval that
// package benchmath derives from order statistics. The error wraps ErrTooFew if
// there are too few pairs for an interval.
func PairedRatio(a, b []float64, confidence float64) (Ratio, error) {
	n := min(len(a), len(b))
	ratios := make([]float64, n)
	for i := range n {
		ratios[i] = b[i] / a[i]
	}
	return Median(ratios, confidence)
}

// Median returns the median of the values and its confidence interval. The error
// wraps ErrTooFew if there are too few values for an interval; the median is valid
// even then, unless there are no values at all.
func Median(values []float64, confidence float64) (Ratio, error) {
	if len(values) == 0 {
		return Ratio{}, fmt.Errorf("%w: none", ErrTooFew)
	}
	thresholds := benchmath.DefaultThresholds
	sample := benchmath.NewSample(slices.Clone(values), &thresholds)
	s := benchmath.AssumeNothing.Summary(sample, confidence)
	r := Ratio{Interval{s.Lo, s.Hi}, s.Center, s.Confidence, len(values)}
	if len(s.Warnings) > 0 {
		return r, fmt.Errorf("%w: %w", ErrTooFew, s.Warnings[0])
	}
	return r, nil
}

// UnpairedRatio compares two independent samples of positive values. It returns the
// median of all b[j]/a[i], with the interval of Hodges and Lehmann (1963): the ratios
// that the Mann-Whitney test would not reject. The interval therefore excludes 1
// exactly if that test, which benchstat uses too, finds a difference. The error
// wraps ErrTooFew if the samples are too small for an interval. The confidence is less
// than 1, and one below 0 counts as 0.
func UnpairedRatio(a, b []float64, confidence float64) (Ratio, error) {
	confidence = max(confidence, 0)
	var ratios []float64
	for _, x := range a {
		for _, y := range b {
			ratios = append(ratios, y/x)
		}
	}
	r := Ratio{Confidence: confidence, N: min(len(a), len(b))}
	if len(ratios) == 0 {
		return r, fmt.Errorf("%w: none", ErrTooFew)
	}
	slices.Sort(ratios)
	m := len(ratios)
	r.Center = math.Sqrt(ratios[(m-1)/2] * ratios[m/2])

	// Find the largest k with P(U < k) <= tail. The interval leaves out the k-1
	// smallest and the k-1 largest ratios. U is symmetric and tail is 1/2 at most, so
	// that k-1 <= m-k.
	tail := (1 - confidence) / 2
	k := 0
	if max(len(a), len(b)) <= exactU {
		u := moremath.UDist{N1: len(a), N2: len(b)}
		for u.CDF(float64(k)) <= tail {
			k++
		}
	} else {
		n1, n2 := float64(len(a)), float64(len(b))
		sigma := math.Sqrt(n1 * n2 * (n1 + n2 + 1) / 12)
		z := math.Sqrt2 * math.Erfinv(confidence)
		// U is a whole number: U < k is U <= k-1, and 0.5 corrects for continuity.
		k = int(math.Floor(n1*n2/2 - z*sigma + 0.5))
	}
	if k <= 0 {
		r.Interval = Interval{0, math.Inf(1)}
		return r, fmt.Errorf("%w: samples of %d and %d values have no interval at %g %%", ErrTooFew, len(a), len(b), 100*confidence)
	}
	r.Interval = Interval{ratios[k-1], ratios[m-k]}
	return r, nil
}

// exactU is the largest sample size for which the exact distribution of the
// Mann-Whitney statistic U is computed. For larger samples, the normal approximation
// is accurate enough.
const exactU = 30
