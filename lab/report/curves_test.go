package report

import (
	"math"
	"slices"
	"strconv"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(1, math.Abs(a), math.Abs(b)) }

// TestCurvePoints computes means and intervals from the replicas anew and compares them
// with the marks of the curves, and the theory with the formula.
func TestCurvePoints(t *testing.T) {
	alphas, gammas := []float64{0.4, 0.1, 0.3}, []float64{1, 0}
	plan := selfish(alphas, gammas, 200)
	s, replicas := run(t, plan)
	r := newResults(plan, s)
	metrics := lab.Metrics(plan.Points[0].Experiment)
	column := slices.IndexFunc(metrics, func(m lab.Metric) bool { return m.Name == "miner_0_revenue" })
	if r.main.Name != "miner_0_revenue" {
		t.Errorf("the main metric is %s", r.main.Name)
	}
	a := r.axis()
	families := r.families(a)
	c, ok := r.curve(r.main, a, families)
	if !ok || len(c.Marks) != 2 || a.label != "power.alpha" {
		t.Fatalf("%d curves over %s", len(c.Marks), a.label)
	}
	sorted := []float64{0.1, 0.3, 0.4}
	for f, gamma := range gammas {
		if want := map[float64]string{1: "tie.gamma = 1", 0: "tie.gamma = 0"}[gamma]; c.Marks[f].Name != want {
			t.Errorf("curve %d is called %s, want %s", f, c.Marks[f].Name, want)
		}
		for i, alpha := range sorted {
			point := f*len(alphas) + slices.Index(alphas, alpha)
			var values []float64
			for _, replica := range replicas {
				if replica.Point == point {
					values = append(values, replica.Values[column])
				}
			}
			mean, deviation := stat.MeanStdDev(values, nil)
			half := distuv.StudentsT{Sigma: 1, Nu: float64(len(values) - 1)}.Quantile(0.975) * deviation / math.Sqrt(float64(len(values)))
			got := c.Marks[f].At[i]
			if got.X != alpha || !near(got.Y, mean) || !near(got.Lo, mean-half) || !near(got.Hi, mean+half) {
				t.Errorf("alpha %g, gamma %g: the mark is %+v, want %g from %g to %g", alpha, gamma, got, mean, mean-half, mean+half)
			}
			if theory := c.Lines[f].Points[i]; theory.X != alpha || !near(theory.Y, blocks.SelfishRevenue(alpha, gamma)) {
				t.Errorf("alpha %g, gamma %g: the theory is at %v", alpha, gamma, theory)
			}
		}
	}
	fair := c.Lines[len(c.Lines)-1]
	for i, p := range fair.Points {
		if fair.Name != "its share of the hash rate" || math.Abs(p.Y-sorted[i]) > 1e-6 || p.X != sorted[i] {
			t.Errorf("the line of the hash rate is %+v", fair)
		}
	}
	for _, m := range c.Marks {
		for _, at := range m.At {
			if at.X < c.X.Min || at.X > c.X.Max || at.Y < c.Y.Min || at.Y > c.Y.Max {
				t.Errorf("the mark %v is outside the axes %+v, %+v", at, c.X, c.Y)
			}
		}
	}
}

// sweep makes results of a metric without running anything.
func sweep(values [][]lab.Value, mean func(i int) float64) *results {
	plan := &lab.Plan{Replicas: 2}
	s := &lab.Summary{}
	for i, v := range values {
		x, _ := blocks.Experiment{}.WithDefaults()
		plan.Points = append(plan.Points, lab.Point{Index: i, Values: v, Experiment: x})
		s.Points = append(s.Points, lab.PointSummary{Values: v, Metrics: map[string]lab.MetricSummary{"stale_rate": {Estimate: lab.Estimate{Mean: mean(i), Half: 0.001, N: 2}}}})
	}
	return newResults(plan, s)
}

func valueOf(key, text string, n float64) lab.Value {
	return lab.Value{Key: key, Text: text, Number: n}
}

