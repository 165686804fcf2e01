package stats

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// TestLeastQuantile checks that no search takes less than one try.
func TestLeastQuantile(t *testing.T) {
	for _, zeros := range []int{0, 1, 8, 60} {
		if got := Zeros(zeros).Quantile(0); got != 1 {
			t.Errorf("zeros %d: Quantile(0) = %v, want 1", zeros, got)
		}
	}
}

// TestMeanTriesP compares p-values with the tails of the binomial distribution: n searches
// take at most total tries if at least n of total tries succeed.
func TestMeanTriesP(t *testing.T) {
	for _, tc := range []struct {
		g     Geometric
		n     int
		total uint64
	}{{Zeros(1), 3, 6}, {Zeros(4), 2, 20}, {Zeros(4), 2, 200}, {Zeros(4), 3, 3}, {Geometric{.9}, 1, 1}, {Geometric{.9}, 40, 41}} {
		low, high := binomial(tc.n, int(tc.total), tc.g.P), 1.
		if tc.total > uint64(tc.n) {
			high = 1 - binomial(tc.n, int(tc.total)-1, tc.g.P)
		}
		if got, want := MeanTriesP(tc.g, tc.n, tc.total), min(1, 2*low, 2*high); math.Abs(got-want) > 1e-9 {
			t.Errorf("%+v: p = %v, want %v", tc, got, want)
		}
	}
}

// TestLawCounts puts searches at the ends of the classes and looks where they are counted.
func TestLawCounts(t *testing.T) {
	const zeros = 10
	var law Law
	g := Zeros(zeros)
	var want Point
	lanes := make([]int, Lanes)
	for k := 1; k < Bins; k++ {
		for range k { // a different number in each class
			tries := uint64(g.Quantile(float64(k) / Bins))
			law.Add(zeros, tries)
			want.N++
			want.Total += tries
			lanes[tries%Lanes]++
		}
	}
	want.Zeros = zeros
	if got := law.Points(); !slices.Equal(got, []Point{want}) {
		t.Errorf("points %+v, want %+v", got, want)
	}
	for i, c := range law.Shape() {
		from, to := 0., 1.
		if i > 0 {
			from = g.CDF(g.Quantile(float64(i) / Bins))
		}
		if i < Bins-1 {
			to = g.CDF(g.Quantile(float64(i+1) / Bins))
		}
		if expected := float64(want.N) * (to - from); c.Seen != (i+1)%Bins || math.Abs(c.Expected-expected) > 1e-9 {
			t.Errorf("class %d: %+v, want %d seen and %v expected", i, c, (i+1)%Bins, expected)
		}
	}
	for rest, c := range law.Residues() {
		if expected := float64(want.N) * g.Residue(rest, Lanes); c.Seen != lanes[rest] || math.Abs(c.Expected-expected) > 1e-9 {
			t.Errorf("remainder %d: %+v, want %d seen and %v expected", rest, c, lanes[rest], expected)
		}
	}
	law.AddPoint(Point{Zeros: zeros, N: 7, Total: 7000})
	law.AddPoint(Point{Zeros: 3, N: 2, Total: 20})
	want.N, want.Total = want.N+7, want.Total+7000
	if got := law.Points(); !slices.Equal(got, []Point{{3, 2, 20}, want}) {
		t.Errorf("points %+v, want those of AddPoint as well", got)
	}
}

// poisson returns the probability that a Poisson variable of the given mean is at least n.
// It is the probability that a gamma variable of shape n is at most that mean.
func poisson(n int, mean float64) float64 {
	less := 0.
	for i := range n {
		lg, _ := math.Lgamma(float64(i) + 1)
		less += math.Exp(float64(i)*math.Log(mean) - mean - lg)
	}
	return 1 - less
}

// TestLevel compares p-values with tails of the gamma distribution, for the least number of
// searches of which something is concluded.
func TestLevel(t *testing.T) {
	for total, detail := range map[uint64]string{
		1600: "100 searches took 1.0000 of the expected tries",
		1200: "100 searches took 0.7500 of the expected tries",
		2000: "100 searches took 1.2500 of the expected tries",
	} {
		var law Law
		law.AddPoint(Point{Zeros: 4, N: 100, Total: total})
		low := poisson(100, float64(total)/16)
		c := law.level()
		if want := 2 * min(low, 1-low); c.Err != nil || math.Abs(c.P-want) > 1e-9 || c.Detail != detail {
			t.Errorf("%d tries: %+v, want p = %v and %q", total, c, want, detail)
		}
	}
	var law Law
	law.AddPoint(Point{Zeros: 4, N: 99, Total: 1600})
	if c := law.level(); !errors.Is(c.Err, ErrTooFew) {
		t.Errorf("99 searches: %+v", c)
	}
}

// TestSlopeCheck computes the p-value of the line of TestSlopeOfTwoPoints.
func TestSlopeCheck(t *testing.T) {
	var law Law
	law.AddPoint(Point{3, 1, 10})
	law.AddPoint(Point{5, 2, 100})
	slope := (math.Log(100) - 1 - math.Log(10)) / math.Ln2 / 2
	sigma := math.Sqrt(math.Pi*math.Pi/6+math.Pi*math.Pi/6-1) / math.Ln2 / 2
	want := math.Erfc(math.Abs(slope-1) / sigma / math.Sqrt2)
	if c := law.slope(); c.Err != nil || math.Abs(c.P-want) > 1e-8 || c.Detail != "log2 of tries over zeros 0.9396, 95 % between -1.1998 and 3.0790" {
		t.Errorf("%+v, want p = %v, slope %v, sigma %v", c, want, slope, sigma)
	}
}

