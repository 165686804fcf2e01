package lab

import (
	"context"
	"fmt"

	"github.com/lodepow/lode/lab/blocks"
)

// RealNodes is the engine that simulates a network of real nodes with package lab/nodes:
// the product's gossip and chain on a virtual clock. The other engines are those of package
// lab/blocks.
const RealNodes blocks.Engine = "nodes"

// WithDefaults returns an experiment with all defaults filled in, for each of the engines.
// The error says what cannot be used, and what to do.
func WithDefaults(x blocks.Experiment) (blocks.Experiment, error) {
	switch x.Engine {
	case "", blocks.Events, blocks.Paths:
		return x.WithDefaults()
	case RealNodes:
	default:
		return x, fmt.Errorf("engine %q: want %q, %q or %q", x.Engine, blocks.Events, blocks.Paths, RealNodes)
	}
	if x.Relay.Mode == "" {
		x.Relay.Mode = blocks.HeadersFirst
	}
	x.Engine = ""
	x, err := x.WithDefaults()
	x.Engine = RealNodes
	if err != nil {
		return x, err
	}
	return x, checkReal(x)
}

// Simulate runs an experiment with the engine that it names. The options Observe, Took and
// Progress work with all engines; [RealNodes] calls Observe at the end. The errors are those
// of [WithDefaults] and [blocks.Run].
func Simulate(ctx context.Context, x blocks.Experiment, seed uint64, o blocks.Options) (*blocks.Result, error) {
	if x.Engine != RealNodes {
		return blocks.Run(ctx, x, seed, o)
	}
	x, err := WithDefaults(x)
	if err != nil {
		return nil, err
	}
	return runReal(ctx, x, seed, o)
}
