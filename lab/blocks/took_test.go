package blocks

import (
	"slices"
	"testing"
	"time"
)

// TestTook checks that what Took tells agrees with what Observe tells of the same blocks,
// and that it does not change the result.
func TestTook(t *testing.T) {
	experiments := map[string]Experiment{
		"paths":   {Nodes: 60, Blocks: 80, Interval: 2 * time.Second},
		"jitter":  {Nodes: 60, Blocks: 80, Interval: 2 * time.Second, Latency: Latency{Mean: time.Second, Jitter: time.Second}},
		"selfish": {Nodes: 20, Blocks: 200, Strategists: []Strategist{{0, SM1{}}}, Power: Power{Shares: []float64{4, 3, 3}}},
	}
	for name, x := range experiments {
		t.Run(name, func(t *testing.T) {
			want, err := Run(t.Context(), x, 3, Options{})
			if err != nil {
				t.Fatal(err)
			}
			arrivals := map[int32][]time.Duration{}
			last := time.Duration(0)
			took := func(_ int, block int32, at time.Duration) {
				if at < last {
					t.Errorf("block %d at %s, after something at %s", block, at, last)
				}
				last = at
				arrivals[block] = append(arrivals[block], at)
			}
			checked := 0
			observe := func(b Block) {
				for i, count := range reachCounts(x.Nodes) {
					if b.Reach[i] >= 0 {
						checked++
						if at := arrivals[b.Number][count-1]; at-b.Found != b.Reach[i] {
							t.Errorf("block %d had reached %d nodes after %s; Took says %s", b.Number, count, b.Reach[i], at-b.Found)
						}
					}
				}
			}
			r, err := Run(t.Context(), x, 3, Options{Took: took, Observe: observe})
			if err != nil {
				t.Fatal(err)
			}
			if r.Hash != want.Hash {
				t.Error("Took changes the result")
			}
			if r.Engine != Events || checked < 50 {
				t.Errorf("engine %s, %d times checked", r.Engine, checked)
			}
		})
	}
}

// TestLayout checks a layout against the network that a run uses.
func TestLayout(t *testing.T) {
	x, err := Experiment{Nodes: 50, Latency: Latency{Regions: World2019()}}.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	l, err := x.Layout(7)
	if err != nil {
		t.Fatal(err)
	}
	net, err := newNetwork(7, &x)
	if err != nil {
		t.Fatal(err)
	}
	neighbours := make([][]int32, x.Nodes)
	for _, e := range l.Edges {
		neighbours[e[0]] = append(neighbours[e[0]], int32(e[1]))
		neighbours[e[1]] = append(neighbours[e[1]], int32(e[0]))
	}
	for v, list := range neighbours {
		var want []int32
		for _, a := range net.arcs[net.first[v]:net.first[v+1]] {
			want = append(want, a.to)
		}
		slices.Sort(list)
		slices.Sort(want)
		if !slices.Equal(list, want) {
			t.Errorf("node %d has the neighbours %v, want %v", v, list, want)
		}
		if l.Regions[v] != int(net.medium.places[v]) {
			t.Errorf("node %d is in region %d, want %d", v, l.Regions[v], net.medium.places[v])
		}
	}
	if _, err := (Experiment{Nodes: -1}).Layout(1); err == nil {
		t.Error("a layout of -1 nodes")
	}
}
