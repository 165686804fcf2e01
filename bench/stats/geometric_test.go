package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// draw simulates one search, try by try, and returns the number of tries.
func draw(r *rand.Rand, p float64) uint64 {
	tries := uint64(1)
	for r.Float64() >= p {
		tries++
	}
	return tries
}

func TestGeometricAgainstItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := Zeros(rapid.IntRange(1, 12).Draw(t, "zeros"))
		tries := rapid.IntRange(1, 2000).Draw(t, "tries")
		none := 1.0
		for range tries {
			none *= 1 - g.P
		}
		if got := g.CDF(float64(tries)); math.Abs(got-(1-none)) > 1e-11 {
			t.Fatalf("CDF(%d) = %v, want %v", tries, got, 1-none)
		}
		u := rapid.Float64Range(0, 0.999).Draw(t, "u")
		q := g.Quantile(u)
		if g.CDF(q) < u || q > 1 && g.CDF(q-1) >= u {
			t.Fatalf("Quantile(%v) = %v, between %v and %v", u, q, g.CDF(q-1), g.CDF(q))
		}
	})
}

// No search takes less than one try.
func TestNoTries(t *testing.T) {
	for _, tries := range []float64{0.999, 0, -1, -100} {
		if got := Zeros(3).CDF(tries); got != 0 {
			t.Errorf("CDF(%v) = %v, want 0", tries, got)
		}
	}
}

// TestQuantileAtItsSteps checks the quantile where the CDF has exactly the value asked for,
// or a little more, which is where a rounding error moves it by one.
func TestQuantileAtItsSteps(t *testing.T) {
	for zeros := 1; zeros <= 12; zeros++ {
		g := Zeros(zeros)
		for tries := 1.; tries <= 2000; tries++ {
			u := g.CDF(tries)
			if u >= 1 || g.CDF(tries+1) == u {
				break // the CDF has no steps any more, as a float64
			}
			if got := g.Quantile(u); got != tries {
				t.Errorf("zeros %d: Quantile(%v) = %v, want %v", zeros, u, got, tries)
			}
			if more := math.Nextafter(u, 1); more < 1 && g.Quantile(more) != tries+1 {
				t.Errorf("zeros %d: Quantile(%v) = %v, want %v", zeros, more, g.Quantile(more), tries+1)
			}
		}
	}
}

func TestResidueSumsTheLaw(t *testing.T) {
	for _, zeros := range []int{1, 3, 8} {
		g := Zeros(zeros)
		sum := make([]float64, Lanes)
		for tries := 1; tries < 20000; tries++ {
			sum[tries%Lanes] += g.CDF(float64(tries)) - g.CDF(float64(tries-1))
		}
		for rest, want := range sum {
			if got := g.Residue(rest, Lanes); math.Abs(got-want) > 1e-12 {
				t.Errorf("zeros %d: Residue(%d) = %v, want %v", zeros, rest, got, want)
			}
		}
	}
}

// TestQuantileOfVeryLongSearches covers numbers of tries that a float64 cannot
// represent exactly. The quantile must then be correct to within rounding.
func TestQuantileOfVeryLongSearches(t *testing.T) {
	for _, zeros := range []int{49, 53, 60, 64, 200} {
		g := Zeros(zeros)
		for _, u := range []float64{0, 0.025, 0.5, 0.975} {
			if got := g.CDF(g.Quantile(u)); math.Abs(got-u) > 1e-12 {
				t.Errorf("zeros %d: CDF(Quantile(%v)) = %v", zeros, u, got)
			}
		}
	}
}
