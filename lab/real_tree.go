package lab

import (
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/lab/blocks"
	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// realTree has all blocks that real nodes have found, by number. Genesis is 0.
type realTree struct {
	record  *blocks.Recorder
	counts  [len(blocks.ReachShares)]int32
	numbers map[pow.Hash]int32
	all     []realBlock
}

type realBlock struct {
	block     blocks.Block
	tip       gossip.Tip // what a node says whose tip it is
	latest    uint32     // latest header time of the block and those below it
	skip      int32      // number of a block below it; see add
	published bool
	parental  bool  // whether it has a published child
	reached   int32 // nodes that have made it their tip
	shares    int   // how many of the reach shares have been reached
	main      bool
	depth     int // if it is stale: the number of stale blocks up to it
}

func newRealTree(record *blocks.Recorder, x blocks.Experiment) *realTree {
	genesis := x.Params.GenesisState()
	return &realTree{
		record: record, counts: blocks.ReachCounts(x.Nodes), numbers: map[pow.Hash]int32{},
		all: []realBlock{{published: true, main: true, tip: gossip.Tip{Hash: genesis.Hash, Work: genesis.Work}}},
	}
}

// onFound notes a block that a miner has found. After the last one, nobody mines.
func (r *realRun) onFound(miner *nodes.Node, b block.Block) {
	if r.found++; r.found == r.x.Blocks {
		r.net.StopMining()
	}
	t := r.tree
	parent := t.numbers[b.Header.Prev] // that of genesis is not in the map, and 0
	target, _, _ := b.Header.Bits.Decode()
	number := int32(len(t.all))
	one := realBlock{
		tip:    gossip.Tip{Hash: b.Hash(), Height: b.Height(), Work: t.all[parent].tip.Work.Add(target.Work())},
		latest: max(t.all[parent].latest, b.Header.Time),
		block: blocks.Block{
			Number: number, Parent: parent, Height: b.Height(), Miner: miner.Number(), Found: r.net.Now() - r.began,
			HeaderTime: b.Header.Time, Bits: b.Header.Bits,
		},
	}
	for i := range one.block.Reach {
		one.block.Reach[i] = -1
	}
	t.add(one)
	if r.options.Progress != nil && r.found%64 == 0 {
		r.options.Progress(r.found)
	}
}

// add adds a block, whose number must be the next one. Its skip is chosen so that a search for a
// block below it takes a number of steps that grows with the logarithm of the height: if the skips
// of the parent and of the block there are equally long, both are taken at once, and otherwise the
// skip is the parent.
func (t *realTree) add(one realBlock) {
	height := func(i int32) int64 { return t.all[i].block.Height }
	one.skip = one.block.Parent
	first := t.all[one.skip].skip
	second := t.all[first].skip
	if height(one.skip)-height(first) == height(first)-height(second) {
		one.skip = second
	}
	t.numbers[one.tip.Hash] = int32(len(t.all))
	t.all = append(t.all, one)
}

// onPublished notes that others can get a block from now on.
func (r *realRun) onPublished(_ *nodes.Node, b block.Block) {
	one := &r.tree.all[r.tree.numbers[b.Hash()]]
	one.published = true
	r.tree.all[one.block.Parent].parental = true
}

// onMoved notes that a node has made a block its tip.
func (r *realRun) onMoved(node *nodes.Node, ev chain.Event) {
	t := r.tree
	if depth := len(ev.Disconnected); depth > 0 {
		t.record.Reorg(depth)
		r.noteReorg(depth)
	}
	number := t.numbers[ev.Tip.Hash]
	one := &t.all[number]
	one.reached++
	for one.shares < len(t.counts) && one.reached >= t.counts[one.shares] {
		one.block.Reach[one.shares] = r.net.Now() - r.began - one.block.Found
		one.shares++
	}
	if r.options.Took != nil {
		r.options.Took(node.Number(), number, r.net.Now()-r.began)
	}
	r.agree()
}

// finish decides the fate of all blocks. The main chain is the published branch with the
// most work, and of several the one whose last block was found first.
func (t *realTree) finish() *blocks.Result {
	best := int32(0)
	for i := range t.all {
		if t.all[i].published && t.all[i].tip.Work.Cmp(t.all[best].tip.Work) > 0 {
			best = int32(i)
		}
	}
	for i := best; i > 0; i = t.all[i].block.Parent {
		t.all[i].main = true
	}
	var last time.Duration
	for i := 1; i < len(t.all); i++ {
		one := &t.all[i]
		parent := &t.all[one.block.Parent]
		last = one.block.Found
		forkLength := 0
		var interval time.Duration
		switch {
		case one.main:
			one.block.Fate, interval = blocks.InMain, one.block.Found-parent.block.Found
		case !one.published:
			one.block.Fate = blocks.WasWithheld
		default:
			one.block.Fate, one.depth = blocks.WentStale, parent.depth+1
			if !one.parental {
				forkLength = one.depth
			}
		}
		t.record.Settle(one.block, forkLength, interval)
	}
	return t.record.Finish(last)
}
