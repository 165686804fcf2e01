package blocks

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Split lets the network fall into parts for a while. No message passes between parts, and
// what is under way between them when the split begins is lost. The nodes of a part find
// new neighbours among themselves: they form a network of the experiment's shape and
// degree, as far as there are enough of them. With [Listed] connections and a topology of
// one's own, only the connections within the parts remain. When the split ends, the old
// connections are back, and their ends tell each other their tips.
type Split struct {
	At  time.Duration // since the start
	For time.Duration // positive

	// Shares has the share of the hash rate in each part, relative to the sum; without
	// any, the network falls into two halves. The greatest miners are placed first, so
	// that the shares are met closely; which of several equal ones are in which part is
	// random. Nodes that do not mine are divided in the same proportion. What counts is the
	// hash rates at the time At.
	Shares []float64

	// Times, if more than 1, lets the split happen that many times, one every Every.
	// Each time other nodes are in a part.
	Times int
	Every time.Duration
}

// Eclipse lets a node hear only what an attacker lets through: the blocks that the attacker
// has found itself, with all that are below them. Nobody hears of the node's own blocks.
// When it ends, the node and its neighbours tell each other their tips. The two nodes are
// neighbours in the whole run, in addition to the connections of the topology. The zero
// Eclipse does not take place.
type Eclipse struct {
	Victim, Attacker int           // nodes
	At               time.Duration // since the start
	For              time.Duration
}

func (c Eclipse) isOn() bool { return c != Eclipse{} }

// maxSplits bounds the number of splits, because each takes a byte for each node.
const maxSplits = 100

// maxEvery bounds the time from one repetition to the next, so that all of them are in the
// 73 years of a run.
const maxEvery = 266 * 24 * time.Hour

// maxParts bounds the number of parts of a split.
const maxParts = 100

func (s Split) validate(i int) error {
	switch {
	case s.At < 0 || s.For <= 0 || s.At > maxSpan || s.For > maxSpan:
		return fmt.Errorf("split %d: it begins at %s and lasts %s: want a time that is not negative, and a positive duration, of at most 73 years", i, s.At, s.For)
	case len(s.Shares) == 1 || len(s.Shares) > maxParts:
		return fmt.Errorf("split %d: %d shares: want one for each part, 2 to %d, or none for two halves", i, len(s.Shares), maxParts)
	}
	switch {
	case s.Times < 0 || s.Times > maxSplits:
		return fmt.Errorf("split %d: %d times: want 1 to %d", i, s.Times, maxSplits)
	case s.Times < 2 && s.Every != 0:
		return fmt.Errorf("split %d: it happens once, so that every means nothing: leave it out, or set times", i)
	case s.Times > 1 && (s.Every <= s.For || s.Every > maxEvery):
		return fmt.Errorf("split %d: it lasts %s and happens every %s: want longer than a split, and at most %d days (%s)", i, s.For, s.Every, maxEvery/(24*time.Hour), maxEvery)
	}
	for k, share := range s.Shares {
		if !inRange(share, math.SmallestNonzeroFloat64, math.MaxFloat64/maxParts) {
			return fmt.Errorf("split %d: share %d is %v: want a positive number", i, k, share)
		}
	}
	return nil
}

// validateBreaks checks the splits and the eclipse.
func (x *Experiment) validateBreaks() error {
	for i, s := range x.Splits {
		if err := s.validate(i); err != nil {
			return err
		}
	}
	list := x.everySplit()
	if len(list) > maxSplits {
		return fmt.Errorf("%d splits: want at most %d", len(list), maxSplits)
	}
	end := time.Duration(0)
	for i, s := range list {
		if s.At < end {
			return fmt.Errorf("%s: it begins at %s, before the one before it has ended at %s: put them in order, one at a time", x.splitName(i), s.At, end)
		}
		end = s.At + s.For
	}
	c := x.Eclipse
	switch {
	case !c.isOn():
		return nil
	case c.Victim < 0 || c.Attacker < 0 || c.Victim >= x.Nodes || c.Attacker >= x.Nodes || c.Victim == c.Attacker:
		return fmt.Errorf("eclipse: victim %d and attacker %d: want two different nodes from 0 to %d", c.Victim, c.Attacker, x.Nodes-1)
	case c.At < 0 || c.For <= 0 || c.At > maxSpan || c.For > maxSpan:
		return fmt.Errorf("eclipse: it begins at %s and lasts %s: want a time that is not negative, and a positive duration, of at most 73 years", c.At, c.For)
	}
	for i, s := range list {
		if c.At < s.At+s.For && s.At < c.At+c.For {
			return fmt.Errorf("eclipse: it lasts from %s to %s, at the same time as %s: one at a time", c.At, c.At+c.For, x.splitName(i))
		}
	}
	return nil
}

// everySplit returns all splits, those that happen several times one by one.
func (x *Experiment) everySplit() (list []Split) {
	for _, s := range x.Splits {
		for k := range max(1, s.Times) {
			list = append(list, Split{At: s.At + time.Duration(k)*s.Every, For: s.For, Shares: s.Shares})
		}
	}
	return list
}

