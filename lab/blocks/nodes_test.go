package blocks

import (
	"math"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
)

// The fast model agrees with the network of real nodes: real gossip, real chains and real
// proof of work on a virtual clock. There, eight nodes are all connected with each other.
// A block is announced, asked for and sent, which takes three messages, and written to
// disk.
func TestRealNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes too long under the race detector")
	}
	const (
		count    = 8
		delay    = 100 * time.Millisecond
		interval = 2 * time.Second
		write    = 250 * time.Microsecond
	)
	var found, main int64
	for seed := range uint64(2) {
		net := nodes.New(seed, nodes.Config{Nodes: count, Know: count, Link: nodes.Link{Delay: delay}})
		net.RunFor(time.Minute)
		net.MineAll(interval)
		net.RunFor(250 * interval)
		net.StopMining()
		net.RunFor(time.Minute)
		found += int64(net.Blocks())
		main += net.Nodes[0].Chain().Tip().Height
	}
	real := ratio(found-main, found)

	var all, stale int64
	for seed := range uint64(20) { // the latencies differ from seed to seed
		r := run(t, Experiment{
			Nodes: count, Blocks: 1500, Interval: interval,
			Topology: Topology{Shape: Clique},
			Latency:  Latency{Mean: delay, Law: Uniform, Spread: 0.5},
			Relay:    Relay{Mode: HeadersFirst, Validation: write},
		}, seed, Options{})
		all, stale = all+r.Found, stale+r.Stale
	}
	model := ratio(stale, all)
	se := math.Sqrt(model * (1 - model) * (1/float64(found) + 1/float64(all)))
	t.Logf("real nodes: %d of %d blocks are stale, %.4f; the model: %.4f; standard error %.4f", found-main, found, real, model, se)
	within(t, "stale rate of real nodes", real, model, se, 3.5)
}
