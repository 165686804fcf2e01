package blocks

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// epochStart is the Unix time at which runs begin.
const epochStart = 1_700_000_000

// tree has the blocks whose fate is open, and the youngest one below them all. All nodes
// share it: a block is made once, judged once by the rules of the network, and never
// changes. What differs between nodes is only when they get it.
//
// Blocks are numbered in the order of their discovery, genesis is 0. The number of a
// block is greater than that of its parent.
type tree struct {
	params rules.Params
	seed   uint64
	record recorder
	clocks *clocks // nil: all are right
	pace   pace

	// The blocks from root to end-1 are known. The block number i is at the index i mod
	// len, and both slices have the same length, a power of two.
	hot   []hot
	cold  []cold
	root  int32 // every block that a node may still get or build on descends from root
	end   int32
	reach [len(ReachShares)]int32 // see reachCounts

	published int32 // number of published blocks, genesis included

	slept map[int32]*sleep // by tip of nodes that are away; nil: there are none
}

// hot is what the loops of the engines need of a block.
type hot struct {
	work    uint64 // of the branch up to the block, see tree.add
	pending int32  // deliveries under way
	holders int32  // nodes whose tip it is, and strategies that hold it
}

// cold is the rest of a block.
type cold struct {
	state     rules.State // of the branch with the block on top
	found     int64       // nanoseconds since the start
	parent    int32       // -1 for genesis
	miner     int32       // node; -1 for genesis
	reached   int32       // nodes that have made it their tip so far
	sequence  int32       // number in the order of publication, from 0, if it is published
	shares    int8        // how many of the reach shares have been reached
	published bool
	parental  bool // whether it has a published child
	main      bool // whether it has turned out to be in the main chain
	depth     int  // if it is stale: number of stale blocks up to it, as far as these are settled
	spread    [len(ReachShares)]int64
	next      float64 // hashes that a child takes on average
	present   float64 // the part of the hash rate that mined when it was found; 0 is all
	latest    uint32  // latest header time of the block and those below it
}

// maxWork is the most work that a branch may have in the model.
const maxWork = 1 << 62

func newTree(p rules.Params, seed uint64, nodes int, r recorder) *tree {
	const first = 64
	t := &tree{params: p, seed: seed, record: r, hot: make([]hot, first), cold: make([]cold, first), end: 1, reach: reachCounts(nodes), published: 1}
	t.hot[0] = hot{holders: int32(nodes)}
	t.cold[0] = cold{state: p.GenesisState(), parent: -1, miner: -1, published: true, main: true}
	t.cold[0].next = t.hashesOf(&t.cold[0].state)
	return t
}

func (t *tree) at(i int32) *cold { return &t.cold[int(i)&(len(t.cold)-1)] }
func (t *tree) mut(i int32) *hot { return &t.hot[int(i)&(len(t.hot)-1)] }

// work returns the work of the branch up to a block, without that of genesis.
func (t *tree) work(i int32) uint64 { return t.mut(i).work }

func (t *tree) height(i int32) int64 { return t.at(i).state.Height }

// grow doubles the room for blocks.
func (t *tree) grow() {
	size := len(t.hot)
	newHot, newCold := make([]hot, 2*size), make([]cold, 2*size)
	for i := t.root; i < t.end; i++ {
		newHot[int(i)&(2*size-1)], newCold[int(i)&(2*size-1)] = *t.mut(i), *t.at(i)
	}
	t.hot, t.cold = newHot, newCold
}

// MaxBlocks bounds the number of blocks of a run, because numbers have 32 bits.
const MaxBlocks = 1 << 30

// add makes the next block, on the given parent, and judges it by the network's rules.
// The proof of work alone is not real: the hash is a number that no other block has and
// that meets every target. The header has the time of the miner's clock, or the median
// time past plus a second if that is later, as the product's templates do, unless the miner
// lies about the time.
func (t *tree) add(parent, miner int32, found int64) (int32, error) {
	if int(t.end-t.root) == len(t.hot) {
		t.grow()
	}
	i := t.end
	branch := &t.at(parent).state
	now := t.clocks.now(miner, found)
	header := pow.Header{
		Version: 0x20000000,
		Prev:    branch.Hash,
		Time:    t.clocks.headerTime(branch, miner, now),
		Bits:    branch.NextBits(t.params),
		Nonce:   uint32(i),
	}
	s := rules.Subject{
		Block:  block.Block{Header: header, Coinbase: block.Coinbase{Height: branch.Height + 1}},
		Hash:   t.hash(i),
		Branch: *branch,
		Now:    now,
	}
	_, err := t.params.Judge(&s, rules.Header, rules.Header)
	if err == nil {
		_, err = t.params.Judge(&s, rules.Parent, rules.Clock)
	}
	var rule block.RuleError
	switch {
	case errors.As(err, &rule) && rule.Reason == block.TimeTooNew:
		// Each time is later than the median of the eleven before it, so that times grow
		// by at least a second in six blocks.
		return 0, fmt.Errorf("block %d, found after %s: blocks come faster than six a second for so long that the times of their headers have run ahead of the clock: take fewer blocks, or a longer interval (scale all delays up with it): %w", i, time.Duration(found), err)
	case err != nil:
		return 0, fmt.Errorf("block %d, found after %s: %w", i, time.Duration(found), err)
	}
	state := branch.ApplyHashed(header, s.Hash)
	target, _, _ := header.Bits.Decode()
	work := target.Work().Float() // exact below 2^53
	total := t.work(parent) + uint64(min(work, maxWork))
	if work > 1<<53 || total > maxWork {
		return 0, errors.New("the blocks have too much work for the model: take a network whose blocks have easier bits; only ratios of work matter")
	}
	t.end++
	*t.mut(i) = hot{work: total}
	latest := max(t.at(parent).latest, header.Time)
	*t.at(i) = cold{state: state, found: found, parent: parent, miner: miner, latest: latest, next: t.hashesOf(&state)}
	return i, nil
}

