package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

// Trace is what the report shows of a single replica.
type Trace struct {
	Point  lab.Point
	Seed   uint64
	Result *blocks.Result
	Layout blocks.Layout

	// Fork has the blocks around the longest stale branch. If no block went stale it has
	// the first blocks of the replica.
	Fork       []blocks.Block
	ForkLength int // number of blocks of the longest stale branch

	// Block is the block whose way through the network was followed. Of the first
	// maxTypical blocks of the main chain, half reached 90 % of the nodes faster.
	Block blocks.Block

	// Arrivals has, for each node, the time from the discovery of Block until the node
	// made it its tip, or a negative one if it never did.
	Arrivals []time.Duration
}

// maxTypical bounds the number of blocks from which Trace.Block is chosen.
const maxTypical = 10_000

// NewTrace runs a replica again to see its blocks, and then once more up to the block that
// it follows through the network. The errors are those of [blocks.Run].
func NewTrace(ctx context.Context, point lab.Point, seed uint64) (*Trace, error) {
	x, err := lab.WithDefaults(point.Experiment)
	if err != nil {
		return nil, err
	}
	t := &Trace{Point: point, Seed: seed}
	t.Point.Experiment = x
	network := x
	network.Engine = "" // all engines have the same
	if t.Layout, err = network.Layout(seed); err != nil {
		return nil, err
	}
	var fork forkFinder
	var chain []blocks.Block
	t.Result, err = lab.Simulate(ctx, x, seed, blocks.Options{Observe: func(b blocks.Block) {
		fork.see(b)
		if b.Fate == blocks.InMain && len(chain) < maxTypical {
			chain = append(chain, b)
		}
	}})
	if err != nil {
		return nil, err
	}
	t.Fork, t.ForkLength = fork.blocks(), fork.best
	if len(chain) == 0 {
		return nil, errors.New("the main chain of the replica is empty: simulate more blocks")
	}
	t.Block = typical(chain)
	return t, t.follow(ctx)
}

// typical returns the block in the middle if blocks are sorted by the time until 90 % of
// the nodes had them.
func typical(chain []blocks.Block) blocks.Block {
	const ninety = 1 // index in blocks.ReachShares
	reached := slices.DeleteFunc(slices.Clone(chain), func(b blocks.Block) bool { return b.Reach[ninety] < 0 })
	if len(reached) == 0 {
		return chain[0]
	}
	slices.SortFunc(reached, func(a, b blocks.Block) int {
		return cmp.Or(cmp.Compare(a.Reach[ninety], b.Reach[ninety]), cmp.Compare(a.Number, b.Number))
	})
	return reached[len(reached)/2]
}

var errSettled = errors.New("the block is settled")

// follow runs the replica up to the point at which the fate of Block is settled, and notes
// when nodes make it their tip.
func (t *Trace) follow(ctx context.Context) error {
	t.Arrivals = make([]time.Duration, t.Result.Nodes)
	for i := range t.Arrivals {
		t.Arrivals[i] = -1
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	_, err := lab.Simulate(ctx, t.Point.Experiment, t.Seed, blocks.Options{
		Took: func(node int, block int32, at time.Duration) {
			if block == t.Block.Number && t.Arrivals[node] < 0 {
				t.Arrivals[node] = at - t.Block.Found
			}
		},
		Observe: func(b blocks.Block) {
			if b.Number == t.Block.Number {
				cancel(errSettled)
			}
		},
	})
	if errors.Is(err, errSettled) {
		return nil
	}
	return err
}

// check compares a trace with the replica that it repeats, if that is in the list.
func (t *Trace) check(replicas []lab.Replica) error {
	if t == nil {
		return nil
	}
	for _, r := range replicas {
		if r.Point == t.Point.Index && r.Seed == t.Seed && r.Hash != t.Result.Hash {
			return fmt.Errorf("point %d, seed %d: the replica has the hash %x, but now %x: it is of another experiment or version", r.Point, r.Seed, r.Hash[:8], t.Result.Hash[:8])
		}
	}
	return nil
}

// arrived returns the arrivals at the nodes for which keep is true, sorted. Nodes that
// never took the block are left out.
func (t *Trace) arrived(keep func(node int) bool) []time.Duration {
	var list []time.Duration
	for node, d := range t.Arrivals {
		if d >= 0 && keep(node) {
			list = append(list, d)
		}
	}
	slices.Sort(list)
	return list
}

func everyNode(int) bool { return true }
