package blocks

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

var errParts = errors.New("topology: the network falls into parts that are not connected: add connections or take a greater degree")

// network is who is connected with whom, and what a message takes from one to the other.
// It never changes once it is made.
type network struct {
	first []int32 // the arcs that leave node v are arcs[first[v]:first[v+1]]
	arcs  []arc

	// Of each arc, if the experiment needs them apart: see medium.apart.
	latency []uint32  // microseconds
	perByte []float64 // microseconds for each byte

	hops     int    // upper bound for the number of arcs on the shortest way between two nodes
	shortest uint32 // least delay of an arc in microseconds, at least 1
	longest  uint32
	source   []uint32 // by node: microseconds that a block takes once more when its miner sends it; nil: none
	medium   *medium
	uniform  bool // a clique whose arcs all have the same delay
}

// arc is one direction of a connection.
type arc struct {
	to    int32
	delay uint32 // microseconds from when a node has a block until the neighbour has checked it; at least 1
}

// maxDelay is the longest delay of an arc, about half an hour.
const maxDelay = math.MaxInt32 // microseconds

// newNetwork connects the nodes.
func newNetwork(seed uint64, x *Experiment) (*network, error) {
	edges, err := x.Topology.edges(seed, x.Nodes)
	if err != nil {
		return nil, err
	}
	if x.Eclipse.isOn() {
		edges = append(edges, newEdge(x.Eclipse.Victim, x.Eclipse.Attacker))
		sortEdges(edges, x.Nodes)
		edges = slices.Compact(edges)
	}
	n := connect(x, newMedium(seed, x), edges)
	depth, reached := n.walk(0)
	if reached < x.Nodes {
		return nil, errParts
	}
	n.hops = 2 * depth
	return n, nil
}

// connect makes the arcs of sorted edges.
func connect(x *Experiment, m *medium, edges []edge) *network {
	n := &network{first: make([]int32, x.Nodes+1), arcs: make([]arc, 2*len(edges)), shortest: maxDelay}
	for _, e := range edges {
		n.first[e.a+1]++
		n.first[e.b+1]++
	}
	for v := range x.Nodes {
		n.first[v+1] += n.first[v]
	}
	n.medium = m
	if m.apart {
		n.perByte = make([]float64, len(n.arcs))
	}
	if m.apart || x.Changes() {
		n.latency = make([]uint32, len(n.arcs))
	}
	at := slices.Clone(n.first)
	put := func(from, to int32, latency, perByte float64) {
		i := at[from]
		at[from]++
		delay := m.delay(latency, perByte, m.meanSize)
		n.arcs[i] = arc{to, delay}
		n.shortest, n.longest = min(n.shortest, delay), max(n.longest, delay)
		if n.latency != nil {
			n.latency[i] = uint32(min(latency, maxDelay))
		}
		if n.perByte != nil {
			n.perByte[i] = perByte
		}
	}
	// The edges are sorted, so the arcs that leave a node are sorted by their ends.
	for _, e := range edges {
		latency := m.latency(e)
		put(e.a, e.b, latency, m.perByte(e.a, e.b))
		put(e.b, e.a, latency, m.perByte(e.b, e.a))
	}
	n.source = m.source
	n.uniform = x.Topology.Shape == Clique && n.shortest == n.longest && n.source == nil
	return n
}

// arcTo returns the number of the arc from a node to its neighbour.
func (n *network) arcTo(from, to int32) int {
	first := int(n.first[from])
	i, _ := slices.BinarySearchFunc(n.arcs[first:n.first[from+1]], to, func(a arc, to int32) int { return cmp.Compare(a.to, to) })
	return first + i
}

// walk returns how many arcs the farthest node is from the given one, and how many nodes
// can be reached.
func (n *network) walk(from int32) (depth, reached int) {
	seen := make([]bool, len(n.first)-1)
	seen[from] = true
	layer := []int32{from}
	for reached = 1; len(layer) > 0; depth++ {
		var next []int32
		for _, v := range layer {
			for _, a := range n.arcs[n.first[v]:n.first[v+1]] {
				if !seen[a.to] {
					seen[a.to] = true
					next = append(next, a.to)
				}
			}
		}
		reached += len(next)
		layer = next
	}
	return depth - 1, reached
}
