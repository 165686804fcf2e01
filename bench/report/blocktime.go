package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/lodepow/lode/bench/stats"
	"github.com/lodepow/lode/internal/chart"
)

// setup is a kernel on some workers, with its searches at each difficulty.
type setup struct {
	kernel, workers string // empty for Tries, whose names do not contain them
	rate            float64
	points          []timePoint
}

// timePoint is the searches of one difficulty with the time of each.
type timePoint struct {
	sweepPoint
	times []float64 // in seconds, ascending; empty if single searches were not kept
}

// quantiles returns the shares of searches whose times the report shows.
func quantiles() []float64 { return []float64{0.05, 0.5, 0.95, 0.99} }

// quantile returns the measured quantile q: the least time that at least a share q of
// the searches did not exceed. It returns false if there are so few searches that less
// than one is expected on either side of it.
func (p timePoint) quantile(q float64) (float64, bool) {
	n := float64(len(p.times))
	if n*q < 1 || n*(1-q) < 1-1e-9 {
		return 0, false
	}
	return p.times[int(math.Ceil(n*q-1e-9))-1], true
}

// setupsOf returns the kernels and numbers of workers whose times to a block are shown,
// the fastest first. In a run of the standard benchmarks it is only that of Tries, which
// makes the most searches.
func setupsOf(f *File) []setup {
	base := "Search"
	if len(f.of("Tries")) > 0 {
		base = "Tries"
	}
	type key struct{ kernel, workers, zeros string }
	times := map[key][]float64{}
	for _, s := range f.Searches {
		if s.Benchmark != base {
			continue
		}
		k := key{s.Kernel, strconv.Itoa(s.Workers), strconv.Itoa(s.Zeros)}
		if base == "Tries" {
			k.kernel, k.workers = "", ""
		}
		times[k] = append(times[k], float64(s.NS)/1e9)
	}
	var all []setup
	for _, s := range f.of(base) {
		p, ok := pointOf(s)
		if !ok {
			continue
		}
		kernel, workers := s.Parts["kernel"], s.Parts["workers"]
		i := slices.IndexFunc(all, func(s setup) bool { return s.kernel == kernel && s.workers == workers })
		if i < 0 {
			i = len(all)
			all = append(all, setup{kernel: kernel, workers: workers})
		}
		point := timePoint{p, times[key{kernel, workers, strconv.Itoa(p.Zeros)}]}
		slices.Sort(point.times)
		all[i].points = append(all[i].points, point)
		all[i].rate = max(all[i].rate, p.rate)
	}
	all = slices.DeleteFunc(all, func(s setup) bool { return s.rate == 0 })
	slices.SortStableFunc(all, func(a, b setup) int {
		switch {
		case a.rate > b.rate:
			return -1
		case a.rate < b.rate:
			return 1
		}
		return 0
	})
	for i := range all {
		slices.SortFunc(all[i].points, func(a, b timePoint) int { return a.Zeros - b.Zeros })
	}
	return all
}

// timesToBlock returns the sections that compare the measured time to a block with the
// theory, one for each setup.
func timesToBlock(f *File) []*Section {
	var sections []*Section
	for i, setup := range setupsOf(f) {
		s := setup.section()
		if i > 0 {
			s.ID += fmt.Sprintf("-setup%d", i+1)
			s.Charts[0].Name = s.ID
		}
		sections = append(sections, s)
	}
	return sections
}

