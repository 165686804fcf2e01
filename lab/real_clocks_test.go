package lab

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/blocks"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// Nodes do not ask again and again for blocks that are ahead of their clocks: with clocks that
// differ by hours, each node fetches each block a few times. And in the end all have all blocks.
func TestClocksFarApart(t *testing.T) {
	for _, file := range []string{
		"nodes = 6\nblocks = 20\ninterval = '10m'\n[topology]\nshape = 'clique'\n[clocks]\nerror = '6h'",
		"nodes = 8\nblocks = 40\ninterval = '10s'\n[topology]\ndegree = 3\n[clocks]\nerror = '3h'\nerror_law = 'exponential'",
	} {
		x := parse(t, "engine = 'nodes'\n"+file).Points[0].Experiment
		r := newRealRun(x, 3, blocks.Options{})
		if err := r.connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if limit := time.Duration(x.Params.Limits().FutureSeconds) * time.Second; r.clocksDiffer <= limit {
			t.Fatalf("clocks differ by %s, and the rules allow %s: the test means nothing", r.clocksDiffer, limit)
		}
		r.begin()
		if err := r.findBlocks(t.Context()); err != nil {
			t.Fatal(err)
		}
		works := map[string]bool{}
		for _, node := range r.net.Nodes {
			works[node.Chain().Tip().Work.String()] = true
		}
		if len(works) == 1 {
			t.Errorf("%q: all nodes have as much work when the last block is found: the test means nothing", file)
		}
		if _, err := r.end(t.Context()); err != nil {
			t.Error(err)
		}
		served := 0
		for _, node := range r.net.Nodes {
			served += node.Served()
		}
		t.Logf("%d blocks were sent to %d nodes that found %d", served, x.Nodes, x.Blocks)
		if most := 10 * x.Nodes * x.Blocks; served > most {
			t.Errorf("%q: %d blocks were sent, want at most %d", file, served, most)
		}
	}
}

// Clocks of which one is wrong by weeks are refused before anything is simulated.
func TestClocksTooFarApart(t *testing.T) {
	const file = "engine = 'nodes'\nnodes = %d\nblocks = 5\n[clocks]\nerror = '6h'\nerror_law = 'lognormal'\nerror_spread = %g"
	for spread, refused := range map[float64]bool{0.5: false, 2: true} {
		nodes := 20
		if refused {
			nodes = 1000 // more nodes have greater errors
		}
		r := newRealRun(parse(t, fmt.Sprintf(file, nodes, spread)).Points[0].Experiment, 1, blocks.Options{})
		err := r.connect(t.Context())
		if (err != nil) != refused || refused && (!strings.Contains(err.Error(), "clocks: two clocks differ by ") || r.net != nil) {
			t.Errorf("a spread of %g gives the error %v", spread, err)
		}
	}
}

// The refusal never says that a difference is too great that it shows as equal to the bound.
func TestRefusalOfClocks(t *testing.T) {
	for by, want := range map[time.Duration]string{
		maxRealClocksDiffer:                   "",
		maxRealClocksDiffer + 1:               "168h0m1s: want at most 168h0m0s",
		maxRealClocksDiffer + time.Second:     "168h0m1s: want at most 168h0m0s",
		maxRealClocksDiffer + time.Second + 1: "168h0m2s: want at most 168h0m0s",
		200 * time.Hour:                       "200h0m0s: want at most 168h0m0s",
	} {
		err := checkClocksDiffer(by)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), "differ by "+want+" with") {
			t.Errorf("%s: %v, want %q", by, err, want)
		}
	}
}

// In the place of a tip whose time has not come there is the last block below it whose time, and
// that of all below it, has come.
func TestTimelyTip(t *testing.T) {
	tree := &realTree{numbers: map[pow.Hash]int32{}, all: []realBlock{{tip: gossip.Tip{Hash: pow.Hash{9}}}}}
	add := func(parent int32, latest uint32) {
		number := int32(len(tree.all))
		hash := pow.Hash{byte(number)}
		tree.numbers[hash] = number
		tree.all = append(tree.all, realBlock{tip: gossip.Tip{Hash: hash, Height: int64(number)}, latest: latest, block: blocks.Block{Parent: parent}})
	}
	add(0, 100)
	add(1, 300)
	add(2, 300) // its own time may be earlier: what counts is the latest up to it
	add(1, 200)
	for _, c := range []struct {
		tip, latest, want int64
	}{{1, 99, 0}, {1, 100, 1}, {2, 299, 1}, {2, 300, 2}, {3, 299, 1}, {3, 300, 3}, {4, 250, 4}, {4, 199, 1}, {0, 0, 0}} {
		if got := tree.timelyTip(tree.all[c.tip].tip, c.latest); got != tree.all[c.want].tip {
			t.Errorf("tip %d at %d: %+v, want that of block %d", c.tip, c.latest, got, c.want)
		}
	}
}
