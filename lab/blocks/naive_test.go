package blocks

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// naive is the model once more, as simple as it can be: all messages are sent to all
// neighbours, whatever these have, and whether a message is lost is decided when it should
// arrive. Blocks are kept for ever. It has the networks, the draws and the shifts in common
// with the engine Events.
type naive struct {
	t      *testing.T
	x      *Experiment
	seed   uint64
	whole  *network
	net    *network
	roster *roster

	outages []outage
	broken  bool
	over    bool // whether the last block has been found
	index   int

	blocks  []naiveBlock
	tips    []int
	since   []int64 // by node: when it came back
	events  []naiveEvent
	reorgs  Depths
	returns int64
	healed  []Healing
	heal    int // index of the healing under way, or -1
}

type naiveBlock struct {
	parent, height, miner int
	found                 int64
}

type naiveEvent struct {
	at, sent       int64
	from, to, what int
}

func (n *naive) up(v int) bool { return n.roster == nil || n.roster.shifts[v].up }

func (n *naive) tell(from, arc, b int, now int64) {
	a := n.net.arcs[arc]
	n.events = append(n.events, naiveEvent{now + int64(a.delay)*1000, now, from, int(a.to), b})
}

func (n *naive) relay(v, b int, now int64) {
	for i := n.net.first[v]; i < n.net.first[v+1]; i++ {
		if n.up(int(n.net.arcs[i].to)) {
			n.tell(v, int(i), b, now)
		}
	}
}

// ancestors returns a block and all below it.
func (n *naive) ancestors(b int) map[int]bool {
	set := map[int]bool{}
	for ; b >= 0; b = n.blocks[b].parent {
		set[b] = true
	}
	return set
}

func (n *naive) take(v, b int, now int64) {
	below := n.ancestors(b)
	depth := 0
	for old := n.tips[v]; !below[old]; old = n.blocks[old].parent {
		depth++
	}
	if depth > 0 {
		n.reorgs.add(depth)
		if n.heal >= 0 {
			n.healed[n.heal].Reorg = max(n.healed[n.heal].Reorg, depth)
		}
	}
	n.tips[v] = b
	n.relay(v, b, now)
	n.agree(now)
}

func (n *naive) agree(now int64) {
	if n.heal < 0 {
		return
	}
	tip := -1
	for v, b := range n.tips {
		if !n.up(v) {
			continue
		}
		if tip >= 0 && b != tip {
			return
		}
		tip = b
	}
	n.healed[n.heal].Agreement = time.Duration(now) - n.healed[n.heal].At
	n.heal = -1
}

func (n *naive) arrive(e naiveEvent) {
	switch {
	case !n.up(e.to) || n.since[e.to] > e.sent: // the connection has ended in between
	case len(n.outages) > 0 && n.broken && n.outages[0].part[e.from] != n.outages[0].part[e.to] &&
		(e.from != int(n.outages[0].attacker) || n.blocks[e.what].miner != e.from):
	case n.blocks[e.what].height > n.blocks[n.tips[e.to]].height:
		n.take(e.to, e.what, e.at)
	}
}

// change makes the changes up to a time, and delivers everything before each.
func (n *naive) change(latest int64) {
	for {
		at, outage := int64(forever), false
		if n.roster != nil {
			at = n.roster.next()
		}
		if len(n.outages) > 0 && !n.over {
			next := n.outages[0].from
			if n.broken {
				next = n.outages[0].until
			}
			if next < at {
				at, outage = next, true
			}
		}
		if at > latest {
			n.deliver(latest)
			return
		}
		n.deliver(at - 1)
		if outage {
			n.split(at)
			continue
		}
		v := int(n.roster.pass())
		if n.up(v) {
			n.since[v] = at
			if !n.over {
				n.returns++
			}
			for i := n.net.first[v]; i < n.net.first[v+1] && !n.over; i++ {
				to := n.net.arcs[i].to
				if wait := int64(n.net.latency[i]) * 1000; n.up(int(to)) {
					n.tell(v, int(i), n.tips[v], at+wait)
					n.tell(int(to), n.net.arcTo(to, int32(v)), n.tips[to], at+wait)
				}
			}
		}
		n.agree(at)
	}
}

func (n *naive) split(now int64) {
	if n.broken {
		n.healed[n.index].At = time.Duration(now)
		n.heal, n.broken, n.net, n.outages = n.index, false, n.whole, n.outages[1:]
		n.index++
	} else {
		net, err := n.outages[0].network(n.seed, n.x, n.whole)
		if err != nil {
			n.t.Fatal(err)
		}
		n.heal, n.broken, n.net = -1, true, net
	}
	for v := range n.tips {
		for i := n.net.first[v]; n.up(v) && i < n.net.first[v+1]; i++ {
			if n.up(int(n.net.arcs[i].to)) {
				n.tell(v, int(i), n.tips[v], now+int64(n.net.latency[i])*1000)
			}
		}
	}
	n.agree(now)
}

