package lab

import (
	"math"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/blocks"
)

// middleLeaves is a network in which the node between two others comes and goes. While it is away,
// these two find blocks apart, and each of its returns ends in a reorg of one of them. The runs are
// so short that the last return is a large part of all.
const middleLeaves = `
replicas = 2000
nodes = 3
blocks = 6
interval = "10s"
engine = ["nodes", "events"]
[topology]
shape = "edges"
edges = [[0, 1], [1, 2]]
[latency]
mean = "20ms"
[relay]
mode = "headers"
[churn]
up = "60s"
down = "60s"
[[strategists]]
node = 0
strategy = "honest"
[[strategists]]
node = 2
strategy = "honest"
`

// Both engines count the same reorgs of networks that change: none that comes from a node that
// returns after the last block has been found. Such returns would double the rate.
//
// On another processor, real nodes draw other times. So there are 2000 replicas, and the limit is
// wide enough not to depend on the times: twice the sum of the half-widths is five and a half
// standard deviations of the difference, and twice the rate is more than twice as far off.
func TestLateReturnsOfBothEngines(t *testing.T) {
	p := parse(t, middleLeaves)
	s := Summarize(p, run(t, p, Options{}), "v1")
	for _, name := range []string{"reorg_rate", "reorg_depth_mean", "stale_rate"} {
		real, model := s.Points[0].Metrics[name], s.Points[1].Metrics[name]
		t.Logf("%s: %v by real nodes, %v by the model", name, real.Estimate, model.Estimate)
		if d := math.Abs(real.Mean - model.Mean); !(d <= 2*(real.Half+model.Half)) || real.N == 0 {
			t.Errorf("%s: %.4g ± %.2g by real nodes, %.4g ± %.2g by the model", name, real.Mean, real.Half, model.Mean, model.Half)
		}
	}
	if rate := s.Points[0].Metrics["reorg_rate"]; rate.Mean < 0.005 || rate.Half > rate.Mean/3 {
		t.Errorf("the rate of reorgs is %v: the test means nothing", rate.Estimate)
	}
}

// A node that is away when the last block is found stays away, and no block reaches it.
func TestNobodyReturnsAfterTheLastBlock(t *testing.T) {
	x := parse(t, "engine = 'nodes'\nnodes = 12\nblocks = 30\ninterval = '2s'\n[churn]\nup = '20s'\ndown = '20s'").Points[0].Experiment
	var last *realRun
	away := map[int]bool{}
	late := 0
	last = newRealRun(x, 1, blocks.Options{Took: func(node int, _ int32, _ time.Duration) {
		if last.over() {
			late++
		}
		if away[node] {
			t.Errorf("node %d was away when the last block was found, and has got a block", node)
		}
	}})
	if err := last.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	last.begin()
	for !last.over() {
		last.net.RunFor(time.Millisecond)
	}
	for i, node := range last.net.Nodes {
		if !node.Up() {
			away[i] = true
		}
	}
	if _, err := last.end(t.Context()); err != nil {
		t.Fatal(err)
	}
	last.net.RunFor(10 * time.Minute)
	for i, node := range last.net.Nodes {
		if node.Up() == away[i] {
			t.Errorf("node %d is up: %t, and was away when the last block was found: %t", i, node.Up(), away[i])
		}
	}
	if len(away) == 0 || late < 2 {
		t.Errorf("%d nodes were away, and %d took the last block later: the test means nothing", len(away), late)
	}
}