// TestAxis checks which key is on the horizontal axis, and how.
func TestAxis(t *testing.T) {
	mean := func(i int) float64 { return 0.01 * float64(i+1) }
	modes := sweep([][]lab.Value{{valueOf("relay.mode", "full", 0)}, {valueOf("relay.mode", "headers", 1)}}, mean)
	c, ok := modes.curve(modes.main, modes.axis(), modes.families(modes.axis()))
	if !ok || !slices.Equal(c.X.Names, []string{"full", "headers"}) || c.X.Label != "relay.mode" || len(c.Lines) != 0 {
		t.Errorf("the axis of modes is %+v, with %d lines", c.X, len(c.Lines))
	}
	var both [][]lab.Value
	for _, mode := range []lab.Value{valueOf("relay.mode", "full", 0), valueOf("relay.mode", "headers", 1)} {
		for _, d := range []lab.Value{valueOf("interval", "10s", 10), valueOf("interval", "1s", 1), valueOf("interval", "10m", 600)} {
			both = append(both, []lab.Value{mode, d})
		}
	}
	r := sweep(both, mean)
	a := r.axis()
	if c, _ = r.curve(r.main, a, r.families(a)); a.label != "interval (s)" || !slices.Equal(a.values, []float64{1, 10, 600}) || !c.X.Log || len(c.Marks) != 2 {
		t.Errorf("the axis is %+v, drawn as %+v with %d curves", a, c.X, len(c.Marks))
	}
	if got := c.Marks[1].At[0]; got.X != 1 || !near(got.Y, 5) { // the fifth point, in per cent
		t.Errorf("the first mark of the second curve is %v", got)
	}
	// A difficulty is a text, also one that begins with a digit or has only digits.
	bits := sweep([][]lab.Value{{valueOf("difficulty.bits", "1e0fffff", 0)}, {valueOf("difficulty.bits", "20012345", 1)}}, mean)
	if got := bits.axis().names; !slices.Equal(got, []string{"1e0fffff", "20012345"}) {
		t.Errorf("the axis of difficulties has the names %q", got)
	}
	zero := sweep(both, func(int) float64 { return 0 })
	if _, ok := zero.curve(zero.main, a, zero.families(a)); ok {
		t.Error("there is a curve of zeros")
	}
}

// TestManyFamilies checks that a sweep with more curves than colours gets several charts,
// which have different names and together every point, up to a bound. Beyond it, curves, marks
// and rows of tables are spread over the sweep, and the text says how many there are.
func TestManyFamilies(t *testing.T) {
	for _, c := range []struct {
		curves, places       int
		charts, shown, marks int
		rows                 int
		first, last          string
		texts, below         []string // of the curves and of the tables
	}{
		{11, 3, 2, 11, 33, 33, "seedling = s0", "seedling = s10", nil, nil},
		{12, 15, 2, 12, 180, 180, "seedling = s0", "seedling = s11", nil, nil},
		{13, 14, 2, 12, 168, 182, "seedling = s0", "seedling = s12", []string{"12 of the 13 curves over nodes are shown. They are spread evenly over the values of the other keys; results.csv has all points."}, nil},
		{30, 300, 2, 12, 1200, 240, "seedling = s0", "seedling = s29", []string{
			"12 of the 30 curves over nodes are shown. They are spread evenly over the values of the other keys; results.csv has all points.",
			"100 of the 300 values of nodes have a mark. They are spread evenly over the sweep; results.csv has all points.",
		}, []string{"The tables have 240 of the 9000 points. They are spread evenly over the sweep; results.csv has all points."}},
	} {
		var values [][]lab.Value
		for i := range c.curves {
			for x := range c.places {
				values = append(values, []lab.Value{valueOf("nodes", strconv.Itoa(x), float64(x)), valueOf("seedling", "s"+strconv.Itoa(i), float64(i))})
			}
		}
		r := sweep(values, func(i int) float64 { return float64(i+1) / 100 })
		s := r.curves()
		names := map[string]bool{}
		shown, marks := []string(nil), 0
		for _, c := range s.Charts {
			if names[c.Name] {
				t.Errorf("two charts are called %s", c.Name)
			}
			names[c.Name] = true
			for _, m := range c.Marks {
				shown = append(shown, m.Name)
				marks += len(m.At)
			}
		}
		if len(names) != c.charts || len(shown) != c.shown || marks != c.marks {
			t.Errorf("%d charts with %d curves and %d marks, want %d with %d and %d", len(names), len(shown), marks, c.charts, c.shown, c.marks)
		}
		if shown[0] != c.first || shown[len(shown)-1] != c.last {
			t.Errorf("the first curve is %q and the last %q, want %q and %q", shown[0], shown[len(shown)-1], c.first, c.last)
		}
		if got := s.Text[1:]; !slices.Equal(got, c.texts) {
			t.Errorf("%d curves: the text is %q, want %q", c.curves, got, c.texts)
		}
		tables := r.figures()
		if rows := tables.Tables[0].Rows; len(rows) != c.rows || rows[0][0] != "0" || rows[0][1] != "s0" || rows[len(rows)-1][1] != "s"+strconv.Itoa(c.curves-1) {
			t.Errorf("%d curves: the table has %d rows, want %d, the first and the last point among them", c.curves, len(rows), c.rows)
		}
		if got := tables.Text[1:]; !slices.Equal(got, c.below) {
			t.Errorf("%d curves: the text of the tables is %q, want %q", c.curves, got, c.below)
		}
	}
}

