package lab

import (
	"fmt"
	"time"

	"github.com/lodepow/lode/lab/blocks"
)

// Bounds of an experiment with real nodes.
const (
	maxRealNodes  = 2000
	maxRealClique = 500 // in a larger one, a node would have to choose more peers than it keeps
	maxRealBlocks = 100_000

	// maxRealWork bounds the hashes of a block, because its proof of work is real.
	maxRealWork = 1 << 14

	// maxRealClockError bounds the mean error of clocks. After the last block the nodes run on until
	// the slowest clock has come to it.
	maxRealClockError = 6 * time.Hour

	// maxRealClocksDiffer bounds the difference of any two clocks. Which errors the clocks have is
	// known only once a replica begins, and a law such as lognormal has single large ones.
	maxRealClocksDiffer = 7 * 24 * time.Hour

	// The mean time between two blocks, also after the hash rate has changed.
	minRealInterval = time.Millisecond
	maxRealInterval = 1000 * time.Hour
)

// checkReal refuses what real nodes cannot do. The experiment has its defaults.
func checkReal(x blocks.Experiment) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf(format+`, or take another engine than "nodes"`, args...)
	}
	r := x.Relay
	switch {
	case x.Nodes > maxRealNodes:
		return refuse("%d nodes: want at most %d real ones", x.Nodes, maxRealNodes)
	case x.Blocks > maxRealBlocks:
		return refuse("%d blocks: want at most %d", x.Blocks, maxRealBlocks)
	case x.Topology.Shape == blocks.Clique && x.Nodes > maxRealClique:
		return refuse("topology: %d nodes in a clique: want at most %d real ones", x.Nodes, maxRealClique)
	case r.Mode != blocks.HeadersFirst:
		return refuse("relay: mode %q: real nodes announce a block and send it on request: leave the mode out, which means %q", r.Mode, blocks.HeadersFirst)
	case x.Interval < minRealInterval || x.Interval > maxRealInterval:
		return refuse("interval %s: want 1ms to 1000h", x.Interval)
	case r.BlockBytes != blocks.Dist{}:
		return refuse("relay: the messages of real nodes take no time by their size: leave block_bytes out")
	case r.Bandwidth != 0:
		return refuse("relay: the messages of real nodes take no time by their size: leave bandwidth out")
	case r.QueueUploads:
		return refuse("relay: the messages of real nodes take no time by their size: leave queue_uploads out")
	case r.Retry != 0:
		return refuse("relay: real nodes ask again by rules of their own: leave retry out")
	case x.Tie.Rule != blocks.FirstSeen:
		return refuse("tie: rule %q: real nodes stay with the branch that they have seen first: leave it out", x.Tie.Rule)
	}
	if err := checkRealChanges(x, refuse); err != nil {
		return err
	}
	for _, s := range x.Strategists {
		switch s.Strategy.(type) {
		case blocks.Honest, blocks.SM1:
		default:
			return refuse("strategists: strategy %q of node %d: among real nodes there are honest and sm1: take one of these", s.Strategy.Name(), s.Node)
		}
	}
	return checkRealWork(x, refuse)
}

// checkRealChanges refuses changes of the network and lies about the time.
func checkRealChanges(x blocks.Experiment, refuse func(string, ...any) error) error {
	const out = "not with real nodes: leave the table out"
	switch {
	case x.Eclipse != blocks.Eclipse{}:
		return refuse("eclipse: %s", out)
	case len(x.Clocks.Liars) > 0:
		return refuse("clocks: real miners do not lie about the time: leave the liars out")
	case x.Clocks.Error.Mean > maxRealClockError.Seconds():
		mean := time.Duration(x.Clocks.Error.Mean * float64(time.Second))
		return refuse("clocks: an error of %s on average: want at most %.0fh with real nodes", mean, maxRealClockError.Hours())
	case x.Hopping.Share != 0:
		return refuse("hopping: %s", out)
	}
	return checkRealSplits(x, refuse)
}

// checkRealWork bounds the work of blocks, also after the hash rate has grown.
func checkRealWork(x blocks.Experiment, refuse func(string, ...any) error) error {
	target, _, _ := x.Params.Difficulty().Bits.Decode()
	work, factor := target.Work().Float(), 1.0
	if work > maxRealWork {
		return refuse("difficulty: bits %s: a block takes %.0f hashes, and those of real nodes are computed: want at most %d, such as bits = \"207fffff\" with limit = \"207fffff\"", x.Params.Difficulty().Bits, work, maxRealWork)
	}
	for _, s := range x.Power.Steps {
		if len(s.Shares) > 0 {
			return refuse("power: a step with shares: real miners keep their shares of the hash rate: leave the step's shares out")
		}
		if mean := x.Interval.Seconds() / s.Factor; mean < minRealInterval.Seconds() || mean > maxRealInterval.Seconds() {
			return refuse("power: a step to the %g-fold: a block would take %.3g s on average: want 1ms to 1000h", s.Factor, mean)
		}
		factor = max(factor, s.Factor)
	}
	if work*factor > maxRealWork {
		return refuse("power: a step to the %g-fold: a block may take %.0f hashes then, and those of real nodes are computed: want at most %d", factor, work*factor, maxRealWork)
	}
	return nil
}
