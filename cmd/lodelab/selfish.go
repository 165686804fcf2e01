package main

import (
	"context"
	"fmt"
	"math"
	"text/tabwriter"
	"time"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab/blocks"
)

type selfishCmd struct {
	Alpha    []float64 `default:"0.1,0.2,0.25,0.3,0.3333,0.35,0.4,0.45" placeholder:"LIST" help:"Shares of the hash rate of the miner that hides blocks, between 0 and 0.5 (${default})."`
	Gamma    []float64 `default:"0,0.5,1" placeholder:"LIST" help:"Shares of the other miners that mine on its block in a race (${default})."`
	Strategy string    `default:"sm1" enum:"honest,sm1,lead-stubborn,fork-stubborn,trail-stubborn" placeholder:"NAME" help:"What the miner does: ${enum} (${default})."`
	Blocks   int       `default:"20000" placeholder:"N" help:"Number of blocks to find in each replica (${default})."`
	replicas
}

func (*selfishCmd) Help() string {
	return `Simulates a miner that does not publish its blocks at once, and prints its share in
the blocks of the main chain. Beside it is the formula of Eyal and Sirer for their
strategy, sm1. Messages take no time, and nine other miners have equal shares.

The miner earns more than its share of the hash rate where the whole interval is above
alpha; the column "pays" says so. The same flags always give the same table.`
}

// strategies has the strategy of each name of the flag --strategy.
func strategies(name string) blocks.Strategy {
	switch name {
	case "honest":
		return blocks.Honest{}
	case "lead-stubborn":
		return blocks.Stubborn{Lead: true}
	case "fork-stubborn":
		return blocks.Stubborn{Fork: true}
	case "trail-stubborn":
		return blocks.Stubborn{Trail: 1}
	}
	return blocks.SM1{}
}

// others is the number of miners beside the one with a strategy.
const others = 9

func (c *selfishCmd) experiment(alpha, gamma float64) blocks.Experiment {
	shares := []float64{alpha}
	for range others {
		shares = append(shares, (1-alpha)/others)
	}
	return blocks.Experiment{
		Nodes: 1 + others, Blocks: c.Blocks, Topology: blocks.Topology{Shape: blocks.Clique},
		Latency:     blocks.Latency{Mean: time.Microsecond},
		Power:       blocks.Power{Shares: shares},
		Tie:         blocks.Tie{Rule: blocks.Share, Gamma: gamma},
		Strategists: []blocks.Strategist{{Node: 0, Strategy: strategies(c.Strategy)}},
	}
}

// Run simulates the replicas of each pair of alpha and gamma, and prints a table.
func (c *selfishCmd) Run(ctx context.Context, s cli.Std) error {
	if err := c.check(); err != nil {
		return cli.UsageError{Err: err}
	}
	for _, alpha := range c.Alpha {
		if alpha <= 0 || alpha >= 0.5 || math.IsNaN(alpha) {
			return cli.UsageError{Err: fmt.Errorf("--alpha %v: want more than 0 and less than 0.5", alpha)}
		}
	}
	for _, gamma := range c.Gamma {
		if _, err := c.experiment(0.25, gamma).WithDefaults(); err != nil {
			return cli.UsageError{Err: err}
		}
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d replicas of %d blocks, strategy %s, seeds from %d\n\n", c.Replicas, c.Blocks, c.Strategy, c.Seed)
	fmt.Fprintln(w, "gamma\talpha\trevenue\t95 % interval\tformula of sm1\tpays")
	for _, gamma := range c.Gamma {
		for _, alpha := range c.Alpha {
			results, err := c.run(ctx, c.experiment(alpha, gamma))
			if err != nil {
				return err
			}
			e := estimateOf(results, func(r *blocks.Result) float64 { return r.Revenue(0) })
			pays := "open"
			switch {
			case e.mean-e.half > alpha:
				pays = "yes"
			case e.mean+e.half < alpha:
				pays = "no"
			}
			fmt.Fprintf(w, "%g\t%g\t%s\t%.4f\t%s\n", gamma, alpha, e.row("%.4f", 1), blocks.SelfishRevenue(alpha, gamma), pays)
		}
	}
	return w.Flush()
}