// TestSpan checks vertical axes.
func TestSpan(t *testing.T) {
	for name, test := range map[string]struct {
		values []float64
		half   float64
		log    bool
		zero   bool // whether the axis begins at 0
	}{
		"from nothing":        {[]float64{0, 0.3, 1}, 0.1, false, true},
		"interval below zero": {[]float64{0.01, 0.02}, 0.05, false, true},
		"far from zero":       {[]float64{100, 101}, 0.5, false, false},
		"negative":            {[]float64{-1, 1}, 0, false, false},
		"all the same":        {[]float64{5, 5}, 0, false, false},
		"decades":             {[]float64{0.001, 0.1, 5}, 0.0005, true, false},
		"decades with zero":   {[]float64{0, 0.001, 5}, 0.0005, false, true},
	} {
		var s valueSpan
		for _, v := range test.values {
			s.add(v, test.half)
		}
		axis := s.axis("y")
		inside := !slices.ContainsFunc(test.values, func(v float64) bool { return v < axis.Min || v > axis.Max })
		if axis.Log != test.log || (axis.Min == 0) != test.zero || !inside || axis.Min >= axis.Max || len(axis.Ticks) == 0 || test.log && axis.Min <= 0 {
			t.Errorf("%s: the axis is %+v", name, axis)
		}
	}
}

// TestTicks checks that ticks are round, few, and within the axis.
func TestTicks(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		log       bool
		want      []float64
	}{
		{0, 1, false, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{0.034, 0.466, false, []float64{0.1, 0.2, 0.3, 0.4}},
		{-3, 3, false, []float64{-3, -2, -1, 0, 1, 2, 3}},
		{0, 7e6, false, []float64{0, 1e6, 2e6, 3e6, 4e6, 5e6, 6e6, 7e6}},
		{0.008, 20, true, []float64{0.01, 0.1, 1, 10}},
		{8, 60, true, []float64{10, 20, 50}},
		{1e-9, 1e9, true, []float64{1e-8, 1e-6, 1e-4, 1e-2, 1, 100, 1e4, 1e6, 1e8}},
	} {
		got := ticks
		if test.log {
			got = logTicks
		}
		if list := got(test.low, test.high); !slices.Equal(list, test.want) {
			t.Errorf("ticks from %g to %g: %v, want %v", test.low, test.high, list, test.want)
		}
	}
}

// TestColors checks that no two curves of a chart look the same.
func TestColors(t *testing.T) {
	seen := map[chart.Color]bool{}
	for _, c := range familyColors {
		if seen[c] || c == chart.Ink {
			t.Errorf("the colour %d is taken", c)
		}
		seen[c] = true
	}
}

// TestNamesHaveMarks checks that in a long sweep each name below the axis belongs to a mark.
func TestNamesHaveMarks(t *testing.T) {
	var values [][]lab.Value
	for i := range 250 {
		values = append(values, []lab.Value{valueOf("relay.mode", "mode "+strconv.Itoa(i), float64(i))})
	}
	r := sweep(values, func(i int) float64 { return 0.001 * float64(i+1) })
	a := r.axis()
	c, ok := r.curve(r.main, a, r.families(a))
	if !ok || len(c.X.Ticks) != maxNames || len(c.X.Names) != maxNames || len(c.Marks) != 1 || len(c.Marks[0].At) != maxMarks {
		t.Fatalf("the axis is %+v, with %d curves", c.X, len(c.Marks))
	}
	for i, x := range c.X.Ticks {
		if !slices.ContainsFunc(c.Marks[0].At, func(m chart.Mark) bool { return near(m.X, x) }) || c.X.Names[i] != a.names[int(x)] {
			t.Errorf("the name %q at %g has no mark, or belongs to another value", c.X.Names[i], x)
		}
	}
}
