package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// binomial returns the probability of at least k successes in n trials, computed
// from the definition.
func binomial(k, n int, p float64) float64 {
	var sum float64
	for i := k; i <= n; i++ {
		lg := func(x int) float64 { y, _ := math.Lgamma(float64(x) + 1); return y }
		sum += math.Exp(lg(n) - lg(i) - lg(n-i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

// TestMeanTriesInvertsTheLaw checks the definition of the interval: if the true mean
// is at one of its ends, the observed total has the tail probability 0.025.
func TestMeanTriesInvertsTheLaw(t *testing.T) {
	for _, tc := range []struct {
		n     int
		total uint64
	}{{1, 1}, {1, 50}, {3, 40}, {20, 20}, {20, 700}, {50, 51}} {
		i := MeanTries(tc.n, tc.total, 0.95)
		if got := binomial(tc.n, int(tc.total), 1/i.Hi); math.Abs(got-0.025) > 1e-9 {
			t.Errorf("%+v: P(total or less) at mean %v is %v", tc, i.Hi, got)
		}
		if tc.total == uint64(tc.n) {
			if i.Lo != 1 {
				t.Errorf("%+v: lower end %v, want 1", tc, i.Lo)
			}
			continue
		}
		if got := 1 - binomial(tc.n, int(tc.total)-1, 1/i.Lo); math.Abs(got-0.025) > 1e-9 {
			t.Errorf("%+v: P(total or more) at mean %v is %v", tc, i.Lo, got)
		}
	}
}

// TestMeanTriesOfLongSearches checks the limit of many tries against published
// tables: 2*total/mean is then chi-square distributed with 2n degrees of freedom.
func TestMeanTriesOfLongSearches(t *testing.T) {
	for _, tc := range []struct {
		n      int
		lo, hi float64 // 2.5 % and 97.5 %
	}{{1, 0.05063562, 7.377759}, {6, 4.403789, 23.33666}, {100, 162.7280, 241.0579}} {
		total := uint64(tc.n) << 30
		i := MeanTries(tc.n, total, 0.95)
		for _, end := range []struct{ got, want float64 }{
			{i.Lo, 2 * float64(total) / tc.hi}, {i.Hi, 2 * float64(total) / tc.lo},
		} {
			if math.Abs(end.got/end.want-1) > 1e-5 {
				t.Errorf("n = %d: %v, want %v", tc.n, end.got, end.want)
			}
		}
	}
}

// TestCoverage simulates sweeps, try by try. The share of the 95 % intervals that
// contain the true mean must agree with 95 %, or be slightly larger, because the
// number of tries is discrete. A p-value must be below 5 % exactly if the interval
// does not contain the mean.
func TestCoverage(t *testing.T) {
	const sweeps = 2000
	r := rand.New(rand.NewPCG(6, 6))
	for _, n := range []int{1, 5, 40} {
		covered, small := 0, 0
		for range sweeps {
			var total uint64
			for range n {
				total += draw(r, 1./64)
			}
			if MeanTries(n, total, 0.95).Contains(64) {
				covered++
			}
			if MeanTriesP(Zeros(6), n, total) < 0.05 {
				small++
			}
		}
		if i := Share(covered, sweeps, 0.999); i.Hi < 0.95 || i.Lo > 0.97 {
			t.Errorf("n = %d: %d of %d intervals contain the mean", n, covered, sweeps)
		}
		if covered+small != sweeps {
			t.Errorf("n = %d: %d of %d intervals contain the mean, but %d have p < 0.05", n, covered, sweeps, small)
		}
	}
}

// TestShare checks intervals of Clopper and Pearson against published ones.
func TestShare(t *testing.T) {
	for _, tc := range []struct {
		k, n   int
		lo, hi float64
	}{{0, 10, 0, 0.3084971}, {10, 10, 0.6915029, 1}, {3, 10, 0.06673951, 0.6524529}, {19, 20, 0.7512671, 0.9987349}} {
		i := Share(tc.k, tc.n, 0.95)
		if math.Abs(i.Lo-tc.lo) > 1e-6 || math.Abs(i.Hi-tc.hi) > 1e-6 {
			t.Errorf("%d of %d: %v, want %v to %v", tc.k, tc.n, i, tc.lo, tc.hi)
		}
	}
}

func TestMeanTriesRefusesNonsense(t *testing.T) {
	for _, tc := range []struct {
		n     int
		total uint64
	}{{0, 5}, {6, 5}, {-1, 5}} {
		func() {
			defer func() {
				// Other functions panic as well, about other things.
				if said := fmt.Sprint(recover()); !strings.Contains(said, "at least one search") {
					t.Errorf("%+v: panic %q", tc, said)
				}
			}()
			MeanTries(tc.n, tc.total, 0.95)
		}()
	}
}

// TestContains checks that an interval contains its ends.
func TestContains(t *testing.T) {
	i := Interval{1, 2}
	for x, want := range map[float64]bool{0.999: false, 1: true, 1.5: true, 2: true, 2.001: false} {
		if i.Contains(x) != want {
			t.Errorf("%v contains %v: %v", i, x, !want)
		}
	}
}
