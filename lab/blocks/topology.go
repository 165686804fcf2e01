package blocks

import (
	"fmt"
	"slices"
)

// Shape names a way to connect nodes.
type Shape string

// The shapes. All connections work in both directions.
const (
	// RandomOut lets each node choose Degree others, as nodes of Bitcoin do with their
	// outbound connections, so that a node has 2*Degree neighbours on average.
	RandomOut Shape = "random"
	// ScaleFree lets nodes join one after the other and choose Degree neighbours each
	// in proportion to the neighbours that these have already (Barabási and Albert,
	// "Emergence of scaling in random networks", 1999).
	ScaleFree Shape = "scale-free"
	// Ring connects each node with the Degree next ones and the Degree previous ones.
	Ring Shape = "ring"
	// Grid connects each node of a rectangle, which is as square as the number of nodes
	// allows, with its neighbours in four directions. The edges do not wrap around.
	Grid Shape = "grid"
	// Star connects each node with all hubs of a relay network, and the hubs with each
	// other. The hubs are the last Degree nodes.
	Star Shape = "star"
	// Clique connects all nodes with each other.
	Clique Shape = "clique"
	// Listed takes the connections of Topology.Edges.
	Listed Shape = "edges"
	// Own takes the connections that Topology.Own makes.
	Own Shape = "own"
)

// Topology says who is connected with whom. The zero Topology is [RandomOut] with a
// degree of 8.
type Topology struct {
	Shape  Shape
	Degree int       // 0: 8, or as many as there are, or 1 for Ring and Star; without meaning for Grid, Clique and Listed
	Edges  [][2]int  // for Listed: pairs of nodes, each connection once
	Own    Connector // for Own, which is the shape if this is set and no other one is
}

// Connector is a topology of one's own. It must return the same connections for the same
// arguments on every machine, because the result of a run depends on them.
type Connector interface {
	// Name identifies the topology in reports.
	Name() string
	// Connect returns pairs of nodes from 0 to nodes-1, all together connected. A pair may
	// be listed twice. Random choices are drawn from the seed, for example with math/rand/v2.
	Connect(seed uint64, nodes int) [][2]int
}

// MaxArcs bounds the number of arcs, which is twice that of connections. An arc takes 8
// bytes of memory.
const MaxArcs = 1 << 26

func (t Topology) withDefaults(nodes int) Topology {
	switch {
	case t.Shape == "" && t.Own != nil:
		t.Shape = Own
	case t.Shape == "":
		t.Shape = RandomOut
	}
	if t.Degree == 0 {
		switch t.Shape {
		case RandomOut, ScaleFree:
			t.Degree = max(1, min(8, nodes-1))
		case Ring, Star:
			t.Degree = 1
		}
	}
	return t
}

// validate checks a topology with defaults.
func (t Topology) validate(nodes int) error {
	if t.Shape != Listed && len(t.Edges) > 0 {
		return fmt.Errorf("topology: edges mean nothing to the shape %q: leave them out, or take the shape %q", t.Shape, Listed)
	}
	if (t.Shape == Own) != (t.Own != nil) {
		return fmt.Errorf("topology: the shape %q and a connector belong together: set both, or only the connector", Own)
	}
	most := nodes - 1
	var arcs int
	switch t.Shape {
	case RandomOut, ScaleFree:
		arcs = 2 * nodes * t.Degree
	case Ring:
		most = (nodes - 1) / 2
		arcs = 2 * nodes * t.Degree
		if nodes == 2 {
			most = 1
		}
	case Star:
		arcs = 2 * nodes * t.Degree
	case Grid, Clique, Listed, Own:
		if t.Degree != 0 {
			return fmt.Errorf("topology: a degree means nothing to the shape %q: leave it out", t.Shape)
		}
		switch t.Shape {
		case Own: // newNetwork counts them
		case Grid:
			arcs = 4 * nodes
		case Clique:
			arcs = MaxArcs + 1
			if nodes <= 1<<13 {
				arcs = nodes * (nodes - 1)
			}
		default:
			arcs = 2 * len(t.Edges)
		}
		if arcs > MaxArcs {
			return fmt.Errorf("topology: the shape %q with %d nodes has more than %d arcs: take fewer nodes", t.Shape, nodes, MaxArcs)
		}
		return nil
	default:
		return fmt.Errorf("topology: shape %q: want %q, %q, %q, %q, %q, %q or %q",
			t.Shape, RandomOut, ScaleFree, Ring, Grid, Star, Clique, Listed)
	}
	if nodes > 1 && (t.Degree < 1 || t.Degree > most) {
		return fmt.Errorf("topology: degree %d: want 1 to %d for the shape %q with %d nodes", t.Degree, most, t.Shape, nodes)
	}
	if arcs > MaxArcs {
		return fmt.Errorf("topology: %d nodes of degree %d have more than %d arcs: take fewer nodes or a smaller degree", nodes, t.Degree, MaxArcs)
	}
	return nil
}

