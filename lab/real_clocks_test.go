package lab

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
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
	tree := emptyTree()
	tree.grow(0, 100)
	tree.grow(1, 300)
	tree.grow(2, 300) // its own time may be earlier: what counts is the latest up to it
	tree.grow(1, 200)
	for _, c := range []struct {
		tip, latest, want int64
	}{{1, 99, 0}, {1, 100, 1}, {2, 299, 1}, {2, 300, 2}, {3, 299, 1}, {3, 300, 3}, {4, 250, 4}, {4, 199, 1}, {0, 0, 0}} {
		if got := tree.timelyTip(tree.all[c.tip].tip, c.latest); got != tree.all[c.want].tip {
			t.Errorf("tip %d at %d: %+v, want that of block %d", c.tip, c.latest, got, c.want)
		}
	}
}

func emptyTree() *realTree {
	return &realTree{numbers: map[pow.Hash]int32{}, all: []realBlock{{tip: gossip.Tip{Hash: pow.Hash{9}}}}}
}

// grow adds a block up to which the latest header time is the one given.
func (t *realTree) grow(parent int32, latest uint32) {
	number := int32(len(t.all))
	hash := pow.Hash{1}
	binary.LittleEndian.PutUint32(hash[4:], uint32(number))
	height := t.all[parent].block.Height + 1
	t.add(realBlock{
		tip: gossip.Tip{Hash: hash, Height: height}, latest: latest,
		block: blocks.Block{Number: number, Parent: parent, Height: height},
	})
}

// The last block whose time has come is found in a few steps, however many blocks are ahead of
// the clock, and it is the one that a walk from block to block finds.
func TestTimelyTipIsNear(t *testing.T) {
	for _, forks := range []int{0, 3, 100} {
		tree := emptyTree()
		r := rand.New(rand.NewPCG(uint64(forks), 1))
		for range maxRealBlocks {
			parent := int32(len(tree.all) - 1)
			if forks > 0 && r.IntN(forks) == 0 {
				parent = max(0, parent-int32(r.IntN(50)))
			}
			tree.grow(parent, tree.all[parent].latest+uint32(r.IntN(3)))
		}
		most := 0
		for range 300 {
			from := int32(r.IntN(len(tree.all)))
			latest := int64(r.IntN(int(tree.all[from].latest) + 2))
			want := from
			for int64(tree.all[want].latest) > latest {
				want = tree.all[want].block.Parent
			}
			got, steps := tree.timely(from, latest)
			if got != want {
				t.Fatalf("from block %d at %d: block %d, want %d", from, latest, got, want)
			}
			most = max(most, steps)
		}
		if limit := 3 * bits.Len(maxRealBlocks); most > limit {
			t.Errorf("%d steps among %d blocks, want at most %d", most, len(tree.all), limit)
		}
	}
}
