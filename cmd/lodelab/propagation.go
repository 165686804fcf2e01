package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
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

// settings returns the experiment as in its file.
func (c *propagationCmd) settings() []lab.Setting {
	list := []lab.Setting{
		{Key: "nodes", Value: int64(c.Nodes)},
		{Key: "blocks", Value: int64(c.Blocks)},
		{Key: "interval", Value: c.Interval.String()},
		{Key: "topology.shape", Value: c.Topology},
	}
	if c.Degree != 0 {
		list = append(list, lab.Setting{Key: "topology.degree", Value: int64(c.Degree)})
	}
	if c.Latency != 0 {
		list = append(list,
			lab.Setting{Key: "latency.mean", Value: c.Latency.String()},
			lab.Setting{Key: "latency.law", Value: string(blocks.Uniform)},
			lab.Setting{Key: "latency.spread", Value: 0.5})
	} else {
		list = append(list, lab.Setting{Key: "latency.regions", Value: "world-2019"})
	}
	list = append(list, lab.Setting{Key: "relay.mode", Value: c.Relay}, lab.Setting{Key: "relay.block_bytes", Value: c.BlockBytes})
	if c.Relay == string(blocks.Compact) || c.HitRate != 1 { // 1 is the default of the flag
		list = append(list, lab.Setting{Key: "relay.hit_rate", Value: c.HitRate})
	}
	if c.Bandwidth != 0 {
		list = append(list, lab.Setting{Key: "relay.bandwidth", Value: c.Bandwidth})
	}
	return append(list, lab.Setting{Key: "relay.validation", Value: c.Validation.String()})
}

// check refuses flags that are out of their range. That of some depends on others, which the
// experiment checks.
func (c *propagationCmd) check() error {
	errs := []error{
		checkNodes(c.Nodes), checkBlocks(c.Blocks), longer("--interval", c.Interval),
		within("--hit-rate", c.HitRate, 0, 1), notNegative("--block-bytes", c.BlockBytes, "0 or more"),
		notNegative("--bandwidth", c.Bandwidth, "more than 0"),
	}
	if c.Degree < 0 {
		errs = append(errs, fmt.Errorf("--degree %d: want 1 or more", c.Degree))
	}
	if c.Latency < 0 {
		errs = append(errs, longer("--latency", c.Latency))
	}
	return errors.Join(errs...)
}

// Run simulates the replicas and prints a table.
func (c *propagationCmd) Run(ctx context.Context, s cli.Std) error {
	if err := c.check(); err != nil {
		return cli.UsageError{Err: err}
	}
	p, err := c.plan("How blocks spread, and how many go stale", "stale_rate", c.settings())
	if err != nil {
		return err
	}
	results, summary, err := c.run(ctx, s, p)
	if err != nil || summary == nil {
		return err
	}
	metrics := summary.Points[0].Metrics
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s of %d blocks, %d nodes, engine %s, seeds from %d\n\n", c.count(), c.Blocks, c.Nodes, results[0].Engine, c.Seed)
	fmt.Fprintf(w, "\tmean\t95 %% interval\n")
	for _, line := range []struct {
		name, metric, format string
		unit                 float64
	}{
		{"stale blocks, %", "stale_rate", "%.3f", 0.01},
		{"seconds to 50 % of the nodes", "reach_50_seconds", "%.3f", 1},
		{"seconds to 90 % of the nodes", "reach_90_seconds", "%.3f", 1},
		{"seconds to 99 % of the nodes", "reach_99_seconds", "%.3f", 1},
		{"seconds to 100 % of the nodes", "reach_100_seconds", "%.3f", 1},
		{"seconds between blocks of the main chain", "interval_mean_seconds", "%.1f", 1},
		{"reorgs of a node in 1000 blocks", "reorg_rate", "%.3f", 0.001},
	} {
		fmt.Fprintf(w, "%s\t%s\n", line.name, row(metrics[line.metric].Estimate, line.format, line.unit))
	}
	fmt.Fprintf(w, "\nhash of the first replica\t%x\n", results[0].Hash[:8])
	return errors.Join(w.Flush(), c.end(s.Out, c.Out, p))
}
