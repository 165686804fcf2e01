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

type propagationCmd struct {
	Nodes      int           `default:"1000" placeholder:"N" help:"Number of nodes (${default})."`
	Blocks     int           `default:"1000" placeholder:"N" help:"Number of blocks to find in each replica (${default})."`
	Interval   time.Duration `default:"10m" placeholder:"TIME" help:"Mean time between two blocks of the whole network (${default})."`
	Topology   string        `default:"random" enum:"random,scale-free,ring,grid,star,clique" placeholder:"NAME" help:"Who is connected with whom: ${enum} (${default})."`
	Degree     int           `placeholder:"N" help:"How many others a node chooses, or hubs of a star; by default 8, or 1 for a ring and a star."`
	Latency    time.Duration `placeholder:"TIME" help:"Mean time of a message, one way. Each connection has its own, from half to one and a half times this. By default the latencies and bandwidths of six regions of the world in 2019."`
	Relay      string        `default:"compact" enum:"full,headers,compact,cut-through" placeholder:"MODE" help:"How blocks are passed on: ${enum} (${default})."`
	HitRate    float64       `default:"1" placeholder:"SHARE" help:"How often a node can rebuild a compact block from its own transactions (${default})."`
	BlockBytes float64       `default:"1.5e6" placeholder:"BYTES" help:"Size of a block (${default})."`
	Bandwidth  float64       `placeholder:"BITS" help:"Bits a second from a node to each neighbour; by default that of the regions, or no limit with --latency."`
	Validation time.Duration `default:"50ms" placeholder:"TIME" help:"Time in which a node validates a block (${default})."`
	replicas
}

func (*propagationCmd) Help() string {
	return `Simulates how blocks spread through a network of nodes: how long a block takes to
half of the nodes and to all of them, and how many blocks go stale because two miners
find one at nearly the same time.

The nodes follow the rules of this project: most work, first seen. Everything else is
a model, which docs/laboratory.md describes with its limits. The table has the mean
over the replicas and its 95 % interval. The same flags always give the same table.`
}

func (c *propagationCmd) experiment() blocks.Experiment {
	x := blocks.Experiment{
		Nodes: c.Nodes, Blocks: c.Blocks, Interval: c.Interval,
		Topology: blocks.Topology{Shape: blocks.Shape(c.Topology), Degree: c.Degree},
		Latency:  blocks.Latency{Regions: blocks.World2019()},
		Relay: blocks.Relay{
			Mode: blocks.Mode(c.Relay), BlockBytes: blocks.Dist{Mean: c.BlockBytes}, Bandwidth: c.Bandwidth, Validation: c.Validation,
		},
	}
	if x.Relay.Mode == blocks.Compact || c.HitRate != 1 { // 1 is the default of the flag
		x.Relay.HitRate = c.HitRate
	}
	if c.Latency != 0 {
		x.Latency = blocks.Latency{Mean: c.Latency, Law: blocks.Uniform, Spread: 0.5}
	}
	return x
}

// Run simulates the replicas and prints a table.
func (c *propagationCmd) Run(ctx context.Context, s cli.Std) error {
	x, err := c.experiment().WithDefaults()
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return cli.UsageError{Err: err}
	}
	results, err := c.run(ctx, x)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d replicas of %d blocks, %d nodes, engine %s, seeds from %d\n\n", c.Replicas, c.Blocks, c.Nodes, results[0].Engine, c.Seed)
	fmt.Fprintf(w, "\tmean\t95 %% interval\n")
	fmt.Fprintf(w, "stale blocks, %%\t%s\n", estimateOf(results, (*blocks.Result).StaleRate).row("%.3f", 0.01))
	for i, share := range blocks.ReachShares {
		e := estimateOf(results, func(r *blocks.Result) float64 {
			if r.Reach[i].Count == 0 {
				return math.NaN()
			}
			return r.Reach[i].Mean().Seconds()
		})
		fmt.Fprintf(w, "seconds to %.0f %% of the nodes\t%s\n", 100*share, e.row("%.3f", 1))
	}
	fmt.Fprintf(w, "seconds between blocks of the main chain\t%s\n", estimateOf(results, func(r *blocks.Result) float64 {
		return r.Intervals.Mean().Seconds()
	}).row("%.1f", 1))
	fmt.Fprintf(w, "reorgs of a node in 1000 blocks\t%s\n", estimateOf(results, func(r *blocks.Result) float64 {
		return float64(r.Reorgs.Total()) / float64(r.Nodes) / float64(r.Found) * 1000
	}).row("%.3f", 1))
	fmt.Fprintf(w, "\nhash of the first replica\t%x\n", results[0].Hash[:8])
	return w.Flush()
}
