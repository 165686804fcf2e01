package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
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

// scenario is a change of the hash rate.
type scenario struct {
	title string
	steps []blocks.PowerStep
	hops  blocks.Hopping

	rules       []rules.Rule // those that are compared
	experiments []blocks.Experiment
}

func (c *difficultyCmd) scenarios() []scenario {
	var list []scenario
	for _, f := range c.Factors {
		list = append(list, scenario{title: fmt.Sprintf("hash rate × %g", f), steps: []blocks.PowerStep{{At: c.change(), Factor: f}}})
	}
	if c.Hop > 0 {
		list = append(list, scenario{
			title: fmt.Sprintf("a share of %g of the hash rate hops, and earns %g elsewhere", c.Hop, c.Elsewhere),
			hops:  blocks.Hopping{Share: c.Hop, Threshold: blocks.Dist{Mean: c.Elsewhere}},
		})
	}
	return list
}

// change returns when the hash rate changes.
func (c *difficultyCmd) change() time.Duration { return time.Duration(c.Window) * c.Spacing * 3 / 2 }

// params returns the network of a rule.
func (c *difficultyCmd) params(rule rules.Rule) (rules.Params, error) {
	const bits, limit = 0x1e0fffff, 0x207fffff // half a million times easier at most
	d := rules.Difficulty{Rule: rule, Bits: bits, Limit: limit, Spacing: uint32(c.Spacing / time.Second)}
	switch rule {
	case rules.RuleFixed:
		d.Limit, d.Spacing = 0, 0
	case rules.RuleAsert:
		d.HalfLife = uint32(c.halfLife() / time.Second)
	case rules.RuleBitcoin2016:
		d.Window = c.Window
	case rules.RuleLwma:
		d.Window = c.LwmaWindow
	}
	return rules.New(rules.Config{Name: "blocks", Difficulty: d})
}

func (c *difficultyCmd) halfLife() time.Duration {
	if c.HalfLife != 0 {
		return c.HalfLife
	}
	return 288 * c.Spacing
}

func (c *difficultyCmd) experiment(rule rules.Rule, s scenario) (blocks.Experiment, error) {
	p, err := c.params(rule)
	if err != nil {
		return blocks.Experiment{}, err
	}
	return blocks.Experiment{
		Nodes: 1, Params: p, Interval: c.Spacing, Engine: blocks.Events,
		Blocks: c.Blocks + int(c.Window)*3/2,
		Power:  blocks.Power{Steps: s.steps}, Hopping: s.hops,
	}.WithDefaults()
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
	case c.Window > 100_000:
		return fmt.Errorf("--window %d: want at most 100000", c.Window)
	case time.Duration(c.Window)*(c.Spacing/time.Second) > 40*365*24*60*60:
		return fmt.Errorf("--window %d with --spacing %s: want a window of at most 40 years", c.Window, c.Spacing)
	case !(c.Hop >= 0 && c.Hop <= 0.99):
		return fmt.Errorf("--hop %v: want 0 to 0.99", c.Hop)
	case c.Hop > 0 && !(c.Elsewhere > 0):
		return fmt.Errorf("--elsewhere %v: want more than 0", c.Elsewhere)
	case c.Replicas < 2 || c.Replicas > 1000:
		return fmt.Errorf("--replicas %d: want 2 to 1000", c.Replicas)
	case len(c.Rules) == 0 || len(c.scenarios()) == 0:
		return errors.New("nothing to compare: name at least one of --rules, and one of --factors or a share for --hop")
	}
	return nil
}

// figures are what is measured in a replica.
type figures struct{ recovery, interval, p95, swing, gap float64 }

