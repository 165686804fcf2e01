package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// TestChiSquare compares p-values with known ones. The first case is the example in
// SciPy's documentation of chisquare. The others follow from closed forms: the
// p-value of a statistic x is exp(-x/2) with two degrees of freedom, and
// erfc(sqrt(x/2)) with one.
func TestChiSquare(t *testing.T) {
	for _, tc := range []struct {
		counts   []int
		expected []float64
		want     float64
	}{
		{[]int{16, 18, 16, 14, 12, 12}, []float64{16, 16, 16, 16, 16, 8}, 0.62338763},
		{[]int{10, 20, 30}, []float64{20, 20, 20}, math.Exp(-5)},
		{[]int{50, 50}, []float64{50, 50}, 1},
		{[]int{1, 1, 18, 20}, []float64{2.5, 2.5, 15, 20}, math.Exp(-1.2)},      // the first two classes are merged into one: 2 of 5
		{[]int{30, 8, 2}, []float64{24, 12, 4}, math.Erfc(math.Sqrt(3.75 / 2))}, // the last class is merged into the one before it
		{[]int{10, 20, 30, 5}, []float64{20, 20, 20, 0}, math.Exp(-16.25 / 2)},  // also if nothing is expected in it
	} {
		got, err := ChiSquare(tc.counts, tc.expected)
		if err != nil || !(math.Abs(got/tc.want-1) <= 1e-7) { // got may be no number
			t.Errorf("%v: %v (%v), want %v", tc.counts, got, err, tc.want)
		}
	}
	if _, err := ChiSquare([]int{3, 4}, []float64{3.5, 3.5}); !errors.Is(err, ErrTooFew) {
		t.Errorf("seven samples: %v", err)
	}
}

// TestSlopeCoverage simulates sweeps with few searches each, and checks that the
// share of the 95 % intervals that contain the true slope, 1, agrees with 95 %.
func TestSlopeCoverage(t *testing.T) {
	const sweeps = 1000
	r := rand.New(rand.NewPCG(1, 6))
	covered := 0
	for range sweeps {
		var points []Point
		for zeros := 3; zeros <= 9; zeros++ {
			p := Point{Zeros: zeros, N: 20}
			for range p.N {
				p.Total += draw(r, Zeros(zeros).P)
			}
			points = append(points, p)
		}
		_, i, err := Slope(points, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		if i.Contains(1) {
			covered++
		}
	}
	if i := Share(covered, sweeps, 0.999); i.Lo > 0.97 || i.Hi < 0.95 {
		t.Errorf("%d of %d 95 %% intervals contain the slope", covered, sweeps)
	}
}

// TestSlopeOfTwoPoints compares the line through two points of different numbers of
// searches with its closed form. The logarithm of a gamma variable of shape n has the mean
// digamma(n) and the variance trigamma(n). With Euler's constant g these are -g and pi²/6
// for n = 1, and 1-g and pi²/6-1 for n = 2 (Abramowitz and Stegun 6.3.2, 6.4.2).
func TestSlopeOfTwoPoints(t *testing.T) {
	const g = 0.5772156649015329
	low := (math.Log(10) + g) / math.Ln2
	high := (math.Log(100) - 1 + g) / math.Ln2
	half := 1.959963984540054 * math.Sqrt(math.Pi*math.Pi/6+math.Pi*math.Pi/6-1) / math.Ln2 / 2
	for _, points := range [][]Point{
		{{3, 1, 10}, {5, 2, 100}},
		{{5, 2, 100}, {4, 0, 0}, {3, 1, 10}}, // a point without searches counts nothing
	} {
		slope, i, err := Slope(points, 0.95)
		if err != nil || math.Abs(slope-(high-low)/2) > 1e-9 || math.Abs(i.Lo-(slope-half)) > 1e-9 || math.Abs(i.Hi-(slope+half)) > 1e-9 {
			t.Errorf("slope %v, %v (%v), want %v, half the interval %v", slope, i, err, (high-low)/2, half)
		}
	}
}

func TestSlopeWantsTwoPoints(t *testing.T) {
	for _, points := range [][]Point{nil, {{8, 10, 2560}}, {{8, 10, 2560}, {8, 10, 2560}}, {{8, 10, 2560}, {9, 0, 0}}} {
		if _, _, err := Slope(points, 0.95); !errors.Is(err, ErrTooFew) {
			t.Errorf("%v: %v", points, err)
		}
	}
}