// section returns the section on the time to a block of one setup.
func (s setup) section() *Section {
	title := "Time to block"
	if s.kernel != "" {
		title += ", " + s.kernel + " on " + s.workers + " workers"
		if s.workers == "1" {
			title = "Time to block, " + s.kernel + " on one worker"
		}
	}
	section := &Section{
		ID: "time", Title: title,
		Text: []string{fmt.Sprintf("Measured is the time from the start of a search to its answer: the mean with the exact interval that luck gives it, and "+
			"percentiles of the single searches. Theory is the geometric law at %s, the highest rate attained at any difficulty: how long "+
			"the searches would take if nothing but hashing took time. Then 5 %% of them would be above the theory's p95; the last column "+
			"has the share that is.", quantity(s.rate, hps))},
		Table:  &Table{Head: []string{"zeros", "source", "searches", "mean time", "p5", "p50", "p95", "p99", "above p95"}},
		Charts: []chart.Chart{timeChart(s)},
	}
	without, few := 0, false
	for _, p := range s.points {
		measured, theory := p.rows(s.rate)
		section.Table.Rows = append(section.Table.Rows, measured, theory)
		if len(p.times) == 0 {
			without++
		} else if slices.Contains(measured, "-") {
			few = true
		}
	}
	if without == len(s.points) {
		section.After = append(section.After, "The times of single searches were not kept with these results, so their percentiles are not known. "+
			"lodelab bench keeps them with --out or --csv, in a file of the same name that ends in .csv.")
	} else if without > 0 {
		section.After = append(section.After, fmt.Sprintf("The times of single searches were kept at %d of %d difficulties only.", len(s.points)-without, len(s.points)))
	}
	if few {
		section.After = append(section.After, "Where a percentile is missing, there are too few searches: p5 and p95 need 20, and p99 needs 100.")
	}
	return section
}

// rows returns the row of what was measured at a difficulty, and that of the theory.
func (p timePoint) rows(rate float64) (measured, theory []string) {
	law := stats.Zeros(p.Zeros)
	perTry := p.seconds / float64(p.Total)
	measured = []string{
		strconv.Itoa(p.Zeros), "measured", strconv.Itoa(p.N), timeBetween(p.seconds/float64(p.N), perTry*p.mean.Lo, perTry*p.mean.Hi),
	}
	theory = []string{strconv.Itoa(p.Zeros), "theory", "", scaled(law.Mean()/rate) + "s"}
	for _, q := range quantiles() {
		cell := "-"
		if seconds, ok := p.quantile(q); ok {
			cell = scaled(seconds) + "s"
		}
		measured = append(measured, cell)
		theory = append(theory, scaled(law.Quantile(q)/rate)+"s")
	}
	return append(measured, p.slower(law.Quantile(0.95)/rate)), append(theory, "5 %")
}

// timeBetween formats a time with its interval, all three in the unit of the time.
func timeBetween(seconds, lo, hi float64) string {
	scaled, prefix := chart.SI(seconds)
	by := scaled / seconds
	return fmt.Sprintf("%s (%s to %s) %ss", digits(scaled), digits(lo*by), digits(hi*by), prefix)
}

// slower returns the share of the searches that took longer than the given time.
func (p timePoint) slower(seconds float64) string {
	if len(p.times) == 0 {
		return "-"
	}
	slower := 0
	for _, t := range p.times {
		if t > seconds {
			slower++
		}
	}
	share := 100 * float64(slower) / float64(len(p.times))
	if share < 9.95 {
		return fmt.Sprintf("%.1f %%", share)
	}
	return fmt.Sprintf("%.0f %%", share)
}

