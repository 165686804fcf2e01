package blocks

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// pathEngine computes a run from the shortest ways between nodes. It works in batches:
//
//  1. Draw who finds the next blocks, and when. At a fixed difficulty that does not
//     depend on the blocks.
//  2. Compute how long each block takes to each node, on all threads.
//  3. Settle the parents, one block after the other. The tip of a miner is, of the blocks
//     that have arrived there, the one with the most work, and of several the one that
//     came first. For that, only the blocks in flight have to be looked at.
//  4. Count what happened at each node, on all threads. Blocks form groups: when no block
//     is in flight and one block has more work than all others, it is the tip of all
//     nodes, and a new group begins. Groups are independent of each other. A block alone
//     in its group becomes the tip of every node when it arrives.
//
// That is what happens if nodes pass on only what becomes their tip. A node that does not
// pass a block on has a tip with as much work already, which it has passed on before, so
// that behind it the block would come too late as well.
type pathEngine struct {
	x       *Experiment
	net     *network
	tree    *tree
	finds   finder
	threads int
	dials   []*dial // one for each thread

	batch int       // greatest number of blocks in a batch
	cache []*spread // by miner, if there is room for all; nil otherwise
	free  []*spread // to be used again, if there is no cache

	open   group   // blocks whose group has not ended
	best   int32   // the block with the most work in open, or open.base; the first one of several
	rivals int     // how many blocks have as much work as best, itself included
	end    int64   // when no block of open is in flight any more
	closed []group // the groups that have ended in this batch
}

// group is a run of blocks, in order of their numbers, before which all nodes had the
// same tip.
type group struct {
	base    int32 // that tip
	columns []column
	tips    []int32 // by node: its tip when the group was last counted; nil: base
	from    int64   // until when arrivals have been counted, if tips is set
	through int32   // the last block of which arrivals have been counted

	left []column // blocks that have left the group
}

// column is what became of a block at each node.
type column struct {
	number int32
	found  int64
	spread *spread
	taken  []uint32 // delays of the nodes that have made the block their tip so far, in no order
}

func (c *column) arrival(node int32) int64 { return c.found + int64(c.spread.delays[node])*1000 }
func (c *column) end() int64               { return c.found + int64(c.spread.last)*1000 }

const (
	pathsMemory = 64 << 20 // bytes that the delays of a batch may take, roughly
	maxBatch    = 512      // blocks
	maxOpen     = 512      // blocks of an open group that are not counted at the end of a batch
)

func newPathEngine(x *Experiment, net *network, t *tree, finds finder, threads int) *pathEngine {
	e := &pathEngine{x: x, net: net, tree: t, finds: finds, threads: threads, rivals: 1}
	for range threads {
		e.dials = append(e.dials, newDial(net))
	}
	e.batch = max(2*threads, min(maxBatch, pathsMemory/(4*x.Nodes)))
	if miners := len(finds.wheel.ends); miners*x.Nodes <= pathsMemory/4 {
		e.cache = make([]*spread, miners)
	}
	return e
}

func (e *pathEngine) run(ctx context.Context, progress func(int)) error {
	mean := meanOf(1, 1, e.x.Interval)
	now := int64(0)
	for done := 0; done < e.x.Blocks; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		finds := make([]find, min(e.batch, e.x.Blocks-done))
		for i := range finds {
			f, err := e.finds.next(now, mean)
			if err != nil {
				return err
			}
			finds[i], now = f, f.at
		}
		spreads := e.spreads(finds)
		for i, f := range finds {
			if err := e.place(f, spreads[i]); err != nil {
				return err
			}
		}
		done += len(finds)
		e.count(now, done == e.x.Blocks)
		progress(done)
	}
	e.tree.record.result.Span = timeOf(now)
	e.tree.finish()
	return nil
}

// spreads returns the delays of each block.
func (e *pathEngine) spreads(finds []find) []*spread {
	list := make([]*spread, len(finds))
	var todo []int // indices of finds whose spread has to be computed
	for i, f := range finds {
		switch {
		case e.cache == nil:
			if last := len(e.free) - 1; last >= 0 {
				list[i], e.free = e.free[last], e.free[:last]
			} else {
				list[i] = &spread{}
			}
		case e.cache[f.miner] != nil:
			list[i] = e.cache[f.miner]
			continue
		default:
			list[i] = &spread{}
			e.cache[f.miner] = list[i]
		}
		todo = append(todo, i)
	}
	e.parallel(len(todo), func(thread, k int) {
		i := todo[k]
		e.dials[thread].run(finds[i].miner, list[i])
	})
	return list
}

// parallel calls f for each number below n, on all threads.
func (e *pathEngine) parallel(n int, f func(thread, i int)) {
	if e.threads == 1 || n < 2 {
		for i := range n {
			f(0, i)
		}
		return
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for thread := range min(e.threads, n) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(thread, i)
			}
		})
	}
	wait.Wait()
}

// place gives a block its parent.
func (e *pathEngine) place(f find, s *spread) error {
	t := e.tree
	if len(e.open.columns)+len(e.open.tips) > 0 && f.at >= e.end && e.rivals == 1 {
		e.closed = append(e.closed, e.open)
		e.open = group{base: e.best}
	}
	b, err := t.add(e.parent(f), f.miner, f.at)
	if err != nil {
		return err
	}
	t.publish(b)
	c := column{number: b, found: f.at, spread: s}
	e.open.columns = append(e.open.columns, c)
	e.end = max(e.end, c.end())
	switch most, work := t.work(e.best), t.work(b); {
	case work > most:
		e.best, e.rivals = b, 1
	case work == most:
		e.rivals++
	}
	return nil
}

