package stats

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

const (
	// Bins is the number of classes of nearly equal probability into which searches
	// are sorted by their number of tries.
	Bins = 20

	// Lanes is the modulus for the classes by remainder. A kernel that misses the
	// answers in one of the 16 places of all its vectors never stops at some remainder.
	Lanes = 16
)

// Law collects the numbers of tries of searches of several difficulties, and checks
// whether they follow the geometric law of proof of work. The zero value is ready
// to use.
type Law struct {
	points map[int]*lawPoint // by zeros
}

// lawPoint holds the counts for one difficulty.
type lawPoint struct {
	Point
	ends  [Bins - 1]uint64 // largest number of tries in each bin; the last bin has no end
	bins  [Bins]int        // number of searches by number of tries
	lanes [Lanes]int       // number of searches by tries modulo Lanes
}

// Add counts a search for the given number of zeros that took the given number of
// tries.
func (l *Law) Add(zeros int, tries uint64) {
	p := l.point(zeros)
	p.N++
	p.Total += tries
	bin, _ := slices.BinarySearch(p.ends[:], tries)
	p.bins[bin]++
	p.lanes[tries%Lanes]++
}

// AddPoint counts searches for which only the total number of tries is known. Shape
// and Residues do not include them.
func (l *Law) AddPoint(add Point) {
	p := l.point(add.Zeros)
	p.N += add.N
	p.Total += add.Total
}

func (l *Law) point(zeros int) *lawPoint {
	if l.points == nil {
		l.points = map[int]*lawPoint{}
	}
	if l.points[zeros] == nil {
		p := &lawPoint{Point: Point{Zeros: zeros}}
		for i := range p.ends {
			p.ends[i] = uint64(Zeros(zeros).Quantile(float64(i+1) / Bins))
		}
		l.points[zeros] = p
	}
	return l.points[zeros]
}

// Points returns a point for each difficulty, in ascending order of zeros.
func (l *Law) Points() []Point {
	var points []Point
	for _, zeros := range slices.Sorted(maps.Keys(l.points)) {
		points = append(points, l.points[zeros].Point)
	}
	return points
}

// Class is a class of searches, over all difficulties.
type Class struct {
	Seen     int     // number of searches in the class
	Expected float64 // number that the geometric law predicts
}

// Shape returns the classes by number of tries. The k-th contains the searches for
// which the law's CDF is between k/Bins and (k+1)/Bins, as nearly as integers allow.
func (l *Law) Shape() []Class {
	return l.classes(Bins, func(p *lawPoint) []int { return p.bins[:] }, func(p *lawPoint, bin int) float64 {
		law := Zeros(p.Zeros)
		from, to := 0.0, 1.0
		if bin > 0 {
			from = law.CDF(float64(p.ends[bin-1]))
		}
		if bin < Bins-1 {
			to = law.CDF(float64(p.ends[bin]))
		}
		return to - from
	})
}

// Residues returns the classes by number of tries modulo Lanes.
func (l *Law) Residues() []Class {
	return l.classes(Lanes, func(p *lawPoint) []int { return p.lanes[:] }, func(p *lawPoint, rest int) float64 {
		return Zeros(p.Zeros).Residue(rest, Lanes)
	})
}

// classes adds up the counts of n classes over all difficulties, and computes the
// expected counts from the probability of each class.
func (l *Law) classes(n int, counts func(*lawPoint) []int, probability func(*lawPoint, int) float64) []Class {
	classes := make([]Class, n)
	for _, p := range l.points {
		var searches int
		for i, count := range counts(p) {
			classes[i].Seen += count
			searches += count
		}
		for i := range classes {
			classes[i].Expected += float64(searches) * probability(p, i)
		}
	}
	return classes
}

// Check is the result of one statistical test of a sweep.
type Check struct {
	Name   string
	P      float64 // p-value of the hypothesis that the searches follow the law
	Detail string  // what was compared, in words
	Err    error   // if not nil, no conclusion is possible; wraps ErrTooFew
}

// Alpha is the p-value below which a check is flagged. With four checks, a correct
// search is flagged in one of 2,500 sweeps.
const Alpha = 1e-4

// Flagged reports whether the check is evidence that the search is faulty.
func (c Check) Flagged() bool { return c.Err == nil && c.P < Alpha }

// minSearches is the least number of searches from which a check draws a conclusion.
const minSearches = 100

// Checks tests in four ways whether the numbers of tries follow the law: by their
// level (the total), their slope over the zeros, their shape (the distribution),
// and their remainders modulo the number of lanes.
func (l *Law) Checks() []Check {
	return []Check{l.level(), l.slope(), Fit("shape", l.Shape()), Fit("lanes", l.Residues())}
}

// level tests the sum of tries/2^zeros over all searches. Each term is nearly
// exponential (its variance is smaller by 2^-zeros), so the sum of n terms is nearly
// a gamma variable of shape n.
func (l *Law) level() Check {
	var n, sum float64
	for zeros, p := range l.points {
		n += float64(p.N)
		sum += float64(p.Total) / Zeros(zeros).Mean()
	}
	c := Check{Name: "level"}
	if n < minSearches {
		c.Err = fmt.Errorf("%w: %.0f searches, want %d", ErrTooFew, n, minSearches)
		return c
	}
	c.P = min(1, 2*min(mathext.GammaIncReg(n, sum), mathext.GammaIncRegComp(n, sum)))
	c.Detail = fmt.Sprintf("%.0f searches took %.4f of the expected tries", n, sum/n)
	return c
}

// slope tests whether the mean number of tries doubles with each zero bit.
func (l *Law) slope() Check {
	c := Check{Name: "slope"}
	slope, i, err := Slope(l.Points(), 0.95)
	if err != nil {
		c.Err = err
		return c
	}
	// The interval is that of a normal variable, so its half width gives the
	// standard error.
	sigma := (i.Hi - i.Lo) / 2 / 1.959963985
	c.P = math.Erfc(math.Abs(slope-1) / sigma / math.Sqrt2)
	c.Detail = fmt.Sprintf("log2 of tries over zeros %.4f, 95 %% between %.4f and %.4f", slope, i.Lo, i.Hi)
	return c
}

// Fit tests, by chi-square, whether the classes contain as many searches as the law
// predicts. name is the name of the check.
func Fit(name string, classes []Class) Check {
	c := Check{Name: name}
	var counts []int
	var expected []float64
	n := 0
	for _, class := range classes {
		counts = append(counts, class.Seen)
		expected = append(expected, class.Expected)
		n += class.Seen
	}
	if n < minSearches {
		c.Err = fmt.Errorf("%w: %d searches, want %d", ErrTooFew, n, minSearches)
		return c
	}
	c.P, c.Err = ChiSquare(counts, expected)
	c.Detail = fmt.Sprintf("%d searches in %d classes", n, len(classes))
	return c
}
