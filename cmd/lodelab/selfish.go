package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"text/tabwriter"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
	"github.com/lodepow/lode/lab/optimal"
	"github.com/lodepow/lode/lab/validate"
)

type selfishCmd struct {
	Alpha     []float64 `default:"0.1,0.2,0.25,0.3,0.3333,0.35,0.4,0.45" placeholder:"LIST" help:"Shares of the hash rate of the miner that hides blocks, between 0 and 0.5 (${default})."`
	Gamma     []float64 `default:"0,0.5,1" placeholder:"LIST" help:"Shares of the other miners that mine on its block in a race (${default})."`
	Strategy  string    `default:"sm1" enum:"honest,sm1,lead-stubborn,fork-stubborn,trail-stubborn,optimal" placeholder:"NAME" help:"What the miner does: ${enum} (${default})."`
	Blocks    int       `default:"20000" placeholder:"N" help:"Number of blocks to find in each replica (${default})."`
	Threshold bool      `help:"Instead of the table, find for each gamma the share of the hash rate above which the strategy pays, by bisection over simulations, once for each replica, and print their mean with its 95 % interval."`
	replicas
}

func (*selfishCmd) Help() string {
	return `Simulates a miner that does not publish its blocks at once, and prints its share in
the blocks of the main chain. Beside it is the formula of Eyal and Sirer for their
strategy, sm1. Messages take no time, and nine other miners have equal shares. The
strategy optimal is the best one that there is (Sapirshtein, Sompolinsky and Zohar,
2016); it is computed anew for each alpha and gamma.

The miner earns more than its share of the hash rate where the whole interval is above
alpha; the column "pays" says so. The same flags always give the same table.`
}

// others is the number of miners beside the one with a strategy.
const others = 9

// settings returns the experiment as in its file. Its points are all pairs of gamma and
// alpha.
func (c *selfishCmd) settings() []lab.Setting {
	return []lab.Setting{
		{Key: "nodes", Value: int64(1 + others)},
		{Key: "blocks", Value: int64(c.Blocks)},
		{Key: "topology.shape", Value: string(blocks.Clique)},
		{Key: "latency.mean", Value: "1µs"},
		{Key: "tie.rule", Value: string(blocks.Share)},
		{Key: "tie.gamma", Value: list(c.Gamma)},
		{Key: "power.alpha", Value: list(c.Alpha)},
		{Key: "strategists[0].node", Value: int64(0)},
		{Key: "strategists[0].strategy", Value: c.Strategy},
	}
}

func list(numbers []float64) []any {
	var values []any
	for _, x := range numbers {
		values = append(values, x)
	}
	return values
}

// Run simulates the replicas of each pair of alpha and gamma, and prints a table.
func (c *selfishCmd) Run(ctx context.Context, s cli.Std) error {
	for _, alpha := range c.Alpha {
		if alpha <= 0 || alpha >= 0.5 || math.IsNaN(alpha) {
			return cli.UsageError{Err: fmt.Errorf("--alpha %v: want more than 0 and less than 0.5", alpha)}
		}
	}
	for _, gamma := range c.Gamma {
		if err := within("--gamma", gamma, 0, 1); err != nil {
			return cli.UsageError{Err: err}
		}
	}
	if err := checkBlocks(c.Blocks); err != nil {
		return cli.UsageError{Err: err}
	}
	p, err := c.plan("What a miner earns who hides blocks", "miner_0_revenue", c.settings()) // checks the flags
	if err != nil {
		return err
	}
	if c.Threshold {
		return c.thresholds(ctx, s)
	}
	_, summary, err := c.run(ctx, s, p)
	if err != nil || summary == nil {
		return err
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s of %d blocks, strategy %s, seeds from %d\n\n", c.count(), c.Blocks, c.Strategy, c.Seed)
	fmt.Fprintln(w, "gamma\talpha\trevenue\t95 % interval\tformula of sm1\tpays")
	for _, point := range summary.Points {
		gamma, alpha := point.Values[0].Number, point.Values[1].Number
		e := point.Metrics["miner_0_revenue"].Estimate
		pays := "open"
		switch {
		case e.Mean-e.Half > alpha:
			pays = "yes"
		case e.Mean+e.Half < alpha:
			pays = "no"
		}
		fmt.Fprintf(w, "%g\t%g\t%s\t%.4f\t%s\n", gamma, alpha, row(e, "%.4f", 1), blocks.SelfishRevenue(alpha, gamma), pays)
	}
	return errors.Join(w.Flush(), c.end(s.Out, c.Out, p))
}

// thresholds prints for each gamma the share above which the strategy pays, with the
// formula for sm1 and what the solver says of the best strategy.
func (c *selfishCmd) thresholds(ctx context.Context, s cli.Std) error {
	if c.PrintFile || c.Out != "" || c.HalfWidth != 0 { // --resume needs --out
		return cli.UsageError{Err: errors.New("--threshold has no experiment file: leave --print-file, --out and --half-width out, or --threshold")}
	}
	const most = 1 << 30 // blocks of all runs with one share
	if c.Blocks > most/c.Replicas {
		return cli.UsageError{Err: fmt.Errorf("--blocks %d and --replicas %d: with --threshold want a product of at most %d", c.Blocks, c.Replicas, most)}
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d bisections over runs of %d blocks, strategy %s, seeds from %d\n\n", c.Replicas, c.Blocks, c.Strategy, c.Seed)
	fmt.Fprintln(w, "gamma\tpays above\t95 % interval\tformula of sm1\tbest strategy")
	for _, gamma := range c.Gamma {
		best, err := optimal.Threshold(optimal.Problem{Gamma: gamma})
		if err != nil {
			return cli.UsageError{Err: err}
		}
		got, err := validate.Threshold(ctx, func(alpha float64) (blocks.Strategy, error) { return c.strategy(alpha, gamma) }, gamma, c.Blocks, c.Replicas, c.Seed, 0)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%g\t%s\t%.4f\t%.4f\n", gamma, row(got, "%.4f", 1), blocks.SelfishThreshold(gamma), best)
	}
	return w.Flush()
}

// strategy returns the strategy of the flag --strategy.
func (c *selfishCmd) strategy(alpha, gamma float64) (blocks.Strategy, error) {
	switch c.Strategy {
	case "optimal":
		solution, err := optimal.Solve(optimal.Problem{Alpha: alpha, Gamma: gamma, Truncation: 40})
		return solution.Policy, err
	case "honest":
		return blocks.Honest{}, nil
	case "lead-stubborn":
		return blocks.Stubborn{Lead: true}, nil
	case "fork-stubborn":
		return blocks.Stubborn{Fork: true}, nil
	case "trail-stubborn":
		return blocks.Stubborn{Trail: 1}, nil
	}
	return blocks.SM1{}, nil
}
