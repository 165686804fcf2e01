package stats

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

const (
	// Bins is into how many classes, of equal probability, tries are sorted.
	Bins = 20

	// Lanes is the modulus by which tries are looked at too: a search that
	// passes over one lane of sixteen never stops there.
	Lanes = 16
)

// Law collects the tries of searches of different difficulties, and tells
// whether they follow the law of proof of work. The zero value is ready.
type Law struct {
	points map[int]*lawPoint
}

type lawPoint struct {
	Point
	ends  [Bins - 1]uint64 // of all bins but the last: the most tries in it
	bins  [Bins]int
	lanes [Lanes]int
}

// Add counts one search.
func (l *Law) Add(zeros int, tries uint64) {
	p := l.point(zeros)
	p.N++
	p.Total += tries
	bin, _ := slices.BinarySearch(p.ends[:], tries)
	p.bins[bin]++
	p.lanes[tries%Lanes]++
}

// AddPoint counts searches of which only the sum is known.
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

// Points returns what was counted, by zeros.
func (l *Law) Points() []Point {
	var points []Point
	for _, zeros := range slices.Sorted(maps.Keys(l.points)) {
		points = append(points, l.points[zeros].Point)
	}
	return points
}

// Class is a class of tries, over all difficulties: how many searches fell into
// it, and how many the law expects.
type Class struct {
	Seen     int
	Expected float64
}

// Shape returns the classes by size of the tries: the k-th is what the law's CDF
// puts between k/Bins and (k+1)/Bins, as nearly as whole tries can.
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

// Residues returns the classes by tries modulo Lanes.
func (l *Law) Residues() []Class {
	return l.classes(Lanes, func(p *lawPoint) []int { return p.lanes[:] }, func(p *lawPoint, rest int) float64 {
		return Zeros(p.Zeros).Residue(rest, Lanes)
	})
}

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

// Check is one question asked of a sweep.
type Check struct {
	Name   string
	P      float64 // how likely the law makes what was seen, or something more extreme
	Detail string
	Err    error // wraps ErrTooFew: no conclusion
}

// Alpha is below which a p-value counts against a sweep. With four checks, a
// sound search is flagged once in 2,500 sweeps.
const Alpha = 1e-4

// Flagged reports whether the check speaks against the search.
func (c Check) Flagged() bool { return c.Err == nil && c.P < Alpha }

// minSearches is how many a sweep must have for its checks to say anything.
const minSearches = 100

// Checks asks whether the tries follow the law: their level, their slope over
// the zeros, their shape, and where in a group of lanes the answers were.
func (l *Law) Checks() []Check {
	return []Check{l.level(), l.slope(), Fit("shape", l.Shape()), Fit("lanes", l.Residues())}
}

// level adds tries/2^zeros up over all searches. The sum of n is a gamma variable
// of shape n, nearly: the share is exponential but for a variance that is
// smaller by 2^-zeros.
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

func (l *Law) slope() Check {
	c := Check{Name: "slope"}
	slope, i, err := Slope(l.Points(), 0.95)
	if err != nil {
		c.Err = err
		return c
	}
	// The interval is normal, so its half width gives the error.
	sigma := (i.Hi - i.Lo) / 2 / 1.959963985
	c.P = math.Erfc(math.Abs(slope-1) / sigma / math.Sqrt2)
	c.Detail = fmt.Sprintf("log2 of tries over zeros %.4f, 95 %% between %.4f and %.4f", slope, i.Lo, i.Hi)
	return c
}

// Fit asks whether classes hold as many as the law expects.
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