// measure runs a replica. All blocks are of the main chain, because there is one node.
func (c *difficultyCmd) measure(ctx context.Context, x blocks.Experiment, seed uint64) (figures, error) {
	f := figures{recovery: math.NaN()}
	var intervals, logs []float64
	before, last := 0, time.Duration(0)
	_, err := blocks.Run(ctx, x, seed, blocks.Options{Observe: func(b blocks.Block) {
		if b.Found < c.change() {
			before, last = before+1, b.Found
			return
		}
		if off := b.Expected.Seconds()/c.Spacing.Seconds() - 1; math.IsNaN(f.recovery) && math.Abs(off) <= 0.1 {
			f.recovery = (b.Found - c.change()).Hours()
		}
		intervals = append(intervals, (b.Found - last).Seconds())
		last = b.Found
		if int(b.Number)-before > (x.Blocks-before)/2 {
			target, _, _ := b.Bits.Decode()
			logs = append(logs, math.Log(target.Difficulty()))
		}
	}})
	if err != nil || len(intervals) == 0 {
		return figures{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}, err
	}
	f.interval, _ = moments(intervals)
	_, f.swing = moments(logs)
	slices.Sort(intervals)
	f.p95, f.gap = intervals[len(intervals)*95/100], intervals[len(intervals)-1]/3600
	return f, nil
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
	if c.PrintFile {
		return c.printFile(s.Out)
	}
	all := c.scenarios()
	for i := range all {
		if err := c.fill(&all[i]); err != nil {
			return cli.UsageError{Err: err}
		}
	}
	fmt.Fprintf(s.Out, "%d replicas of %d blocks after the change, spacing %s, seeds from %d\n", c.Replicas, c.Blocks, c.Spacing, c.Seed)
	for _, sc := range all {
		results, err := c.runAll(ctx, sc.experiments)
		if err != nil {
			return err
		}
		if err := c.table(s.Out, sc, results); err != nil {
			return err
		}
	}
	return nil
}

// fill makes the experiments of a scenario.
func (c *difficultyCmd) fill(sc *scenario) error {
	for _, name := range c.Rules {
		rule := rules.Rule(name)
		if rule == rules.RuleFixed && sc.hops.Share > 0 {
			continue // the profit would never change
		}
		x, err := c.experiment(rule, *sc)
		if err != nil {
			return err
		}
		sc.rules, sc.experiments = append(sc.rules, rule), append(sc.experiments, x)
	}
	return nil
}

// runAll runs the replicas of all experiments on all cores. The results are by experiment
// and replica.
func (c *difficultyCmd) runAll(ctx context.Context, list []blocks.Experiment) ([][]figures, error) {
	results := make([][]figures, len(list))
	for i := range results {
		results[i] = make([]figures, c.Replicas)
	}
	jobs := len(list) * c.Replicas
	errs := make([]error, jobs)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), jobs) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < jobs && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				of, replica := i/c.Replicas, i%c.Replicas
				if results[of][replica], errs[i] = c.measure(ctx, list[of], c.Seed+uint64(replica)); errs[i] != nil {
					cancel()
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, err
		}
	}
	return results, ctx.Err()
}

// table prints the figures of a scenario, a row for each rule.
func (c *difficultyCmd) table(out io.Writer, sc scenario, results [][]figures) error {
	fmt.Fprintf(out, "\n%s\n", sc.title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	header := "rule\trecovery, h\tinterval, s\tp95, s\tswing, %\tgap, h"
	if sc.hops.Share > 0 {
		header = "rule\tinterval, s\tp95, s\tswing, %\tgap, h"
	}
	fmt.Fprintln(w, header)
	for i, rule := range sc.rules {
		cell := func(format string, unit float64, of func(figures) float64) string {
			var values []float64
			for _, f := range results[i] {
				values = append(values, of(f)/unit)
			}
			return estimateText(values, format)
		}
		fmt.Fprintf(w, "%s\t", rule)
		if sc.hops.Share == 0 {
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
	return c.theory(out, sc)
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
func (c *difficultyCmd) theory(out io.Writer, sc scenario) error {
	var err error
	if len(sc.steps) > 0 && slices.Contains(sc.rules, rules.RuleAsert) {
		_, err = fmt.Fprintf(out, "closed form of asert: recovery in %.1f h, without the noise of the search\n",
			blocks.AsertRecovery(sc.steps[0].Factor, 0.1)*c.halfLife().Hours())
	}
	if stay := 1 - sc.hops.Share; sc.hops.Share > 0 && sc.hops.Share <= 0.75 && slices.Contains(sc.rules, rules.RuleBitcoin2016) &&
		c.Elsewhere > 1 && c.Elsewhere <= 1/stay {
		slow, fast, mean := blocks.HoppingCycle(sc.hops.Share)
		_, err = fmt.Fprintf(out, "closed form of bitcoin2016: windows of %.0f s and of %.0f s from block to block take turns, %.0f s on average\n",
			slow*c.Spacing.Seconds(), fast*c.Spacing.Seconds(), mean*c.Spacing.Seconds())
	}
	return err
}
