package report

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

const courseFile = `
replicas = 4
nodes = 1
blocks = 3000
interval = "10s"
[difficulty]
rule = ["fixed", "asert"]
spacing = "10s"
half_life = "2000s"
bits = "1e0fffff"
limit = "207fffff"
[[power.steps]]
at = "10000s"
factor = 4.0
`

// The course is near its theory in the report, and only experiments that are not steady have
// one.
func TestCourseSection(t *testing.T) {
	plan, err := lab.Parse([]byte(courseFile))
	if err != nil {
		t.Fatal(err)
	}
	replicas, err := lab.Run(t.Context(), plan, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := newResults(plan, lab.Summarize(plan, replicas, "v1"))
	s, ok := r.courseSection(replicas)
	if !ok || len(s.Charts) != 3 {
		t.Fatalf("ok %v, %d charts", ok, len(s.Charts))
	}
	c := s.Charts[0]
	if len(c.Marks) != 2 || c.X.Label != "time since the start (hours)" {
		t.Fatalf("%d sets of marks over %q", len(c.Marks), c.X.Label)
	}
	seen := 0
	for _, l := range c.Lines {
		var set int
		switch {
		case strings.Contains(l.Name, "divided by the factor"):
			set = 0
		case strings.Contains(l.Name, "halves in each half-life"):
			set = 1
		default:
			continue
		}
		seen++
		for _, m := range c.Marks[set].At {
			want := interpolate(l.Points, m.X)
			if near := math.Abs(m.X*3600 - 10_000); near > 600 && math.Abs(m.Y-want) > 0.15*want {
				t.Errorf("%s: %.2f s after %.2f h, want %.2f s", l.Name, m.Y, m.X, want)
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d curves of theory", seen)
	}
	for _, c := range s.Charts[1:] { // marks and laws alternate
		for k := range c.Marks {
			for i, m := range c.Marks[k].At {
				if want := c.Lines[k].Points[i].Y; math.Abs(m.Y/want-1) > 0.6 {
					t.Errorf("%s: %.2f s after %.2f h, want %.2f s", c.Marks[k].Name, m.Y, m.X, want)
				}
			}
		}
	}
	dir := t.TempDir()
	if err := Write(dir, plan, r.summary, replicas, nil); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || !strings.Contains(string(page), `<section id="course">`) {
		t.Errorf("the page has no course, error %v", err)
	}
	for i := range replicas {
		replicas[i].Course = nil
	}
	if _, ok := r.courseSection(replicas); ok {
		t.Error("a section without courses")
	}
}

// interpolate returns the value of a curve.
func interpolate(curve []chart.Point, x float64) float64 {
	for i := 1; i < len(curve); i++ {
		a, b := curve[i-1], curve[i]
		if x >= a.X && x < b.X {
			return a.Y + (b.Y-a.Y)*(x-a.X)/(b.X-a.X)
		}
	}
	return curve[len(curve)-1].Y
}

// Courses whose spans differ in length are brought to the longer ones, and end where the
// shortest does.
func TestMoments(t *testing.T) {
	spans := func(n int, length, value float64) (list []blocks.Span) {
		for i := range n {
			list = append(list, blocks.Span{From: float64(i) * length, To: float64(i+1) * length, Blocks: 10, Expected: value, Median: value, Quantile95: value})
		}
		return list
	}
	got := moments([][]blocks.Span{spans(9, 50, 1), spans(4, 100, 3)})
	if len(got) != 3 {
		t.Fatalf("%d moments, want 3", len(got))
	}
	for i, m := range got {
		if m.at != 50+100*float64(i) || m.expected.Mean != 2 || m.median.Mean != 2 || m.last.N != 2 {
			t.Errorf("moment %d is %+v", i, m)
		}
	}
	a := []blocks.Span{{From: 0, To: 10, Blocks: 3, Expected: 1, Error: 2}, {From: 10, To: 20, Blocks: 1, Expected: 5, Error: 6}, {From: 20, To: 25, Blocks: 0, Expected: math.NaN()}}
	b := joinSpans(a)
	if len(b) != 2 || b[0].Blocks != 4 || b[0].Expected != 2 || b[0].Error != 3 || b[0].Interval != 5 || b[0].To != 20 || b[1].To != 25 {
		t.Errorf("joined: %+v", b)
	}
}

// A mean that lacks some replicas says so, and the table has the number of each.
func TestCourseLacks(t *testing.T) {
	plan, err := lab.Parse([]byte(strings.Replace(courseFile, `["fixed", "asert"]`, `"asert"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	r := newResults(plan, lab.Summarize(plan, nil, "v1"))
	none := math.NaN()
	spans := func(value, median, last float64) []blocks.Span {
		one := blocks.Span{To: 100, Blocks: 10, Expected: value, Median: median, Quantile95: last}
		two := one
		two.From, two.To = 100, 200
		return []blocks.Span{one, two}
	}
	of := func(courses ...[]blocks.Span) (list []lab.Replica) {
		for i, c := range courses {
			list = append(list, lab.Replica{Number: i, Course: c})
		}
		return list
	}
	s, _ := r.courseSection(of(spans(1, 2, 3), spans(3, 4, 5)))
	if len(s.Text) != 1 || len(s.Tables) != 1 || len(s.Tables[0].Rows) != 1 {
		t.Fatalf("all replicas have their figures, and the section is %+v", s)
	}
	s, _ = r.courseSection(of(spans(1, 2, 3), spans(3, none, none), spans(5, 6, none)))
	row := s.Tables[0].Rows[0]
	if got := []string{row[0], row[3], row[6], row[9]}; !slices.Equal(got, []string{"50", "3", "2", "1"}) {
		t.Errorf("the row is %q, want 50 seconds, and figures of 3, 2 and 1 replicas", row)
	}
	if len(s.Text) != 2 || !strings.Contains(s.Text[1], "2 means of the course some replicas are left out, and the fewest that are left are 1 of 3") {
		t.Errorf("the text is %q", s.Text)
	}
}

// Of many points, some that are spread over the sweep have a curve, and some of these a diagram
// and a table of their own. The text says how many.
func TestCoursesOfManyPoints(t *testing.T) {
	const own = ", spread evenly over the sweep, have a diagram and a table of their own."
	for points, want := range map[string]struct {
		curves, tables int
		first, last    string
		texts          []string
	}{
		"2, 3":                             {2, 2, "2", "3", nil},
		"2, 3, 4, 5, 6, 7":                 {6, 6, "2", "7", nil},
		"2, 3, 4, 5, 6, 7, 8":              {7, 6, "2", "8", []string{"6 of the 7 points" + own}},
		strings.Join(numbers(2, 13), ", "): {12, 6, "2", "13", []string{"6 of the 12 points" + own}},
		strings.Join(numbers(2, 401), ", "): {12, 6, "2", "401", []string{
			"12 of the 400 points have a curve in the first diagrams. They are spread evenly over the sweep; course.csv has all points.", "6 of the 400 points" + own}},
	} {
		plan, err := lab.Parse([]byte(strings.NewReplacer(`["fixed", "asert"]`, `"asert"`, "4.0", "["+points+"]").Replace(courseFile)))
		if err != nil {
			t.Fatal(err)
		}
		var replicas []lab.Replica
		for i := range plan.Points {
			spans := []blocks.Span{{To: 100, Blocks: 10, Expected: 10, Median: 7, Quantile95: 30}, {From: 100, To: 200, Blocks: 10, Expected: 10, Median: 7, Quantile95: 30}}
			replicas = append(replicas, lab.Replica{Point: i, Course: spans})
		}
		s, _ := newResults(plan, lab.Summarize(plan, nil, "v1")).courseSection(replicas)
		curves := 0
		for _, c := range s.Charts {
			if !strings.HasPrefix(c.Name, "course-times") {
				curves += len(c.Marks)
			}
		}
		if curves != want.curves || len(s.Tables) != want.tables || len(s.Charts) != want.tables+(want.curves+5)/6 {
			t.Errorf("%d points have %d curves and %d tables in %d diagrams, want %d and %d", len(plan.Points), curves, len(s.Tables), len(s.Charts), want.curves, want.tables)
		}
		if got := s.Text[1:]; !slices.Equal(got, want.texts) {
			t.Errorf("of %d points the text is %q, want %q", len(plan.Points), got, want.texts)
		}
		last := s.Tables[len(s.Tables)-1].Title
		if first := s.Tables[0].Title; !strings.HasSuffix(first, "= "+want.first) || !strings.HasSuffix(last, "= "+want.last) {
			t.Errorf("of %d points the first table is %q and the last %q, want those of the factors %s and %s", len(plan.Points), first, last, want.first, want.last)
		}
	}
}

// The curves of points that differ only in the last value share a diagram, if these diagrams are
// few. A theory is in the legend once.
func TestCourseGroups(t *testing.T) {
	type diagram struct {
		title           string
		curves          int
		first           string // curve
		theories, lines int    // named, and in all
	}
	const title = "Mean time of a block by its difficulty and the hash rate"
	for _, test := range []struct {
		old, new string // a line of the file
		want     []diagram
	}{
		{"factor = 4.0", "factor = [2.0, 3.0]", []diagram{
			{title + ", at difficulty.rule = fixed", 2, "power.steps[0].factor = 2", 1, 5},
			{title + ", at difficulty.rule = asert", 2, "power.steps[0].factor = 2", 1, 5},
		}},
		{"nodes = 1", "nodes = [1, 2, 3, 4, 5]", []diagram{ // five diagrams would be too many
			{title, 6, "nodes = 1, difficulty.rule = fixed", 2, 13},
			{title, 4, "nodes = 4, difficulty.rule = fixed", 2, 9},
		}},
		{"factor = 4.0", "factor = 4.0", []diagram{{title, 2, "difficulty.rule = fixed", 2, 5}}},
	} {
		plan, err := lab.Parse([]byte(strings.Replace(courseFile, test.old, test.new, 1)))
		if err != nil {
			t.Fatal(err)
		}
		var replicas []lab.Replica
		for i := range plan.Points {
			var spans []blocks.Span
			for _, k := range []float64{0, 1, 2} {
				spans = append(spans, blocks.Span{From: k * 9000, To: (k + 1) * 9000, Blocks: 900, Expected: 10})
			}
			replicas = append(replicas, lab.Replica{Point: i, Course: spans})
		}
		s, _ := newResults(plan, lab.Summarize(plan, nil, "v1")).courseSection(replicas)
		var got []diagram
		for _, c := range s.Charts {
			if strings.HasPrefix(c.Name, "course-times") {
				continue
			}
			d := diagram{title: c.Title, curves: len(c.Marks), first: c.Marks[0].Name, lines: len(c.Lines)}
			for _, l := range c.Lines {
				if strings.HasPrefix(l.Name, "theory") {
					d.theories++
				}
			}
			got = append(got, d)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("with %q the diagrams are %+v, want %+v", test.new, got, test.want)
		}
	}
}

// numbers returns the whole numbers from one to another as texts.
func numbers(from, to int) (list []string) {
	for i := from; i <= to; i++ {
		list = append(list, strconv.Itoa(i))
	}
	return list
}
