package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"golang.org/x/perf/benchmath"
)

// noisy draws n values that scatter by 20 % around center.
func noisy(r *rand.Rand, n int, center float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = center * math.Exp(0.2*r.NormFloat64())
	}
	return values
}

// TestUnpairedRatio checks that the interval contains the true ratio as often as its
// confidence says, and that it excludes 1 exactly if the Mann-Whitney test of package
// benchmath finds a difference.
func TestUnpairedRatio(t *testing.T) {
	const trials = 1000
	r := rand.New(rand.NewPCG(7, 6))
	thresholds := benchmath.DefaultThresholds
	for _, n := range []struct{ a, b int }{{4, 4}, {6, 9}, {10, 10}, {40, 35}} {
		covered := 0
		for range trials {
			a, b := noisy(r, n.a, 100), noisy(r, n.b, 130)
			ratio, err := UnpairedRatio(a, b, 0.95)
			if err != nil {
				t.Fatal(err)
			}
			if ratio.Contains(1.3) {
				covered++
			}
			differ := benchmath.AssumeNothing.Compare(benchmath.NewSample(a, &thresholds), benchmath.NewSample(b, &thresholds))
			if excludes := !ratio.Contains(1); n.a <= 10 && excludes != (differ.P <= 0.05) {
				t.Fatalf("%+v: %+v, but p = %v", n, ratio, differ.P)
			}
		}
		if i := Share(covered, trials, 0.999); i.Hi < 0.95 || i.Lo > 0.985 {
			t.Errorf("%+v: %d of %d 95 %% intervals contain the ratio", n, covered, trials)
		}
	}
}

func TestPairedRatio(t *testing.T) {
	const trials = 1000
	r := rand.New(rand.NewPCG(8, 6))
	covered := 0
	for range trials {
		// A disturbance slows both sides of a round by the same factor, which varies
		// much more between rounds than the two sides differ.
		a, b := noisy(r, 12, 100), noisy(r, 12, 130)
		for i := range a {
			disturbance := 0.2 + 0.8*r.Float64()
			a[i] *= disturbance
			b[i] *= disturbance
		}
		ratio, err := PairedRatio(a, b, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		if ratio.Contains(1.3) {
			covered++
		}
	}
	if i := Share(covered, trials, 0.999); i.Hi < 0.95 {
		t.Errorf("%d of %d 95 %% intervals contain the ratio", covered, trials)
	}
}

func TestTooFewForARatio(t *testing.T) {
	if _, err := PairedRatio([]float64{1, 2, 3, 4, 5}, []float64{1, 2, 3, 4, 5}, 0.95); !errors.Is(err, ErrTooFew) {
		t.Errorf("five pairs: %v", err)
	}
	if _, err := UnpairedRatio([]float64{1, 2, 3}, []float64{1, 2, 3}, 0.95); !errors.Is(err, ErrTooFew) {
		t.Errorf("three and three: %v", err)
	}
	for _, f := range []func(a, b []float64, c float64) (Ratio, error){PairedRatio, UnpairedRatio} {
		if r, err := f(nil, nil, 0.95); !errors.Is(err, ErrTooFew) || err.Error() != "too few samples: none" || math.IsNaN(r.Center) {
			t.Errorf("nothing: %+v, %v", r, err)
		}
	}
}

// TestRatioOfNegativeConfidence checks that a negative confidence gives the interval of no
// confidence at all, for the exact distribution and for the normal one.
func TestRatioOfNegativeConfidence(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 6))
	for _, n := range []int{4, 40} {
		a, b := noisy(r, n, 100), noisy(r, n, 130)
		want, err := UnpairedRatio(a, b, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, confidence := range []float64{-0.25, -1, -3} {
			if got, err := UnpairedRatio(a, b, confidence); err != nil || got != want {
				t.Errorf("%d values, confidence %v: %+v (%v), want %+v", n, confidence, got, err, want)
			}
		}
	}
}
