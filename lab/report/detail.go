package report

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

// detail shows the distributions of a single replica.
func (t *Trace) detail(swept bool) section {
	s := section{ID: "detail", Title: "One replica in detail"}
	which := "The diagrams below are of the replica with the seed " + strconv.FormatUint(t.Seed, 10)
	if t.Result.Stale > 0 {
		which += ", which has the highest stale rate"
	}
	if swept {
		which += ", at the point " + pointName(t.Point.Values)
		if t.Result.Stale > 0 {
			which += ", where the mean stale rate is highest"
		}
	}
	text := fmt.Sprintf("%s: %s, of which %d are in the main chain and %d went stale", which, count(t.Result.Found, "block", "blocks"), t.Result.Main, t.Result.Stale)
	if t.Result.Withheld > 0 {
		text += fmt.Sprintf("; the others, %d, were never published", t.Result.Withheld)
	}
	s.Text = []string{text + "."}
	const ninety = 1 // index in blocks.ReachShares
	if t.Result.Reach[ninety].Quantile(0.5) > t.Result.Intervals.Mean()/10 {
		s.Text = append(s.Text, "Blocks take long through this network, compared with the time between them. Of two blocks that are found within such a time one is likely to be stale, "+
			"so the main chain has fewer short intervals than the exponential law says.")
	}
	if lab.HasCourse(t.Point.Experiment) {
		s.Text = append(s.Text, "The difficulty or the hash rate changes during the run, so that the times between blocks are of many exponential laws and not of one: "+
			"there are more short and more long ones. How they went over time is shown above.")
	}
	if t.Result.Intervals.Count > 0 {
		s.Charts = append(s.Charts, t.intervalChart())
	}
	if c, ok := t.reachChart(); ok && t.Result.Nodes > 1 {
		s.Charts = append(s.Charts, c)
	}
	s.addDepths("fork-lengths", "Stale branches by length", "stale branches", "blocks of the branch", &t.Result.ForkLengths)
	s.addDepths("reorg-depths", "Reorgs of nodes by depth", "reorgs of a node", "blocks that the node disconnected", &t.Result.Reorgs)
	return s
}

// intervalChart compares the times between blocks with the exponential law.
func (t *Trace) intervalChart() chart.Chart {
	in := &t.Result.Intervals
	mean := in.Mean().Seconds()
	if mean == 0 {
		mean = 1
	}
	// The classes of Times are narrow for short times: join them to bars of at least this
	// width.
	const width, most = 0.2, 6.0 // in units of the mean
	bars := chart.Bars{Name: fmt.Sprintf("%d intervals", in.Count), Color: chart.Blue}
	var n int64
	from, end := 0.0, 0.0
	flush := func() {
		if n > 0 {
			bars.At = append(bars.At, chart.Bar{From: from, To: min(end, most), Height: float64(n) / float64(in.Count) / (end - from)})
		}
		n = 0
	}
	top := 1.0
	in.Classes(func(lo, hi time.Duration, count int64) {
		if n > 0 && lo.Seconds()/mean-from >= width {
			end = lo.Seconds() / mean
			flush()
		}
		if n == 0 {
			from = max(end, math.Floor(lo.Seconds()/mean/width)*width) // after a gap
		}
		n += count
		end = hi.Seconds() / mean
	})
	flush()
	kept := bars.At[:0]
	for _, b := range bars.At {
		if b.From < most {
			kept = append(kept, b)
			top = max(top, b.Height)
		}
	}
	bars.At = kept
	law := chart.Line{Name: "exponential law", Color: chart.Vermillion, Width: 1.6}
	for x := 0.0; x <= most; x += 0.05 {
		law.Points = append(law.Points, chart.Point{X: x, Y: math.Exp(-x)})
	}
	return chart.Chart{
		Name: "intervals", Title: "Time between blocks, against the exponential law of a Poisson process",
		Alt:   fmt.Sprintf("Histogram of %d times between blocks of the main chain, in units of their mean of %s, beside the curve exp(-x).", in.Count, duration(in.Mean())),
		X:     chart.Axis{Label: "time between blocks (1 is the mean, " + duration(in.Mean()) + ")", Min: 0, Max: most, Ticks: []float64{0, 1, 2, 3, 4, 5, 6}},
		Y:     chart.Axis{Label: "density", Min: 0, Max: top * 1.2, Ticks: ticks(0, top*1.2), Grid: true},
		Bars:  []chart.Bars{bars},
		Lines: []chart.Line{law},
	}
}

