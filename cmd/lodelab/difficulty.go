package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

type difficultyCmd struct {
	Rules      []string      `default:"fixed,asert,bitcoin2016,lwma" placeholder:"LIST" help:"Difficulty rules to compare (${default})."`
	Factors    []float64     `default:"10,0.1" placeholder:"LIST" help:"By what the hash rate is multiplied, each in a scenario of its own (${default})."`
	Hop        float64       `default:"0.5" placeholder:"SHARE" help:"Share of the hash rate that mines here only while it pays, in the last scenario; 0: no such scenario (${default})."`
	Elsewhere  float64       `default:"1.4" placeholder:"PROFIT" help:"What a hash earns elsewhere, if it earns 1 here at the difficulty of block 1: the hopping share mines here while it earns at least as much (${default})."`
	Spacing    time.Duration `default:"10m" placeholder:"TIME" help:"Intended time between blocks, in whole seconds (${default})."`
	HalfLife   time.Duration `placeholder:"TIME" help:"Half-life of asert; by default 288 spacings, as Bitcoin Cash has."`
	Window     uint32        `default:"2016" placeholder:"N" help:"Window of bitcoin2016 in blocks (${default})."`
	LwmaWindow uint32        `default:"60" placeholder:"N" help:"Window of lwma in blocks (${default})."`
	Blocks     int           `default:"8000" placeholder:"N" help:"Number of blocks after the change, in each replica (${default})."`
	replicas
}

func (*difficultyCmd) Help() string {
	return `Compares difficulty rules: what happens when the hash rate changes at once, and when a
part of it comes while mining pays and leaves when it does not.

The hash rate changes one and a half windows of bitcoin2016 after the start, when the
difficulty fits it. The columns are about the blocks after that:

  recovery   hours until the difficulty first fits the new hash rate to within 10 %
  interval   mean number of seconds from block to block
  p95        95 % of the times from block to block are at most as long, in seconds
  swing      standard deviation of the logarithm of the difficulty, in percent,
             over the second half of the blocks
  gap        the longest time from block to block, in hours

Each is the mean over the replicas with its 95 % interval. If only some replicas have
recovered, such as 5 of 8, the mean is theirs, and the table says how many. Messages take no time, and the
clocks are right. The same flags always give the same table.`
}

// change returns when the hash rate changes.
func (c *difficultyCmd) change() time.Duration { return time.Duration(c.Window) * c.Spacing * 3 / 2 }

func (c *difficultyCmd) halfLife() time.Duration {
	if c.HalfLife != 0 {
		return c.HalfLife
	}
	return 288 * c.Spacing
}

// validate checks the flags that no experiment checks.
func (c *difficultyCmd) validate() error {
	switch {
	case c.Spacing < time.Second || c.Spacing%time.Second != 0 || c.Spacing > 24*time.Hour:
		return fmt.Errorf("--spacing %s: want whole seconds, from 1s to 24h", c.Spacing)
	case c.HalfLife%time.Second != 0 || c.HalfLife < 0 || c.HalfLife > 365*24*time.Hour:
		return fmt.Errorf("--half-life %s: want whole seconds, up to a year", c.HalfLife)
	case c.Blocks < 100 || c.Blocks > 1_000_000:
		return fmt.Errorf("--blocks %d: want 100 to 1000000", c.Blocks)
	case c.Window < 1 || c.Window > 100_000:
		return fmt.Errorf("--window %d: want 1 to 100000", c.Window)
	case time.Duration(c.Window)*(c.Spacing/time.Second) > 40*365*24*60*60:
		return fmt.Errorf("--window %d with --spacing %s: want a window of at most 40 years", c.Window, c.Spacing)
	case !(c.Hop >= 0 && c.Hop <= 0.99):
		return fmt.Errorf("--hop %v: want 0 to 0.99", c.Hop)
	case c.Hop > 0 && (!(c.Elsewhere > 0) || math.IsInf(c.Elsewhere, 1)):
		return fmt.Errorf("--elsewhere %v: want more than 0", c.Elsewhere)
	case c.LwmaWindow < 1 || c.LwmaWindow > 100_000:
		return fmt.Errorf("--lwma-window %d: want 1 to 100000", c.LwmaWindow)
	case c.Replicas < 2 || c.Replicas > 1000:
		return fmt.Errorf("--replicas %d: want 2 to 1000", c.Replicas)
	case len(c.Rules) == 0 || len(c.groups()) == 0:
		return errors.New("nothing to compare: name at least one of --rules, and one of --factors or a share for --hop")
	}
	for _, factor := range c.Factors {
		if err := within("--factors", factor, 1e-6, 1e6); err != nil {
			return err
		}
	}
	return nil
}

