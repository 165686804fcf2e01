package blocks

import (
	"context"
	"time"
)

// peer is the state of a node. Its size is 16 bytes.
type peer struct {
	// at and block are a delivery to the node: the latest one that was scheduled and
	// that has not been overtaken by a better one. Once block is the node's tip, at is
	// the time when it arrived.
	at    int64
	block int32
	tip   int32
}

// eventEngine computes a run by events. An event is the arrival of a block at a node.
//
// A node passes on only blocks that become its tip, as Bitcoin Core does, and sends the
// ancestors that the neighbour lacks with them. An arrival that would change nothing is
// never made an event: the neighbour has a branch with as much work already, or gets the
// same block or one with as much work sooner from somebody else. The result is the same,
// with six to eight times fewer events.
type eventEngine struct {
	x     *Experiment
	seed  uint64
	net   *network
	tree  *tree
	queue *queue
	peers []peer
	finds finder
	took  func(node int, block int32, at time.Duration) // see Options; may be nil

	// plain says that the loop for the usual experiment will do: the delays of arcs are
	// constant, nothing is lost, and ties go to the first seen.
	plain bool

	// The rest is for the other experiments; see general.go.
	medium *medium
	ties   *ties   // nil: first seen
	busy   []int64 // by node: until when its uplink is busy; nil: uploads do not queue
	market *market // nil: no hash rate hops

	changes *changes // nil: the network is the same from the first block to the last

	strategists []strategist
	strategyOf  []int32 // by node: index in strategists, or -1; nil: there are none

	// Faults that tests put into the model to see that they are found.
	tieByNumber bool // a tie goes to the miner with the lower number
}

func newEventEngine(x *Experiment, seed uint64, net *network, t *tree, finds finder) *eventEngine {
	e := &eventEngine{x: x, seed: seed, net: net, tree: t, finds: finds, peers: make([]peer, x.Nodes)}
	e.queue = newQueue(int64(net.longest)*1000, x.Nodes/2)
	e.medium = net.medium
	e.market = newMarket(x, seed, t.nextWork(0))
	e.usePlain(!x.delaysVary() && x.Relay.Loss == 0 && x.Tie.Rule == FirstSeen && t.clocks == nil && !x.Changes())
	if x.Tie.Rule != FirstSeen {
		e.ties = newTies(x.Nodes)
	}
	if x.Changes() {
		e.addChanges(x)
	}
	if x.Relay.QueueUploads {
		e.busy = make([]int64, x.Nodes)
	}
	if len(x.Strategists) > 0 {
		e.addStrategists(x.Strategists)
	}
	return e
}

// usePlain chooses the loop. The general one gives the same result in every experiment.
func (e *eventEngine) usePlain(plain bool) { e.plain = plain }

// forever is later than every event.
const forever = 1 << 62

// run finds the blocks and delivers them. progress is called now and then with the number
// of blocks found so far.
func (e *eventEngine) run(ctx context.Context, progress func(int)) error {
	t := e.tree
	first := t.nextWork(0)
	moves := !isFixed(e.x.Params)
	easiest := first
	now := int64(0)
	for found := 0; found < e.x.Blocks; {
		f, err := e.finds.next(now, meanOf(easiest, first, e.x.Interval))
		if err != nil {
			return err
		}
		now = f.at
		if err := e.deliverChanging(now); err != nil {
			return err
		}
		if e.changes != nil && !e.changes.isUp(f.miner) { // its part of the hash rate is missing
			if e.finds.draw%1024 == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			continue
		}
		if moves {
			// The draw was for the easiest block that anybody might be looking for. A
			// miner whose block is harder finds it in proportion less often.
			if e.luckRunsOut(f, easiest) {
				easiest = t.easiest()
				continue
			}
		}
		present, mines := e.mines(f, now)
		if !mines {
			continue
		}
		if err := e.find(f.miner, now); err != nil {
			return err
		}
		t.at(t.end - 1).present = present
		found++
		t.advance()
		if moves {
			easiest = t.easiest()
		}
		if found%64 == 0 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			progress(found)
		}
	}
	t.record.result.Span = timeOf(now)
	if err := e.finish(); err != nil {
		return err
	}
	t.finish()
	return nil
}

// luckRunsOut reports whether a miner does not find a block after all, because its block
// is harder than the easiest one.
func (e *eventEngine) luckRunsOut(f find, easiest float64) bool {
	return f.luck >= easiest/e.tree.nextWork(e.parent(f.miner))
}

// mines reports whether the hash rate to which a find has fallen mines at all: not if it
// hops and is elsewhere, and not if its miner waits for its clock. It also returns the part
// of the network's hash rate that is here, or 0 for all.
func (e *eventEngine) mines(f find, now int64) (present float64, ok bool) {
	parent := e.parent(f.miner)
	if e.tree.clocks.mustWait(&e.tree.at(parent).state, f.miner, now) {
		return 0, false
	}
	if e.market == nil {
		return 0, true
	}
	profit := e.market.profit(now, e.tree.nextWork(parent))
	return e.market.present(profit), !e.market.isAway(e.finds.draw, profit)
}