// reachChart shows how long blocks took to shares of the nodes. ok is false if no block
// reached any.
func (t *Trace) reachChart() (c chart.Chart, ok bool) {
	c = chart.Chart{
		Name: "reach", Title: "Time until shares of the nodes had a block; values are up to a sixteenth too low",
		Headroom: 1,
	}
	medians := chart.Marks{Name: "median, with 5 % to 95 % of the blocks", Color: chart.Blue, Across: true}
	var most time.Duration
	for i := range t.Result.Reach {
		most = max(most, t.Result.Reach[i].Quantile(0.95))
	}
	per, unit := timeUnit(most)
	alt := ""
	for i, share := range blocks.ReachShares {
		if t.Result.Reach[i].Count > 0 {
			c.Rows = append(c.Rows, fmt.Sprintf("%.0f %%", 100*share))
		}
	}
	row := 0
	for i, share := range blocks.ReachShares {
		r := &t.Result.Reach[i]
		if r.Count == 0 {
			continue
		}
		at := chart.Point{X: r.Quantile(0.5).Seconds() * per, Y: c.RowY(row)}
		row++
		medians.At = append(medians.At, chart.Mark{Point: at, Lo: r.Quantile(0.05).Seconds() * per, Hi: r.Quantile(0.95).Seconds() * per})
		c.Labels = append(c.Labels, chart.Label{Point: at, Text: duration(r.Quantile(0.5)), Place: chart.Above})
		alt += fmt.Sprintf(" %.0f %% after %s,", 100*share, duration(r.Quantile(0.5)))
	}
	c.Alt = "Median times until shares of the nodes had a block:" + alt + " with the range of the middle 90 % of the blocks."
	c.X = timeAxis("time since a block was found ("+unit+")", most.Seconds()*per*1.1)
	c.Marks = []chart.Marks{medians}
	return c, len(c.Rows) > 0
}

// addDepths adds a histogram of depths or lengths, or a sentence if all are the same.
func (s *section) addDepths(name, title, of, what string, d *blocks.Depths) {
	var seen []int
	for depth, n := range d {
		if n > 0 {
			seen = append(seen, depth)
		}
	}
	switch len(seen) {
	case 0:
		s.Text = append(s.Text, upperFirst(of)+": none.")
	case 1:
		s.Text = append(s.Text, fmt.Sprintf("%s: %d, all with %d as the number of %s.", upperFirst(of), d.Total(), seen[0], what))
	default:
		s.Charts = append(s.Charts, depthChart(name, title, of, what, d))
	}
}

func depthChart(name, title, of, what string, d *blocks.Depths) chart.Chart {
	c := chart.Chart{Name: name, Title: title, X: chart.Axis{Label: what}, Y: chart.Axis{Label: of, Grid: true}}
	bars := chart.Bars{Color: chart.Blue}
	most, deepest, alt := int64(1), 1, ""
	for depth, n := range d {
		if n == 0 {
			continue
		}
		deepest = max(deepest, depth)
		most = max(most, n)
		bars.At = append(bars.At, chart.Bar{From: float64(depth) - 0.4, To: float64(depth) + 0.4, Height: float64(n)})
		c.Labels = append(c.Labels, chart.Label{Point: chart.Point{X: float64(depth), Y: float64(n)}, Text: strconv.FormatInt(n, 10), Place: chart.Top})
		alt += fmt.Sprintf(" %d of %d,", n, depth)
	}
	if deepest > 12 {
		c.Labels = nil // no room
	}
	for depth := 1; depth <= deepest; depth += 1 + deepest/16 {
		c.X.Ticks = append(c.X.Ticks, float64(depth))
	}
	c.X.Min, c.X.Max = 0.4, max(float64(deepest)+0.6, 4.6)
	c.Y.Min, c.Y.Max = 0, float64(most)*1.15
	c.Y.Ticks = ticks(0, c.Y.Max)
	if most > 200 {
		c.Y.Log, c.Y.Label = true, c.Y.Label+", logarithmic"
		c.Y.Min, c.Y.Max = 0.5, float64(most)*2
		c.Y.Ticks = logTicks(c.Y.Min, c.Y.Max)
	}
	c.Bars = []chart.Bars{bars}
	c.Alt = "Histogram of " + of + " by " + what + ":" + alt + " in all."
	return c
}
