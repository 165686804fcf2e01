package blocks

import (
	"crypto/sha256"
	"time"

	"github.com/lodepow/lode/pow"
)

// ReachShares are the shares of the nodes for which the propagation of a block is
// measured.
var ReachShares = [...]float64{0.5, 0.9, 0.99, 1}

// reachCounts returns the numbers of nodes that ReachShares stand for.
func reachCounts(nodes int) (counts [len(ReachShares)]int32) {
	for i, percent := range [...]int{50, 90, 99, 100} {
		counts[i] = int32((nodes*percent + 99) / 100)
	}
	return counts
}

// maxDepth is the greatest depth and length that histograms tell apart.
const maxDepth = 63

// Depths counts things by depth or length: the number of those of depth i is at the
// index i. The last count includes all that are deeper.
type Depths [maxDepth + 1]int64

func (d *Depths) add(depth int) { d[min(depth, maxDepth)]++ }

// Total returns the number of all things.
func (d *Depths) Total() (sum int64) {
	for _, n := range d {
		sum += n
	}
	return sum
}

// Miner is what a miner has found.
type Miner struct {
	Node  int
	Share float64 // of the network's hash rate, at the start
	Found int64   // all blocks, those that were never published included
	Main  int64   // blocks of the main chain
}

// Result is what has been measured in a run. Its size does not depend on the number of
// blocks. Genesis is not counted.
type Result struct {
	Engine Engine // the engine that was used: Events or Paths
	Seed   uint64
	Nodes  int

	// Every block that was found is in the main chain, stale, or withheld: never
	// published by its miner. The main chain is the branch with the most work at the
	// end of the run, by first discovery if there are several.
	Found, Main, Stale, Withheld int64

	Span   time.Duration // when the last block was found
	Growth time.Duration // when the last block of the main chain was found

	// ForkLengths counts stale branches by the number of their blocks. A branch ends at
	// a published block without children, so a fork with two ends counts twice.
	ForkLengths Depths

	// Reorgs counts how often a node left its branch for another, by the number of
	// blocks that it disconnected. A tie that a node breaks anew counts, too.
	Reorgs Depths

	// Intervals are the times between the discoveries of a block of the main chain and
	// its parent.
	Intervals Times

	// Reach has, for each of ReachShares, the times from the discovery of a block of the
	// main chain until that share of the nodes had made it their tip. A node that already
	// had a block with as much work, or got a child of it first, never does, so that the
	// count is less than Main.
	Reach [len(ReachShares)]Times

	// Course is how interval and difficulty went over time.
	Course Course

	Miners []Miner // in the order of their nodes

	// Healings has the splits and the eclipse of the experiment, in order of time.
	Healings []Healing

	// Returns counts how often a node came back before the last block was found. CatchUp
	// has the times from then until it took a block that its neighbours told it of, for
	// those that had missed something.
	Returns      int64
	CatchUp      Times
	DoubleSpends []DoubleSpends // of each DoubleSpender, in the order of the experiment

	// Hash is the SHA-256 of all of the above but Engine and Share, and of Course only if
	// clocks are wrong or hash rate hops, and of Healings, Returns, CatchUp and DoubleSpends
	// only if there are any. It is the same for the same experiment and seed, on any machine
	// and with any number of threads, if an engine of this package has computed the result.
	Hash [sha256.Size]byte
}

// StaleRate returns the share of stale blocks in those that were published.
func (r *Result) StaleRate() float64 { return ratio(r.Stale, r.Main+r.Stale) }

// Revenue returns the share of a miner in the blocks of the main chain.
func (r *Result) Revenue(miner int) float64 { return ratio(r.Miners[miner].Main, r.Main) }

// MinerStaleRate returns the share of a miner's blocks that are not in the main chain.
func (r *Result) MinerStaleRate(miner int) float64 {
	m := r.Miners[miner]
	return ratio(m.Found-m.Main, m.Found)
}

// Quality returns the chain quality: the share of the main chain that comes from miners
// without a strategy. strategic has their numbers.
func (r *Result) Quality(strategic ...int) float64 {
	honest := r.Main
	for _, m := range strategic {
		honest -= r.Miners[m].Main
	}
	return ratio(honest, r.Main)
}

// GrowthRate returns the blocks of the main chain for each second.
func (r *Result) GrowthRate() float64 {
	if r.Growth == 0 {
		return 0
	}
	return float64(r.Main) / r.Growth.Seconds()
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// seal computes the hash.
func (r *Result) seal(withCourse bool) {
	h := sha256.New()
	writeInts(h, int64(r.Seed), int64(r.Nodes), r.Found, r.Main, r.Stale, r.Withheld, int64(r.Span), int64(r.Growth))
	writeInts(h, r.ForkLengths[:]...)
	writeInts(h, r.Reorgs[:]...)
	r.Intervals.writeTo(h)
	for i := range r.Reach {
		r.Reach[i].writeTo(h)
	}
	for _, m := range r.Miners {
		writeInts(h, int64(m.Node), m.Found, m.Main)
	}
	if withCourse {
		r.Course.writeTo(h)
	}
	if len(r.Healings) > 0 || r.Returns > 0 {
		writeInts(h, r.changeNumbers()...)
		writeInts(h, r.Returns)
		r.CatchUp.writeTo(h)
	}
	for _, d := range r.DoubleSpends {
		writeInts(h, int64(d.Node), d.Attempts, d.Successes)
	}
	h.Sum(r.Hash[:0])
}

// Fate says what became of a block.
type Fate int8

// The fates of a block.
const (
	InMain      Fate = iota + 1
	WentStale        // published, but not in the main chain
	WasWithheld      // never published
)

// Block is a block whose fate is settled: no node will ever change its mind about it.
type Block struct {
	Number     int32 // from 1 in the order of discovery
	Parent     int32 // 0 is genesis
	Height     int64
	Miner      int           // its node
	Found      time.Duration // since the start
	HeaderTime uint32        // Unix seconds
	Bits       pow.Bits
	Expected   time.Duration // mean time that such a block takes at the hash rate of the moment
	Fate       Fate

	// Reach has, for each of ReachShares, the time from the discovery until that share
	// of the nodes had made the block their tip, or -1 if that never happened.
	Reach [len(ReachShares)]time.Duration
}

// recorder adds settled blocks to a result.
type recorder struct {
	result  *Result
	observe func(Block) // may be nil

	sealCourse bool
	outages    []outage // in the order of result.Healings
}

// settle adds a block. It must be called in the order of the blocks' numbers. For a
// stale block without published children, forkLength is the number of blocks from the
// main chain to it; otherwise it is 0. interval is the time since its parent was found.
func (r *recorder) settle(b Block, forkLength int, interval time.Duration) {
	out := r.result
	out.Found++
	out.Miners[b.Miner].Found++
	switch b.Fate {
	case InMain:
		out.Main++
		out.Miners[b.Miner].Main++
		out.Growth = b.Found
		out.Intervals.add(interval)
		out.Course.add(b.Found, interval, b.Expected)
		for i, d := range b.Reach {
			if d >= 0 {
				out.Reach[i].add(d)
			}
		}
	case WentStale:
		out.Stale++
		if forkLength > 0 {
			out.ForkLengths.add(forkLength)
		}
	default:
		out.Withheld++
	}
	if len(r.outages) > 0 {
		r.settleOutage(b)
	}
	if r.observe != nil {
		r.observe(b)
	}
}