// TestFit checks the least number of searches of which something is concluded.
func TestFit(t *testing.T) {
	c := Fit("name", []Class{{40, 50}, {60, 50}})
	if want := math.Erfc(math.Sqrt2); c.Err != nil || c.Name != "name" || math.Abs(c.P-want) > 1e-9 || c.Detail != "100 searches in 2 classes" {
		t.Errorf("%+v, want p = %v", c, want)
	}
	if c := Fit("name", []Class{{40, 50}, {59, 50}}); !errors.Is(c.Err, ErrTooFew) {
		t.Errorf("99 searches: %+v", c)
	}
}

// TestFlagged checks the bound below which a check is flagged.
func TestFlagged(t *testing.T) {
	for _, tc := range []struct {
		check Check
		want  bool
	}{
		{Check{P: Alpha}, false}, {Check{P: Alpha * .999}, true}, {Check{P: Alpha / 2, Err: ErrTooFew}, false}, {Check{P: 1}, false},
	} {
		if got := tc.check.Flagged(); got != tc.want {
			t.Errorf("%+v: flagged: %v", tc.check, got)
		}
	}
}

// TestUnpairedRatioExactly computes small cases by hand.
func TestUnpairedRatioExactly(t *testing.T) {
	r, err := UnpairedRatio([]float64{1, 2}, []float64{2, 8}, 0.95) // the ratios are 1, 2, 4 and 8
	if !errors.Is(err, ErrTooFew) || math.Abs(r.Center-math.Sqrt(8)) > 1e-12 || r.Interval != (Interval{0, math.Inf(1)}) {
		t.Errorf("%+v (%v), want the geometric mean of 2 and 4, and no interval", r, err)
	}
	if r, _ := UnpairedRatio([]float64{1}, []float64{4, 1, 2}, 0.95); r.Center != 2 {
		t.Errorf("%+v, want the middle one of three", r)
	}
	// With one and three values, P(U <= 0) is exactly 1/4, so the interval of confidence
	// 1/2 leaves out nothing but is an interval.
	r, err = UnpairedRatio([]float64{2}, []float64{4, 2, 6}, 0.5)
	if err != nil || r.Interval != (Interval{1, 3}) {
		t.Errorf("%+v (%v), want the least and the greatest of the ratios", r, err)
	}
}

// TestUnpairedRatioOfManyValues finds out how many of the ratios the interval leaves out,
// and compares that with the normal approximation of the Mann-Whitney statistic, whose mean
// is n1*n2/2 and whose variance is n1*n2*(n1+n2+1)/12.
func TestUnpairedRatioOfManyValues(t *testing.T) {
	for _, n := range []struct{ a, b int }{{31, 31}, {31, 5}, {40, 35}, {60, 33}} {
		var a, b, ratios []float64
		for i := range n.a {
			a = append(a, 1+float64(i)*1e-6)
		}
		for j := range n.b {
			b = append(b, float64(j+1))
		}
		for _, x := range a {
			for _, y := range b {
				ratios = append(ratios, y/x)
			}
		}
		slices.Sort(ratios)
		for _, confidence := range []float64{0.5, 0.95, 0.99} {
			r, err := UnpairedRatio(a, b, confidence)
			if err != nil {
				t.Fatal(err)
			}
			out := slices.Index(ratios, r.Lo) // ratios that are left out at either end
			if upper := len(ratios) - 1 - slices.Index(ratios, r.Hi); upper != out {
				t.Errorf("%+v, %v: %d ratios are left out below, %d above", n, confidence, out, upper)
			}
			mean := float64(n.a*n.b) / 2
			sigma := math.Sqrt(float64(n.a*n.b*(n.a+n.b+1)) / 12)
			atMost := func(u int) float64 { return math.Erfc((mean-float64(u)-0.5)/sigma/math.Sqrt2) / 2 }
			if tail := (1 - confidence) / 2; atMost(out) > tail || atMost(out+1) <= tail {
				t.Errorf("%+v, %v: %d ratios are left out, though P(U <= %[3]d) = %.4f and P(U <= %d) = %.4f", n, confidence, out, atMost(out), out+1, atMost(out+1))
			}
		}
	}
}

// TestUnpairedRatioOfThirtyValues compares with the table of the exact distribution: for
// 30 and 30 values the critical value of U is 317 (two-sided, 5 %).
func TestUnpairedRatioOfThirtyValues(t *testing.T) {
	var a, b, ratios []float64
	for i := range 30 {
		a, b = append(a, 1+float64(i)*1e-6), append(b, float64(i+1))
	}
	for _, x := range a {
		for _, y := range b {
			ratios = append(ratios, y/x)
		}
	}
	slices.Sort(ratios)
	r, err := UnpairedRatio(a, b, 0.95)
	if out := slices.Index(ratios, r.Lo); err != nil || out != 317 {
		t.Errorf("%d ratios are left out at either end (%v), want 317", out, err)
	}
}