func (n *naive) deliver(latest int64) {
	for {
		best := -1
		for i, e := range n.events {
			if e.at > latest {
				continue
			}
			if best < 0 || compareEvents(event{e.at, int32(e.to), int32(e.what)}, event{n.events[best].at, int32(n.events[best].to), int32(n.events[best].what)}) < 0 {
				best = i
			}
		}
		if best < 0 {
			return
		}
		e := n.events[best]
		n.events = slices.Delete(n.events, best, best+1)
		n.arrive(e)
	}
}

// runNaive runs an experiment with the naive model.
func runNaive(t *testing.T, x Experiment, seed uint64) (*naive, int64) {
	x, err := x.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	net, err := newNetwork(seed, &x)
	if err != nil {
		t.Fatal(err)
	}
	w := newWheel(x.Power.shares(x.Nodes))
	n := &naive{t: t, x: &x, seed: seed, whole: net, net: net, outages: x.outages(seed, w), heal: -1}
	n.healed = make([]Healing, len(n.outages))
	for i := range n.healed {
		n.healed[i].Agreement = -1
	}
	n.blocks = []naiveBlock{{parent: -1}}
	n.tips, n.since = make([]int, x.Nodes), make([]int64, x.Nodes)
	if x.Churn.isOn() {
		n.roster = newRoster(seed, x.Churn, x.Nodes, func(v int) bool {
			return x.Eclipse.isOn() && (v == x.Eclipse.Victim || v == x.Eclipse.Attacker)
		})
	}
	finds := finder{seed: seed, wheel: w}
	now := int64(0)
	for len(n.blocks) <= x.Blocks {
		f, err := finds.next(now, meanOf(1, 1, x.Interval))
		if err != nil {
			t.Fatal(err)
		}
		now = f.at
		n.change(now)
		v := int(f.miner)
		if !n.up(v) {
			continue
		}
		n.blocks = append(n.blocks, naiveBlock{n.tips[v], n.blocks[n.tips[v]].height + 1, v, now})
		n.take(v, len(n.blocks)-1, now)
	}
	n.over = true
	for len(n.events) > 0 { // deliver what is under way; nothing new is told
		at := n.events[0].at
		for _, e := range n.events {
			at = min(at, e.at)
		}
		n.change(at)
	}
	best := 0
	for i, b := range n.blocks {
		if b.height > n.blocks[best].height {
			best = i
		}
	}
	return n, int64(n.blocks[best].height)
}

// The engine has the results of the naive model where nodes come and go, the network
// splits, and a node is eclipsed.
func TestNaive(t *testing.T) {
	few := Experiment{
		Nodes: 25, Blocks: 160, Interval: 5 * time.Second, Topology: Topology{Degree: 3},
		Latency: Latency{Mean: 200 * time.Millisecond, Law: Uniform, Spread: 0.9},
	}
	churn := Churn{Up: 3 * time.Minute, Down: time.Minute}
	splits := []Split{{At: time.Minute, For: 3 * time.Minute}, {At: 5 * time.Minute, For: 2 * time.Minute, Shares: []float64{5, 3, 2}}}
	eclipse := Eclipse{Victim: 3, Attacker: 7, At: 8 * time.Minute, For: 2 * time.Minute}
	for name, change := range map[string]func(x *Experiment){
		"churn":      func(x *Experiment) { x.Churn = churn },
		"some churn": func(x *Experiment) { x.Churn = churn; x.Churn.Share = 0.4; x.Topology.Shape = ScaleFree },
		"splits":     func(x *Experiment) { x.Splits = splits },
		"eclipse":    func(x *Experiment) { x.Eclipse = eclipse },
		"all": func(x *Experiment) {
			x.Churn, x.Splits, x.Eclipse = churn, splits, eclipse
			x.Churn.Share = 0.3
			x.Topology.Degree = 6
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(5) {
				x := few
				change(&x)
				got := run(t, x, seed, Options{})
				want, main := runNaive(t, x, seed)
				for i := range got.Healings {
					h := got.Healings[i]
					h.Parts, h.At = nil, 0
					w := want.healed[i]
					w.At = 0
					if fmt.Sprint(h) != fmt.Sprint(w) {
						t.Errorf("seed %d: healing %d is %+v, want %+v", seed, i, h, w)
					}
				}
				if got.Main != main || got.Reorgs != want.reorgs || got.Returns != want.returns {
					t.Errorf("seed %d: main %d, reorgs %v, returns %d\nwant %d, %v, %d", seed, got.Main, got.Reorgs, got.Returns, main, want.reorgs, want.returns)
				}
			}
		})
	}
}
