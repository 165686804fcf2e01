package stats

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// ErrTooFew is the error of a test that too few samples cannot carry.
var ErrTooFew = errors.New("too few samples")

// minExpected is how many must be expected in a class for the chi-square law to
// be near enough (Cochran 1954).
const minExpected = 5

// ChiSquare returns the p-value of Pearson's test that counts follow what was
// expected of them. Neighbouring classes are joined until five are expected in
// each; the error wraps ErrTooFew when fewer than two classes remain.
func ChiSquare(counts []int, expected []float64) (p float64, err error) {
	var classes int
	var sum, count, want float64
	var lastCount, lastWant float64 // of the class before, which takes in the rest
	closeClass := func() {
		sum += (count - want) * (count - want) / want
		lastCount, lastWant = count, want
		classes++
		count, want = 0, 0
	}
	for i := range counts {
		count += float64(counts[i])
		want += expected[i]
		if want >= minExpected {
			closeClass()
		}
	}
	if want > 0 && classes > 0 {
		sum -= (lastCount - lastWant) * (lastCount - lastWant) / lastWant
		classes--
		count += lastCount
		want += lastWant
		closeClass()
	}
	if classes < 2 {
		return 0, ErrTooFew
	}
	return distuv.ChiSquared{K: float64(classes - 1)}.Survival(sum), nil
}

// Point is what n searches of one difficulty took together.
type Point struct {
	Zeros int
	N     int
	Total uint64 // tries
}

// Slope fits log2(mean tries) = a + slope*zeros through the points, with the
// weights that the law gives them, and returns the slope with its interval. The
// logarithm of a mean of n geometric numbers has the mean and the variance of
// that of a gamma variable of shape n, nearly.
func Slope(points []Point, confidence float64) (slope float64, i Interval, err error) {
	var w, wx, wy, wxx, wxy float64
	seen := map[int]bool{}
	for _, p := range points {
		if p.N == 0 {
			continue
		}
		seen[p.Zeros] = true
		n := float64(p.N)
		y := (math.Log(float64(p.Total)/n) - (mathext.Digamma(n) - math.Log(n))) / math.Ln2
		weight := math.Ln2 * math.Ln2 / mathext.Zeta(2, n) // the variance is trigamma(n)
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