// splitName names split i of everySplit by its place in the experiment.
func (x *Experiment) splitName(i int) string {
	for k, s := range x.Splits {
		times := max(1, s.Times)
		switch {
		case i >= times:
			i -= times
		case times > 1:
			return fmt.Sprintf("split %d, time %d of %d", k, i+1, times)
		default:
			return fmt.Sprintf("split %d", k)
		}
	}
	panic("blocks: there is no such split") // the caller counts them
}

// outage is a split or an eclipse.
type outage struct {
	from, until int64
	part        []uint8 // by node
	parts       int
	rebuilt     bool  // whether the parts connect themselves anew
	attacker    int32 // the node whose own blocks pass between the parts; -1: none
}

// outages returns the splits and the eclipse in order of time. The wheel is that of the miners
// at the start.
func (x *Experiment) outages(seed uint64, start wheel) []outage {
	var list []outage
	var stages []stage
	if len(x.Splits) > 0 {
		stages = x.Power.stages(x.Nodes)
	}
	for i, s := range x.everySplit() {
		w := start
		for _, next := range stages {
			if next.at <= int64(s.At) {
				w = next.wheel
			}
		}
		shares := s.Shares
		if len(shares) == 0 {
			shares = []float64{1, 1}
		}
		list = append(list, outage{
			from: int64(s.At), until: int64(s.At + s.For), attacker: -1, parts: len(shares),
			part: divide(seed, i, shares, w, x.Nodes), rebuilt: x.Topology.Shape != Listed && x.Topology.Shape != Own,
		})
	}
	if c := x.Eclipse; c.isOn() {
		o := outage{from: int64(c.At), until: int64(c.At + c.For), attacker: int32(c.Attacker), parts: 2, part: make([]uint8, x.Nodes)}
		o.part[c.Victim] = 1
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b outage) int { return cmp.Compare(a.from, b.from) })
	return list
}

// divide draws the part of each node. The greatest miners are placed first, each in the
// part that lacks the most hash rate.
func divide(seed uint64, split int, shares []float64, w wheel, nodes int) []uint8 {
	var sum float64
	for _, s := range shares {
		sum += s
	}
	order, key := make([]int32, nodes), make([]uint64, nodes)
	for v := range order {
		random := newStream(seed, forSplits, uint64(split), uint64(v))
		order[v], key[v] = int32(v), random.next()
	}
	power := func(v int32) float64 {
		if int(v) < len(w.ends) {
			return w.share(int(v))
		}
		return 0
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(power(b), power(a)), cmp.Compare(key[a], key[b]), cmp.Compare(a, b))
	})
	idle := 0 // nodes that do not mine
	for v := range order {
		if power(int32(v)) == 0 {
			idle++
		}
	}
	part := make([]uint8, nodes)
	miners, others := make([]float64, len(shares)), make([]float64, len(shares)) // what each part lacks
	for i, s := range shares {
		miners[i], others[i] = s/sum, s/sum
	}
	for _, v := range order {
		lack, weight := miners, power(v)
		if weight == 0 {
			lack, weight = others, 1/float64(idle)
		}
		best := 0
		for i := range lack {
			if lack[i] > lack[best] {
				best = i
			}
		}
		part[v] = uint8(best)
		lack[best] -= weight
	}
	return part
}

var errPart = errors.New("split: a part of the network falls into pieces that are not connected: take a greater degree, or more nodes")

// network returns the network while the outage lasts. whole is the network before it.
func (o *outage) network(seed uint64, x *Experiment, whole *network) (*network, error) {
	var list []edge
	if !o.rebuilt {
		for v := range x.Nodes {
			for _, a := range whole.arcs[whole.first[v]:whole.first[v+1]] {
				e := edge{int32(v), a.to}
				if e.a < e.b && (o.part[e.a] == o.part[e.b] || o.attacker == e.a || o.attacker == e.b) {
					list = append(list, e)
				}
			}
		}
		return connect(x, whole.medium, list), nil
	}
	members := make([][]int32, o.parts)
	for v, p := range o.part {
		members[p] = append(members[p], int32(v))
	}
	for p, m := range members {
		topology := x.Topology.fit(len(m))
		edges, err := topology.edges(mix(seed^uint64(o.from))+uint64(p), len(m))
		if err != nil {
			return nil, err
		}
		for _, e := range edges {
			list = append(list, edge{m[e.a], m[e.b]})
		}
	}
	sortEdges(list, x.Nodes)
	n := connect(x, whole.medium, list)
	for _, m := range members {
		if len(m) == 0 {
			continue
		}
		if _, reached := n.walk(m[0]); reached < len(m) {
			return nil, errPart
		}
	}
	return n, nil
}

// fit returns the topology with a degree that fewer nodes can have.
func (t Topology) fit(nodes int) Topology {
	most := nodes - 1
	if t.Shape == Ring && nodes > 2 {
		most = (nodes - 1) / 2
	}
	if t.Degree > 0 {
		t.Degree = min(t.Degree, max(most, 0))
	}
	return t
}