// hash returns the hash of a block: a number below 2^64 that is different for each block.
func (t *tree) hash(i int32) (h pow.Hash) {
	x := mix(t.seed) ^ uint64(forHashes)
	x = mix(x ^ uint64(i)) // a bijection of i
	for b := range 8 {
		h[b] = byte(x >> (8 * b))
	}
	return h
}

// publish notes that the block, and all below it, can now be seen by others.
func (t *tree) publish(i int32) {
	for !t.at(i).published {
		t.at(i).published = true
		t.at(i).sequence = t.published
		t.published++
		i = t.at(i).parent
		t.at(i).parental = true
	}
}

// nextWork returns how many hashes a child of the block takes on average.
func (t *tree) nextWork(i int32) float64 { return t.at(i).next }

func (t *tree) hashesOf(s *rules.State) float64 {
	target, _, _ := s.NextBits(t.params).Decode()
	return target.Work().Float()
}

// easiest returns the least nextWork of all blocks on which somebody may still build.
func (t *tree) easiest() float64 {
	least := t.nextWork(t.root)
	for i := t.root + 1; i < t.end; i++ {
		least = min(least, t.nextWork(i))
	}
	return least
}

// common returns the last block that two branches have in common.
func (t *tree) common(a, b int32) int32 {
	for a != b {
		if a > b {
			a = t.at(a).parent
		} else {
			b = t.at(b).parent
		}
	}
	return a
}

// countReorg counts the move of a node from one tip to another, and returns how many blocks
// it disconnects.
func (t *tree) countReorg(from, to int32) int {
	depth := int(t.height(from) - t.height(t.common(from, to)))
	if depth > 0 {
		t.record.result.Reorgs.add(depth)
	}
	return depth
}

// countReach counts a node that has made the block its tip at the given time.
func (t *tree) countReach(i int32, now int64) {
	c := t.at(i)
	c.reached++
	for int(c.shares) < len(t.reach) && c.reached >= t.reach[c.shares] {
		c.spread[c.shares] = now - c.found
		c.shares++
	}
}

// advance moves the root up to the last block that is below all blocks that are under way
// or held by somebody, and settles the blocks that it passes.
func (t *tree) advance() {
	root := int32(-1)
	for i := t.end - 1; i >= t.root && root != t.root; i-- {
		if h := t.mut(i); h.pending > 0 || h.holders > 0 {
			if root < 0 {
				root = i
			} else {
				root = t.common(root, i)
			}
		}
	}
	t.settle(root)
}

// settle makes a block the root. All blocks up to its number now have a fate: they are
// below it, or stale.
func (t *tree) settle(root int32) {
	for i := root; i > t.root; i = t.at(i).parent {
		t.at(i).main = true
	}
	for i := t.root + 1; i <= root; i++ {
		t.tell(i)
	}
	t.root = root
}

// finish settles all blocks that are left. The main chain is the branch with the most
// work that has been published, and of several the one whose last block was found first.
func (t *tree) finish() {
	best := t.root
	for i := t.root + 1; i < t.end; i++ {
		if t.at(i).published && t.work(i) > t.work(best) {
			best = i
		}
	}
	t.settle(best)
	for i := best + 1; i < t.end; i++ {
		t.tell(i)
	}
	t.record.result.seal(t.record.sealCourse)
}

// tell passes a block on whose fate is settled.
func (t *tree) tell(i int32) {
	c := t.at(i)
	b := Block{
		Number: i, Parent: c.parent, Height: c.state.Height, Miner: int(c.miner), Found: time.Duration(c.found),
		HeaderTime: c.state.Time, Bits: c.state.Bits, Fate: InMain,
		Expected: t.pace.expected(c.state.Bits, c.found, cmp.Or(c.present, 1)),
	}
	for k := range b.Reach {
		b.Reach[k] = -1
		if k < int(c.shares) {
			b.Reach[k] = time.Duration(c.spread[k])
		}
	}
	forkLength := 0
	var interval time.Duration
	switch {
	case c.main:
		// The parent is in the main chain, and its number is not below the root.
		interval = time.Duration(c.found - t.at(c.parent).found)
	case !c.published:
		b.Fate = WasWithheld
	default:
		b.Fate = WentStale
		c.depth++
		if !c.parental {
			forkLength = c.depth
		}
		// Children learn the depth now, because the room of this block may be taken by
		// another before they are settled.
		for k := i + 1; c.parental && k < t.end; k++ {
			if t.at(k).parent == i {
				t.at(k).depth = c.depth
			}
		}
	}
	if t.slept != nil {
		t.settleSleep(i)
	}
	t.record.settle(b, forkLength, interval)
}