// figures are what is measured in a replica.
type figures struct{ recovery, interval, p95, swing, gap float64 }

// meter measures a replica. All blocks are of the main chain, because there is one node.
type meter struct {
	change, spacing time.Duration
	blocks          int // of the replica

	recovery        float64
	intervals, logs []float64
	before          int
	last            time.Duration
}

func (m *meter) see(b blocks.Block) {
	if b.Found < m.change {
		m.before, m.last = m.before+1, b.Found
		return
	}
	if off := b.Expected.Seconds()/m.spacing.Seconds() - 1; math.IsNaN(m.recovery) && math.Abs(off) <= 0.1 {
		m.recovery = (b.Found - m.change).Hours()
	}
	m.intervals = append(m.intervals, (b.Found - m.last).Seconds())
	m.last = b.Found
	if int(b.Number)-m.before > (m.blocks-m.before)/2 {
		target, _, _ := b.Bits.Decode()
		m.logs = append(m.logs, math.Log(target.Difficulty()))
	}
}

func (m *meter) figures() figures {
	if len(m.intervals) == 0 {
		return figures{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	}
	f := figures{recovery: m.recovery}
	f.interval, _ = moments(m.intervals)
	_, f.swing = moments(m.logs)
	slices.Sort(m.intervals)
	f.p95, f.gap = m.intervals[len(m.intervals)*95/100], m.intervals[len(m.intervals)-1]/3600
	return f
}

// moments returns mean and standard deviation.
func moments(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(deviation)
}

// Run simulates the replicas of each scenario and rule, and prints the tables.
func (c *difficultyCmd) Run(ctx context.Context, s cli.Std) error {
	if err := c.validate(); err != nil {
		return cli.UsageError{Err: err}
	}
	var plans []*lab.Plan
	groups := c.groups()
	for _, g := range groups {
		p, err := c.plan(g.title, "difficulty_error", g.settings)
		if err != nil {
			return err
		}
		plans = append(plans, p)
	}
	if c.PrintFile {
		return printFiles(s.Out, groups, plans)
	}
	switch {
	case c.Resume:
		warnOfVersion(s.Err, version())
	case c.Out != "":
		for _, g := range groups { // before the first one has been run for nothing
			if err := lab.CheckNew(c.folder(g)); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(s.Out, "%s of %d blocks after the change, spacing %s, seeds from %d\n", c.count(), c.Blocks, c.Spacing, c.Seed)
	for i, g := range groups {
		if err := c.runGroup(ctx, s, g, plans[i]); err != nil {
			return err
		}
	}
	for i, g := range groups {
		if err := c.end(s.Out, c.folder(g), plans[i]); err != nil {
			return err
		}
	}
	return nil
}

// runGroup runs a file and prints a table for each of its scenarios.
func (c *difficultyCmd) runGroup(ctx context.Context, s cli.Std, g group, p *lab.Plan) error {
	var mu sync.Mutex
	meters := map[[2]int]*meter{}
	results, summary, err := c.execute(ctx, s, p, c.folder(g), lab.Options{Observe: func(point, number int) func(blocks.Block) {
		m := &meter{change: c.change(), spacing: c.Spacing, blocks: p.Points[point].Experiment.Blocks, recovery: math.NaN()}
		mu.Lock()
		defer mu.Unlock()
		meters[[2]int{point, number}] = m
		return m.see
	}})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(results, func(r lab.Replica) bool { return meters[[2]int{r.Point, r.Number}] == nil }) {
		return c.tables(s.Out, g, p, results, meters)
	}
	fmt.Fprintf(s.Out, "\n%s\nThe usual table is made of single blocks, and those of the replicas that were run\nbefore the interrupt are in no file. So these are the metrics of results.csv:\n\n", g.title)
	return writeSummary(s.Out, p, summary)
}

// tables prints the tables of a file, from the meters of all its replicas.
func (c *difficultyCmd) tables(out io.Writer, g group, p *lab.Plan, results []lab.Replica, meters map[[2]int]*meter) error {
	byPoint := make([][]figures, len(p.Points))
	for _, r := range results {
		byPoint[r.Point] = append(byPoint[r.Point], meters[[2]int{r.Point, r.Number}].figures())
	}
	for _, sc := range g.scenarios {
		if err := c.table(out, sc, byPoint[:len(g.rules)], g.rules); err != nil {
			return err
		}
		byPoint = byPoint[len(g.rules):]
	}
	return nil
}

// table prints the figures of a scenario, a row for each rule.
func (c *difficultyCmd) table(out io.Writer, sc scenario, results [][]figures, names []string) error {
	fmt.Fprintf(out, "\n%s\n", sc.title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	header := "rule\trecovery, h\tinterval, s\tp95, s\tswing, %\tgap, h"
	if sc.hops {
		header = "rule\tinterval, s\tp95, s\tswing, %\tgap, h"
	}
	fmt.Fprintln(w, header)
	for i, rule := range names {
		cell := func(format string, unit float64, of func(figures) float64) string {
			var values []float64
			for _, f := range results[i] {
				values = append(values, of(f)/unit)
			}
			return estimateText(values, format)
		}
		fmt.Fprintf(w, "%s\t", rule)
		if !sc.hops {
			fmt.Fprintf(w, "%s\t", cell("%.1f", 1, func(f figures) float64 { return f.recovery }))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n",
			cell("%.1f", 1, func(f figures) float64 { return f.interval }),
			cell("%.0f", 1, func(f figures) float64 { return f.p95 }),
			cell("%.1f", 0.01, func(f figures) float64 { return f.swing }),
			cell("%.2f", 1, func(f figures) float64 { return f.gap }))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return c.theory(out, sc, names)
}

// estimateText returns the mean of the replicas that have a figure, with its interval, and
// how many these are if some have none (NaN).
func estimateText(values []float64, format string) string {
	e := lab.NewEstimate(values)
	var text string
	switch e.N {
	case 0:
		return "never"
	case 1: // which has no interval
		i := slices.IndexFunc(values, func(v float64) bool { return !math.IsNaN(v) })
		text = fmt.Sprintf(format, values[i])
	default:
		text = fmt.Sprintf(format+" ± "+format, e.Mean, e.Half)
	}
	if e.N < len(values) {
		text += fmt.Sprintf(" (%d of %d)", e.N, len(values))
	}
	return text
}

// theory prints what closed forms say about a scenario.
func (c *difficultyCmd) theory(out io.Writer, sc scenario, names []string) error {
	var err error
	if !sc.hops && slices.Contains(names, string(rules.RuleAsert)) {
		_, err = fmt.Fprintf(out, "closed form of asert: recovery in %.1f h, without the noise of the search\n",
			blocks.AsertRecovery(sc.factor, 0.1)*c.halfLife().Hours())
	}
	if stay := 1 - c.Hop; sc.hops && c.Hop <= 0.75 && slices.Contains(names, string(rules.RuleBitcoin2016)) &&
		c.Elsewhere > 1 && c.Elsewhere <= 1/stay {
		slow, fast, mean := blocks.HoppingCycle(c.Hop)
		_, err = fmt.Fprintf(out, "closed form of bitcoin2016: windows of %.0f s and of %.0f s from block to block take turns, %.0f s on average\n",
			slow*c.Spacing.Seconds(), fast*c.Spacing.Seconds(), mean*c.Spacing.Seconds())
	}
	return err
}
