package blocks

// Layout says where the nodes of a run are, for those who want to draw it.
type Layout struct {
	Regions []int    // by node: its index in Latency.Regions.Names; nil without regions
	Edges   [][2]int // who is connected with whom, each connection once, sorted
}

// Layout returns the layout of the network that [Run] makes for the seed. The errors are
// those of Run.
func (x Experiment) Layout(seed uint64) (Layout, error) {
	x, err := x.WithDefaults()
	if err != nil {
		return Layout{}, err
	}
	edges, err := x.Topology.edges(seed, x.Nodes)
	if err != nil {
		return Layout{}, err
	}
	l := Layout{Edges: make([][2]int, len(edges))}
	for i, e := range edges {
		l.Edges[i] = [2]int{int(e.a), int(e.b)}
	}
	if r := x.Latency.Regions; r != nil {
		for _, place := range r.place(seed, x.Nodes) {
			l.Regions = append(l.Regions, int(place))
		}
	}
	return l, nil
}