// parent returns the tip of a miner at the moment at which it finds a block.
func (e *pathEngine) parent(f find) int32 {
	t, g := e.tree, &e.open
	tip, since := g.base, int64(-1)
	if g.tips != nil {
		tip = g.tips[f.miner]
	}
	for i := range g.columns {
		c := &g.columns[i]
		at := c.arrival(f.miner)
		if at > f.at || g.counted(c.number, at) {
			continue
		}
		if work, most := t.work(c.number), t.work(tip); work > most || work == most && at < since {
			tip, since = c.number, at
		}
	}
	return tip
}

// count counts what happened at the nodes: in all closed groups, and in the open one up
// to the given time if it has become long. At the end of the run it counts everything.
func (e *pathEngine) count(now int64, last bool) {
	jobs := e.closed
	until := make([]int64, len(jobs), len(jobs)+1)
	for i := range until {
		until[i] = forever
	}
	switch {
	case last:
		jobs, until = append(jobs, e.open), append(until, forever)
	case len(e.open.columns) > maxOpen:
		jobs, until = append(jobs, e.open), append(until, now)
	}
	depths := make([]Depths, len(jobs))
	e.parallel(len(jobs), func(thread, i int) {
		jobs[i].count(e.tree, e.dials[thread], e.x.Nodes, until[i], &depths[i])
	})
	for i := range jobs {
		for depth, n := range depths[i] {
			e.tree.record.result.Reorgs[depth] += n
		}
		if e.cache == nil {
			for _, c := range jobs[i].left {
				e.free = append(e.free, c.spread)
			}
		}
		jobs[i].left = nil
	}
	if len(jobs) > len(e.closed) {
		e.open = jobs[len(jobs)-1]
	}
	clear(jobs)
	e.closed = jobs[:0]
	e.settle()
}

// settle settles the blocks that no node will change its mind about.
func (e *pathEngine) settle() {
	t, g := e.tree, &e.open
	for i := t.root; i < t.end; i++ {
		t.mut(i).holders, t.mut(i).pending = 0, 0
	}
	if g.tips == nil {
		t.mut(g.base).holders = 1
	}
	for _, tip := range g.tips {
		t.mut(tip).holders++
	}
	for _, c := range g.columns {
		t.mut(c.number).pending++
	}
	t.advance()
}

// count counts what happens at the nodes until the given time. Blocks that have reached
// all nodes by then leave the group. Several groups may be counted at the same time.
func (g *group) count(t *tree, d *dial, nodes int, until int64, reorgs *Depths) {
	if len(g.columns) == 1 && g.tips == nil && until == forever {
		// The parent is the tip of all nodes, so all take the block when they get it.
		c := g.columns[0]
		setReach(t.at(c.number), int32(nodes), &c.spread.reach, len(ReachShares))
		g.left, g.columns = g.columns, nil
		return
	}
	isFirst := g.tips == nil
	if isFirst {
		g.tips = make([]int32, nodes)
	}
	var buffer []arrivalOf
	for v := range int32(nodes) {
		tip := g.base
		if !isFirst {
			tip = g.tips[v]
		}
		g.tips[v] = g.follow(t, v, tip, until, &buffer, reorgs)
	}
	g.through = g.columns[len(g.columns)-1].number
	keep := g.columns[:0:0]
	for i := range g.columns {
		c := g.columns[i]
		if c.end() > until {
			keep = append(keep, c)
			continue
		}
		var reach [len(ReachShares)]uint32
		reached := d.quantiles(c.taken, c.spread.last, &reach)
		setReach(t.at(c.number), int32(len(c.taken)), &reach, reached)
		c.taken = nil
		g.left = append(g.left, c)
	}
	g.columns, g.from = keep, until
}

// counted reports whether the arrival of a block has been counted already.
func (g *group) counted(number int32, at int64) bool { return number <= g.through && at <= g.from }

// arrivalOf is the arrival of a block at a node.
type arrivalOf struct {
	at     int64
	column int // index in group.columns
}

// follow returns the tip of a node at the given time, and counts how it came to it.
func (g *group) follow(t *tree, node, tip int32, until int64, buffer *[]arrivalOf, reorgs *Depths) int32 {
	take := func(a arrivalOf) {
		c := &g.columns[a.column]
		if t.work(c.number) <= t.work(tip) {
			return
		}
		if t.at(c.number).parent != tip {
			if depth := t.height(tip) - t.height(t.common(tip, c.number)); depth > 0 {
				reorgs.add(int(depth))
			}
		}
		c.taken = append(c.taken, c.spread.delays[node])
		tip = c.number
	}
	waiting := (*buffer)[:0] // sorted by time and then by column
	for i := range g.columns {
		at := g.columns[i].arrival(node)
		if at > until || g.counted(g.columns[i].number, at) {
			continue
		}
		// What has arrived when this block is found comes before it and all later ones.
		over := 0
		for over < len(waiting) && waiting[over].at <= g.columns[i].found {
			take(waiting[over])
			over++
		}
		waiting = append(slices.Delete(waiting, 0, over), arrivalOf{at, i})
		for k := len(waiting) - 1; k > 0 && waiting[k].at < waiting[k-1].at; k-- {
			waiting[k], waiting[k-1] = waiting[k-1], waiting[k]
		}
	}
	for _, a := range waiting {
		take(a)
	}
	*buffer = waiting
	return tip
}

// setReach notes how many nodes have taken a block, and when shares of them had.
func setReach(c *cold, reached int32, times *[len(ReachShares)]uint32, shares int) {
	c.reached, c.shares = reached, int8(shares)
	for i := range shares {
		c.spread[i] = int64(times[i]) * 1000
	}
}
