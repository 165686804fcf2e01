package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"text/tabwriter"
	"time"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
)

type partitionCmd struct {
	Share    []float64     `default:"0.05,0.1,0.2,0.3,0.4,0.5" placeholder:"LIST" help:"Shares of the hash rate in the smaller part, more than 0 and at most 0.5 (${default})."`
	For      time.Duration `default:"1h" placeholder:"TIME" help:"How long the network is split (${default})."`
	Interval time.Duration `default:"10m" placeholder:"TIME" help:"Mean time between two blocks of the whole network (${default})."`
	Nodes    int           `default:"100" placeholder:"N" help:"Number of nodes, which all mine (${default})."`
	Splits   int           `default:"100" placeholder:"N" help:"Number of splits in each replica, at most 100 (${default})."`
	replicas
}

func (*partitionCmd) Help() string {
	return `Simulates a network that falls into two parts for a while, as when a cable is cut or a
country filters its traffic. Both parts find blocks at the difficulty of the whole
network. When they meet again, the part with less work gives its blocks up.

  lost       blocks that the smaller and the larger part lose
  reorg      the most blocks that a node disconnects when the parts meet, as a mean
  theory     the mean of what both parts lose together, if messages take no time: the
             smaller of two Poisson variables. The mean reorg is the same number
  agreement  seconds until all nodes have the same tip again, as a mean. Usually that
             takes a moment; if both parts have found equally many blocks, it takes
             until the next one. A split after which the run or the time until the
             next split ends before that is left out, and counts as a tie
  ties       how often that is so (the agreement takes more than a hundredth of the
             interval), and beside it the theory

The nodes are in six regions of the world. Each figure is the mean over the replicas, most
with the 95 % interval. The same flags always give the same table.`
}

// settings returns the experiment as in its file. Its points are the shares.
func (c *partitionCmd) settings() []lab.Setting {
	every := c.For + 30*c.Interval // a tie lasts longer once in 10^13 times
	total := float64(c.Splits) * every.Seconds() / c.Interval.Seconds()
	return []lab.Setting{
		{Key: "nodes", Value: int64(c.Nodes)},
		{Key: "blocks", Value: int64(math.Ceil(total + 5*math.Sqrt(total)))},
		{Key: "interval", Value: c.Interval.String()},
		{Key: "latency.regions", Value: "world-2019"},
		{Key: "splits[0].at", Value: (3 * c.Interval).String()},
		{Key: "splits[0].for", Value: c.For.String()},
		{Key: "splits[0].share", Value: list(c.Share)},
		{Key: "splits[0].times", Value: int64(c.Splits)},
		{Key: "splits[0].every", Value: every.String()},
	}
}

// check refuses flags that would make numbers without meaning before the plan is made.
func (c *partitionCmd) check() error {
	for _, share := range c.Share {
		if !(share > 0 && share <= 0.5) {
			return fmt.Errorf("--share %v: want more than 0 and at most 0.5", share)
		}
	}
	const year = 365 * 24 * time.Hour
	switch {
	case c.Splits < 2 || c.Splits > 100:
		return fmt.Errorf("--splits %d: want 2 to 100", c.Splits)
	case c.Interval < time.Second || c.Interval > year/365:
		return fmt.Errorf("--interval %s: want a second to a day", c.Interval)
	case c.For <= 0 || c.For > 1000*c.Interval || c.For > year/12:
		return fmt.Errorf("--for %s: want more than 0, at most a thousand intervals, and at most a month", c.For)
	}
	return checkNodes(c.Nodes)
}

// Run simulates the replicas of each share, and prints a table.
func (c *partitionCmd) Run(ctx context.Context, s cli.Std) error {
	if err := c.check(); err != nil {
		return cli.UsageError{Err: err}
	}
	p, err := c.plan("What a split of the network costs", "split_lost_blocks", c.settings())
	if err != nil {
		return err
	}
	_, summary, err := c.run(ctx, s, p)
	if err != nil || summary == nil {
		return err
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s of %d splits of %s, a block every %s, %d nodes, seeds from %d\n\n", c.count(), c.Splits, c.For, c.Interval, c.Nodes, c.Seed)
	fmt.Fprintln(w, "share\tlost by it\t95 % interval\tby the rest\t95 % interval\treorg\t95 % interval\ttheory\tagreement\t95 % interval\tties\ttheory")
	for _, point := range summary.Points {
		m := point.Metrics
		theory := func(name string) float64 {
			if t := m[name].Theory; t != nil {
				return *t
			}
			return math.NaN()
		}
		fmt.Fprintf(w, "%g\t%s\t%s\t%s\t%.2f\t%s\t%.3f\t%.3f\n", point.Values[0].Number,
			row(m["split_part_0_lost_blocks"].Estimate, "%.2f", 1), row(m["split_part_1_lost_blocks"].Estimate, "%.2f", 1),
			row(m["split_reorg_blocks"].Estimate, "%.2f", 1), theory("split_reorg_blocks"),
			row(m["split_agreement_seconds"].Estimate, "%.1f", 1), m["split_tie_rate"].Mean, theory("split_tie_rate"))
	}
	return errors.Join(w.Flush(), c.end(s.Out, c.Out, p))
}
