package stats

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// ErrTooFew is the error of a statistic that cannot be computed from so small a
// sample.
var ErrTooFew = errors.New("too few samples")

// minExpected is the least expected count of a class with which the distribution of
// Pearson's statistic is close enough to the chi-square distribution (Cochran 1954).
const minExpected = 5

// ChiSquare returns the p-value of Pearson's chi-square test of the hypothesis that
// the counts follow the expected ones. Neighbouring classes are merged until each
// has an expected count of at least five. The error wraps ErrTooFew if fewer than
// two classes remain.
func ChiSquare(counts []int, expected []float64) (p float64, err error) {
	type class struct{ count, want float64 }
	var classes []class
	var open class // collects neighbours until enough are expected
	for i := range counts {
		open.count += float64(counts[i])
		open.want += expected[i]
		if open.want >= minExpected {
			classes = append(classes, open)
			open = class{}
		}
	}
	if len(classes) < 2 {
		return 0, ErrTooFew
	}
	last := &classes[len(classes)-1] // gets what is left over
	last.count += open.count
	last.want += open.want
	var sum float64
	for _, c := range classes {
		sum += (c.count - c.want) * (c.count - c.want) / c.want
	}
	return distuv.ChiSquared{K: float64(len(classes) - 1)}.Survival(sum), nil
}

// Point summarises the searches of one difficulty.
type Point struct {
	Zeros int    // leading zero bits searched for
	N     int    // number of searches
	Total uint64 // number of tries of all searches together
}

// Slope fits the line log2(mean tries) = a + slope*zeros to the points by weighted
// least squares, and returns the slope with its confidence interval.
//
// The mean of n geometric numbers is nearly a gamma variable of shape n. The weights
// are therefore the reciprocals of the variance of such a variable's logarithm, and
// the bias of the logarithm is subtracted. The error wraps ErrTooFew if the points
// have fewer than two different difficulties.
func Slope(points []Point, confidence float64) (slope float64, i Interval, err error) {
	var w, wx, wy, wxx, wxy float64
	seen := map[int]struct{}{}
	for _, p := range points {
		if p.N == 0 {
			continue
		}
		seen[p.Zeros] = struct{}{}
		n := float64(p.N)
		y := (math.Log(float64(p.Total)/n) - (mathext.Digamma(n) - math.Log(n))) / math.Ln2
		weight := math.Ln2 * math.Ln2 / mathext.Zeta(2, n) // trigamma(n), the variance of the logarithm
		x := float64(p.Zeros)
		w += weight
		wx += weight * x
		wy += weight * y
		wxx += weight * x * x
		wxy += weight * x * y
	}
	if len(seen) < 2 {
		return 0, Interval{}, ErrTooFew
	}
	d := w*wxx - wx*wx
	slope = (w*wxy - wx*wy) / d
	half := distuv.UnitNormal.Quantile((1+confidence)/2) * math.Sqrt(w/d)
	return slope, Interval{slope - half, slope + half}, nil
}