// parent returns the block that the node mines on.
func (e *eventEngine) parent(node int32) int32 {
	if s := e.strategist(node); s != nil {
		return s.private
	}
	return e.peers[node].tip
}

// find gives a node a block that it has just found.
func (e *eventEngine) find(node int32, now int64) error {
	b, err := e.tree.add(e.parent(node), node, now)
	if err != nil {
		return err
	}
	if s := e.strategist(node); s != nil {
		e.foundPrivately(s, b, now)
		return nil
	}
	e.tree.publish(b)
	e.take(node, b, now)
	return nil
}

// deliverChanging handles all events and all changes of the network up to the given time.
// A change comes before the events of the same nanosecond.
func (e *eventEngine) deliverChanging(latest int64) error {
	for e.changes != nil {
		at := e.changes.next()
		if at > latest || at == forever {
			break
		}
		e.deliver(at - 1)
		if err := e.change(at); err != nil {
			return err
		}
	}
	e.deliver(latest)
	return nil
}

// finish delivers what is under way when the last block has been found. Until then nodes
// may still leave and come back, but nothing new is sent because of that.
func (e *eventEngine) finish() error {
	if e.changes != nil {
		e.changes.over = true
		for at := e.changes.next(); at < forever && e.queue.waiting() > 0; at = e.changes.next() {
			if err := e.deliverChanging(at); err != nil {
				return err
			}
		}
	}
	e.deliver(forever)
	return nil
}

// deliver handles all events up to the given time.
func (e *eventEngine) deliver(latest int64) {
	for {
		ev, ok := e.queue.pop(latest)
		if !ok {
			return
		}
		e.arrive(ev)
	}
}

// arrive gives a node a block.
func (e *eventEngine) arrive(ev event) {
	t := e.tree
	h := t.mut(ev.block)
	h.pending--
	p := &e.peers[ev.node]
	switch tip := t.mut(p.tip).work; {
	case h.work > tip:
		e.take(ev.node, ev.block, ev.at)
	case h.work == tip && p.tip != ev.block && (e.ties != nil || e.tieByNumber):
		e.meetTie(ev)
	}
	// The delivery is over. If it changed nothing, forget the block, because it may be
	// settled soon.
	if p.block == ev.block && p.tip != ev.block {
		p.block, p.at = p.tip, ev.at
	}
}

// take makes a block the tip of a node, which passes it on.
func (e *eventEngine) take(node, b int32, now int64) {
	e.setTip(node, b)
	e.tree.countReach(b, now)
	if e.took != nil {
		e.took(int(node), b, timeOf(now))
	}
	p := &e.peers[node]
	p.block, p.at = b, now
	if e.changes != nil {
		e.caughtUp(node, now)
		e.agree(b, now)
	}
	if e.plain {
		e.spread(node, b, now)
	} else {
		if e.ties != nil {
			e.ties.mark(node, e.tree.at(b).sequence)
		}
		e.send(node, b, now)
	}
	if s := e.strategist(node); s != nil {
		e.sawBlock(s, b, now)
	}
}

// setTip moves a node from its tip to another.
func (e *eventEngine) setTip(node, b int32) {
	t, p := e.tree, &e.peers[node]
	if t.at(b).parent != p.tip {
		e.noteReorg(t.countReorg(p.tip, b))
	}
	t.mut(p.tip).holders--
	t.mut(b).holders++
	p.tip = b
}

// spread schedules the arrival of a block at the neighbours of a node, in the usual
// experiment. This is the loop in which the engine spends its time.
func (e *eventEngine) spread(node, b int32, now int64) {
	t, q, net := e.tree, e.queue, e.net
	if net.source != nil && t.at(b).miner == node {
		now += int64(net.source[node]) * 1000
	}
	blocks := t.hot
	mask := len(blocks) - 1
	h := &blocks[int(b)&mask]
	work := h.work
	peers := e.peers
	for _, a := range net.arcs[net.first[node]:net.first[node+1]] {
		p := &peers[a.to]
		at := now + int64(a.delay)*1000
		if p.block == b {
			if p.at <= at {
				continue
			}
		} else {
			if blocks[int(p.tip)&mask].work >= work {
				continue
			}
			if other := blocks[int(p.block)&mask].work; other >= work {
				if p.at < at {
					continue
				}
				if other > work { // keep the better block in mind
					h.pending++
					q.push(event{at, a.to, b})
					continue
				}
			}
		}
		p.block, p.at = b, at
		h.pending++
		q.push(event{at, a.to, b})
	}
}