// edge is a connection of two different nodes, a < b.
type edge struct{ a, b int32 }

func newEdge(a, b int) edge { return edge{int32(min(a, b)), int32(max(a, b))} }

// edges returns the connections, sorted, each once.
func (t Topology) edges(seed uint64, nodes int) ([]edge, error) {
	var list []edge
	switch t.Shape {
	case RandomOut:
		list = randomOut(seed, nodes, t.Degree)
	case ScaleFree:
		list = scaleFree(seed, nodes, t.Degree)
	case Ring:
		for v := range nodes {
			for k := 1; k <= t.Degree && nodes > 1; k++ {
				list = append(list, newEdge(v, (v+k)%nodes))
			}
		}
	case Grid:
		width := 1
		for w := 1; w <= nodes/w; w++ {
			if nodes%w == 0 {
				width = w
			}
		}
		for v := range nodes {
			if (v+1)%width != 0 {
				list = append(list, newEdge(v, v+1))
			}
			if v+width < nodes {
				list = append(list, newEdge(v, v+width))
			}
		}
	case Star:
		for hub := max(nodes-t.Degree, 0); hub < nodes; hub++ {
			for v := range hub {
				list = append(list, newEdge(v, hub))
			}
		}
	case Clique:
		for a := range nodes {
			for b := a + 1; b < nodes; b++ {
				list = append(list, newEdge(a, b))
			}
		}
	case Listed, Own:
		pairs := t.Edges
		if t.Own != nil {
			pairs = t.Own.Connect(seed, nodes)
			if len(pairs) > MaxArcs/2 {
				return nil, fmt.Errorf("topology: %s has more than %d arcs: take fewer nodes or connections", t.Own.Name(), MaxArcs)
			}
		}
		for i, e := range pairs {
			if a, b := e[0], e[1]; a < 0 || b < 0 || a >= nodes || b >= nodes || a == b {
				return nil, fmt.Errorf("topology: edge %d connects %d with %d: want two different nodes from 0 to %d", i, a, b, nodes-1)
			}
			list = append(list, newEdge(e[0], e[1]))
		}
	}
	sortEdges(list, nodes)
	return slices.Compact(list), nil
}

// randomOut lets each node choose k different others.
func randomOut(seed uint64, nodes, k int) []edge {
	list := make([]edge, 0, nodes*k)
	chosen := make([]int, 0, k)
	for v := range nodes {
		random := newStream(seed, forTopology, uint64(v), 0)
		chosen = chosen[:0]
		for len(chosen) < min(k, nodes-1) {
			w := int(random.below(uint64(nodes)))
			if w != v && !slices.Contains(chosen, w) {
				chosen = append(chosen, w)
				list = append(list, newEdge(v, w))
			}
		}
	}
	return list
}

// scaleFree starts with a clique of k+1 nodes. The number of a node says nothing about
// when it joined, so that miners with low numbers are not the hubs.
func scaleFree(seed uint64, nodes, k int) []edge {
	name := make([]int, nodes) // of the node that joined at that place
	random := newStream(seed, forTopology, uint64(nodes), 1)
	for i := range nodes {
		j := int(random.below(uint64(i + 1)))
		name[i], name[j] = name[j], i
	}
	var list []edge
	var ends []int // each node once for each of its connections
	connect := func(a, b int) {
		list = append(list, newEdge(name[a], name[b]))
		ends = append(ends, a, b)
	}
	for v := range min(k+1, nodes) {
		for w := range v {
			connect(v, w)
		}
	}
	chosen := make([]int, 0, k)
	for v := k + 1; v < nodes; v++ {
		random := newStream(seed, forTopology, uint64(v), 2)
		chosen = chosen[:0]
		for len(chosen) < k {
			if w := ends[random.below(uint64(len(ends)))]; !slices.Contains(chosen, w) {
				chosen = append(chosen, w)
			}
		}
		for _, w := range chosen {
			connect(v, w)
		}
	}
	return list
}

// sortEdges sorts by b within a, by counting: the lists are long.
func sortEdges(list []edge, nodes int) {
	other := make([]edge, len(list))
	pass := func(from, to []edge, key func(edge) int32) {
		start := make([]int32, nodes+1)
		for _, e := range from {
			start[key(e)+1]++
		}
		for i := range nodes {
			start[i+1] += start[i]
		}
		for _, e := range from {
			to[start[key(e)]] = e
			start[key(e)]++
		}
	}
	pass(list, other, func(e edge) int32 { return e.b })
	pass(other, list, func(e edge) int32 { return e.a })
}
