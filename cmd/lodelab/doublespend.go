package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"text/tabwriter"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

type doublespendCmd struct {
	Share         []float64 `default:"0.1,0.2,0.3,0.4" placeholder:"LIST" help:"Shares of the hash rate of the attacker, between 0 and 0.5 (${default})."`
	Confirmations []int     `default:"1,2,3,6" placeholder:"LIST" help:"Numbers of confirmations that the merchant waits for, from 1 to 1000 (${default})."`
	GiveUp        int       `default:"20" placeholder:"N" help:"Number of blocks that the attacker is behind when it gives up (${default})."`
	Blocks        int       `default:"20000" placeholder:"N" help:"Number of blocks to find in each replica (${default})."`
	replicas
}

func (*doublespendCmd) Help() string {
	return `Simulates an attacker that spends the same coins twice, again and again, and prints how
often it succeeds, by its share of the hash rate and the confirmations that the merchant
waits for. The attacker has found one block in secret before it pays, and publishes its
branch when the merchant has the confirmations and the branch is longer. Messages take
no time.

Beside it are two theories, in percent: rosenfeld, which is exact for an attacker that
never gives up, and nakamoto, the approximation of the Bitcoin paper. The interval is
Wilson's of 95 % over the attempts of all replicas. The same flags always give the same
table.`
}

// settings returns the experiment as in its file. Its points are all pairs of share and
// confirmations.
func (c *doublespendCmd) settings() []lab.Setting {
	var confirmations []any
	for _, z := range c.Confirmations {
		confirmations = append(confirmations, int64(z))
	}
	return []lab.Setting{
		{Key: "nodes", Value: int64(2)},
		{Key: "blocks", Value: int64(c.Blocks)},
		{Key: "topology.shape", Value: string(blocks.Clique)},
		{Key: "latency.mean", Value: "1µs"},
		{Key: "power.alpha", Value: list(c.Share)},
		{Key: "strategists[0].node", Value: int64(0)},
		{Key: "strategists[0].strategy", Value: "double-spender"},
		{Key: "strategists[0].confirmations", Value: confirmations},
		{Key: "strategists[0].give_up", Value: int64(c.GiveUp)},
	}
}

// Run simulates the replicas of each pair, and prints a table.
func (c *doublespendCmd) Run(ctx context.Context, s cli.Std) error {
	for _, share := range c.Share {
		if share <= 0 || share >= 0.5 || math.IsNaN(share) {
			return cli.UsageError{Err: fmt.Errorf("--share %v: want more than 0 and less than 0.5", share)}
		}
	}
	errs := []error{within("--give-up", c.GiveUp, 1, 10_000), checkBlocks(c.Blocks)}
	for _, z := range c.Confirmations {
		errs = append(errs, within("--confirmations", z, 1, 1000))
	}
	if err := errors.Join(errs...); err != nil {
		return cli.UsageError{Err: err}
	}
	p, err := c.plan("How often a double spend succeeds", "miner_0_double_spend_rate", c.settings())
	if err != nil {
		return err
	}
	results, summary, err := c.run(ctx, s, p)
	if err != nil || summary == nil {
		return err
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s of %d blocks, given up %d blocks behind, seeds from %d\n\n", c.count(), c.Blocks, c.GiveUp, c.Seed)
	fmt.Fprintln(w, "share\tconfirmations\tattempts\tsuccesses, %\t95 % interval\trosenfeld\tnakamoto")
	for _, point := range p.Points {
		share, z := point.Values[0].Number, int(point.Values[1].Number)
		attempts, successes := countSpends(point, results)
		low, high := blocks.Wilson(successes, attempts, 1.96)
		fmt.Fprintf(w, "%g\t%d\t%d\t%.3f\t%.3f to %.3f\t%.3f\t%.3f\n", share, z, attempts,
			100*float64(successes)/float64(max(attempts, 1)), 100*low, 100*high, 100*blocks.DoubleSpendRosenfeld(share, z), 100*blocks.DoubleSpendNakamoto(share, z))
	}
	return errors.Join(w.Flush(), c.end(s.Out, c.Out, p))
}

// countSpends adds up the attempts of all replicas of a point, and those that succeeded.
func countSpends(point lab.Point, results []lab.Replica) (attempts, successes int64) {
	column := func(name string) int {
		return slices.IndexFunc(lab.Metrics(point.Experiment), func(m lab.Metric) bool { return m.Name == name })
	}
	count, rate := column("miner_0_double_spend_attempts"), column("miner_0_double_spend_rate")
	for _, r := range results {
		if n := r.Values[count]; r.Point == point.Index && n > 0 {
			attempts += int64(n)
			successes += int64(math.Round(n * r.Values[rate]))
		}
	}
	return attempts, successes
}