// timeChart shows the measured times to a block at each difficulty over the theory. If
// the times of single searches were not kept, it shows the means.
func timeChart(s setup) chart.Chart {
	points := s.points
	var sweep []sweepPoint
	kept := false
	for _, p := range points {
		sweep = append(sweep, p.sweepPoint)
		kept = kept || len(p.times) > 0
	}
	c := chart.Chart{Name: "time", Title: "Time to block", X: zerosAxis(sweep)}
	at := " at " + quantity(s.rate, hps)
	band := chart.Band{Name: "theory" + at + ", p5 to p95"}
	middle := chart.Line{Name: "theory, p50", Width: 1.2}
	if !kept {
		middle.Name = "theory, mean"
	}
	tail := chart.Line{Name: "theory, p99", Color: chart.Gray, Width: 1.2, Dashed: true}
	for z := c.X.Min; z <= c.X.Max+1e-9; z += 0.25 {
		hashes := math.Exp2(z)
		// Between whole numbers of zeros, the exponential law stands for the geometric.
		time := func(q float64) chart.Point { return chart.Point{X: z, Y: hashes * -math.Log1p(-q) / s.rate} }
		band.Lower = append(band.Lower, time(0.05))
		band.Upper = append(band.Upper, time(0.95))
		tail.Points = append(tail.Points, time(0.99))
		if kept {
			middle.Points = append(middle.Points, time(0.5))
		} else {
			middle.Points = append(middle.Points, chart.Point{X: z, Y: hashes / s.rate})
		}
	}
	c.Bands, c.Lines = []chart.Band{band}, []chart.Line{middle, tail}
	c.Alt = fmt.Sprintf("The measured time to a block from %d to %d zeros, over the theory%s.", points[0].Zeros, points[len(points)-1].Zeros, at)
	if kept {
		c.Marks, c.Labels = measuredTimes(points)
	} else {
		c.Marks, c.Labels = meanTimes(points)
	}
	c.Y = chart.Axis{
		Label: "time to block (s, logarithmic)", Log: true, Unit: "s", Grid: true,
		Min: band.Lower[0].Y, Max: tail.Points[len(tail.Points)-1].Y,
	}
	for _, m := range c.Marks {
		for _, mark := range m.At {
			c.Y.Max = max(c.Y.Max, mark.Hi)
			c.Y.Min = min(c.Y.Min, mark.Lo)
		}
	}
	c.Y.Max *= 2
	return c
}

// measuredTimes returns marks and labels for the percentiles of single searches.
func measuredTimes(points []timePoint) ([]chart.Marks, []chart.Label) {
	middle := chart.Marks{Name: "measured, p5, p50, p95", Color: chart.Blue}
	tail := chart.Marks{Name: "measured, p99", Color: chart.Vermillion, Shape: chart.Triangle}
	var labels []chart.Label
	for _, p := range points {
		x := float64(p.Zeros)
		if y, ok := p.quantile(0.5); ok {
			m := chart.Mark{Point: chart.Point{X: x, Y: y}, Lo: y, Hi: y}
			if lo, ok := p.quantile(0.05); ok {
				m.Lo = lo
			}
			if hi, ok := p.quantile(0.95); ok {
				m.Hi = hi
			}
			middle.At = append(middle.At, m)
			labels = append(labels, timeLabel(m.Point))
		}
		if y, ok := p.quantile(0.99); ok {
			tail.At = append(tail.At, chart.Mark{Point: chart.Point{X: x, Y: y}, Lo: y, Hi: y})
		}
	}
	return []chart.Marks{middle, tail}, labels
}

// meanTimes returns marks and labels for the means.
func meanTimes(points []timePoint) ([]chart.Marks, []chart.Label) {
	means := chart.Marks{Name: "measured, mean and its 95 % interval", Color: chart.Blue}
	var labels []chart.Label
	for _, p := range points {
		perTry := p.seconds / float64(p.Total)
		m := chart.Mark{Point: chart.Point{X: float64(p.Zeros), Y: p.seconds / float64(p.N)}, Lo: perTry * p.mean.Lo, Hi: perTry * p.mean.Hi}
		means.At = append(means.At, m)
		labels = append(labels, timeLabel(m.Point))
	}
	return []chart.Marks{means}, labels
}

// timeLabel returns a short label with the time of a mark.
func timeLabel(p chart.Point) chart.Label {
	x, prefix := chart.SI(p.Y)
	text := fmt.Sprintf("%.0f", x)
	if x < 9.95 {
		text = fmt.Sprintf("%.1f", x)
	}
	return chart.Label{Point: p, Text: text + " " + prefix + "s", Place: chart.Below}
}
