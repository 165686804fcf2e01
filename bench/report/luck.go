package report

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lodepow/lode/bench/stats"
	"github.com/lodepow/lode/internal/chart"
)

// sweepPoint summarises the searches of one difficulty.
type sweepPoint struct {
	stats.Point
	base    string         // Tries or Search
	seconds float64        // time of all searches together
	rate    float64        // median over the rounds, in H/s
	mean    stats.Interval // exact interval for the mean number of tries
}

// sweepOf returns a point for each difficulty, in ascending order of zeros. It uses
// the results of Tries where there are any. Elsewhere it uses those of Search, but
// only those of the kernel with the most searches: all kernels search the same
// headers, so their tries are not independent and must not be added up.
func sweepOf(f *File) []sweepPoint {
	most := map[int]sweepPoint{}
	for _, s := range slices.Concat(f.of("Tries"), f.of("Search")) {
		p, ok := pointOf(s)
		old, found := most[p.Zeros]
		if found && old.base == "Tries" && s.Base == "Search" {
			continue
		}
		if ok && (p.N > old.N || p.N == old.N && p.rate > old.rate) {
			most[p.Zeros] = p
		}
	}
	var points []sweepPoint
	for _, p := range most {
		points = append(points, p)
	}
	slices.SortFunc(points, func(a, b sweepPoint) int { return a.Zeros - b.Zeros })
	return points
}

// pointOf adds up the rounds of a series. It returns false if the series has no
// usable numbers of searches and tries.
func pointOf(s *Series) (sweepPoint, bool) {
	zeros, err := strconv.Atoi(s.Parts["zeros"])
	tries, seconds := s.Values["tries/op"], s.Values["sec/op"]
	if err != nil || zeros < 0 || zeros > 48 || len(tries) == 0 || len(tries) != len(s.Iters) || len(seconds) != len(tries) {
		return sweepPoint{}, false
	}
	p := sweepPoint{Point: stats.Point{Zeros: zeros}, base: s.Base}
	var total float64
	for i, n := range s.Iters {
		if n <= 0 || int64(n) > 1<<40 {
			return sweepPoint{}, false
		}
		p.N += n
		total += float64(n) * tries[i]
		p.seconds += float64(n) * seconds[i]
	}
	if p.N <= 0 || !(total >= float64(p.N)) || total > 1<<53 || !(p.seconds > 0) {
		return sweepPoint{}, false
	}
	p.Total = uint64(math.Round(total))
	p.rate = rateAt(s)
	p.mean = stats.MeanTries(p.N, p.Total, confidence)
	return p, true
}

// luck returns the section that compares the numbers of tries with the geometric law
// of proof of work, or nil if the file has no searches.
func luck(f *File) *Section {
	points := sweepOf(f)
	if len(points) == 0 {
		return nil
	}
	s := &Section{
		ID: "luck", Title: "Luck and law",
		Text: []string{"Each hash succeeds with probability 2^-zeros, independently of all others, so the number of tries of a search " +
			"is geometric. A search that misses answers, or finds too many, deviates from this law."},
		Table: &Table{Head: []string{"zeros", "searches", "tries/op over 2^zeros", "contains 1"}},
	}
	var law stats.Law
	covered := 0
	for _, p := range points {
		law.AddPoint(p.Point)
		mean := stats.Zeros(p.Zeros).Mean()
		holds := "yes"
		if p.mean.Contains(mean) {
			covered++
		} else {
			holds = "no"
		}
		s.Table.Rows = append(s.Table.Rows, []string{
			strconv.Itoa(p.Zeros), strconv.Itoa(p.N),
			fmt.Sprintf("%.3f (%.3f to %.3f)", float64(p.Total)/float64(p.N)/mean, p.mean.Lo/mean, p.mean.Hi/mean), holds,
		})
	}
	s.After = append(s.After, fmt.Sprintf("%d of %d exact 95 %% intervals contain 2^zeros.", covered, len(points)))
	shape, lanes := f.classes("shape"), f.classes("lanes")
	checks := law.Checks()[:2] // level and slope need only sums; for the others, the notes have the classes
	checks = append(checks, stats.Fit("shape", shape), stats.Fit("lanes", lanes))
	for _, c := range checks {
		s.After = append(s.After, checkText(c))
	}
	s.Charts = []chart.Chart{levelChart(points)}
	if len(shape) == stats.Bins {
		s.Charts = append(s.Charts, lawChart(shape))
	}
	return s
}

func checkText(c stats.Check) string {
	switch {
	case errors.Is(c.Err, stats.ErrTooFew):
		return fmt.Sprintf("%s: no conclusion, %v.", c.Name, c.Err)
	case c.Err != nil:
		return fmt.Sprintf("%s: %v.", c.Name, c.Err)
	case c.Flagged():
		return fmt.Sprintf("%s: NOT THE LAW, p = %.2g. %s.", c.Name, c.P, c.Detail)
	default:
		return fmt.Sprintf("%s: agrees with the law, p = %.2g. %s.", c.Name, c.P, c.Detail)
	}
}

// classes returns the classes in the notes with the given key. A file may contain
// several runs, whose classes are added up.
func (f *File) classes(key string) []stats.Class {
	var sum []stats.Class
	for _, n := range f.Notes {
		if n.Key != key {
			continue
		}
		more := parseClasses(n.Value)
		if sum == nil {
			sum = make([]stats.Class, len(more))
		}
		if len(more) != len(sum) {
			return nil
		}
		for i, c := range more {
			sum[i].Seen += c.Seen
			sum[i].Expected += c.Expected
		}
	}
	return sum
}

// parseClasses parses a list of "seen/expected" pairs, one for each class. It returns
// nil if the text has another form, or if the two sums disagree.
func parseClasses(s string) []stats.Class {
	var classes []stats.Class
	var sum, expected float64
	for word := range strings.FieldsSeq(s) {
		seen, want, ok := strings.Cut(word, "/")
		n, err := strconv.Atoi(seen)
		x, err2 := strconv.ParseFloat(want, 64)
		if !ok || err != nil || err2 != nil || n < 0 || n > 1<<20 || !(x >= 0) || x > 1<<20 {
			return nil
		}
		classes = append(classes, stats.Class{Seen: n, Expected: x})
		sum += float64(n)
		expected += x
	}
	if sum == 0 || math.Abs(expected/sum-1) > 1e-3 {
		return nil // the counts are not of the same searches
	}
	return classes
}
