package stats

import (
	"fmt"
	"math"
	"slices"

	moremath "github.com/aclements/go-moremath/stats"
	"golang.org/x/perf/benchmath"
)

// Ratio is how many times larger one thing is than another, with an interval.
type Ratio struct {
	Interval
	Center     float64
	Confidence float64
	N          int // pairs, or samples of the smaller side
}

// PairedRatio compares samples that were taken in turns: a[i] and b[i] in the
// same round. It is the median of b[i]/a[i] with the interval that order
// statistics give, as benchmath has it. The error wraps ErrTooFew when so few
// pairs have no interval.
func PairedRatio(a, b []float64, confidence float64) (Ratio, error) {
	n := min(len(a), len(b))
	ratios := make([]float64, n)
	for i := range n {
		ratios[i] = b[i] / a[i]
	}
	return Median(ratios, confidence)
}

// Median returns the median of the values and its interval.
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

// UnpairedRatio compares two sets of positive samples that were not taken in
// turns: the median of all b[j]/a[i], and the interval of the ratios that the
// Mann-Whitney test would not refuse (Hodges and Lehmann 1963). So the interval
// leaves out 1 just when that test, which benchstat uses, finds a difference.
func UnpairedRatio(a, b []float64, confidence float64) (Ratio, error) {
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

	// The largest k with P(U < k) at most the tail: k ratios fall off each end.
	tail := (1 - confidence) / 2
	k := 0
	if max(len(a), len(b)) <= exactU {
		u := moremath.UDist{N1: len(a), N2: len(b)}
		for k < m/2 && u.CDF(float64(k)) <= tail {
			k++
		}
	} else {
		n1, n2 := float64(len(a)), float64(len(b))
		sigma := math.Sqrt(n1 * n2 * (n1 + n2 + 1) / 12)
		z := math.Sqrt2 * math.Erfinv(confidence)
		k = int(math.Floor(n1*n2/2 - z*sigma - 0.5))
	}
	if k <= 0 {
		r.Interval = Interval{0, math.Inf(1)}
		return r, fmt.Errorf("%w: %d and %d have no interval at %g %%", ErrTooFew, len(a), len(b), 100*confidence)
	}
	r.Interval = Interval{ratios[k-1], ratios[m-k]}
	return r, nil
}

// exactU is up to how many samples a side the distribution of U is computed; past
// that it is normal enough.
const exactU = 30
