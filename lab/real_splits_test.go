package lab

import (
	"testing"
	"time"

	"github.com/lodepow/lode/lab/blocks"
)

// A split of real nodes begins and ends when that of the model does, has the same parts, and stays
// open if it is when the last block has been found.
func TestRealSplits(t *testing.T) {
	x := parse(t, "engine = 'nodes'\nnodes = 6\nblocks = 40\ninterval = '5s'\n[topology]\nshape = 'clique'\n[[splits]]\nat = '30s'\nfor = '60s'\nshare = 0.3\n[[splits]]\nat = '150s'\nfor = '1h'").Points[0].Experiment
	model := x
	model.Engine = blocks.Events
	want, err := blocks.Run(t.Context(), model, 2, blocks.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// The second split is still open when the last block is found, and stays so.
	open := x.Outages(2)[1]
	part := map[int]int{}
	for p, of := range open.Parts {
		for _, v := range of {
			part[v] = p
		}
	}
	type taking struct {
		node  int
		block int32
	}
	var takings []taking
	var all []blocks.Block
	got, err := Simulate(t.Context(), x, 2, blocks.Options{
		Observe: func(b blocks.Block) { all = append(all, b) },
		Took:    func(node int, block int32, _ time.Duration) { takings = append(takings, taking{node, block}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	shared, found := 0, [2]int{}
	for _, b := range all {
		if b.Found > open.From {
			found[part[b.Miner]]++
		}
	}
	for _, one := range takings {
		switch b := all[one.block-1]; {
		case b.Found <= open.From:
		case part[b.Miner] != part[one.node]:
			t.Errorf("node %d took block %d of node %d, which is in the other part", one.node, b.Number, b.Miner)
		case b.Miner != one.node:
			shared++
		}
	}
	if found[0] < 2 || found[1] < 2 || shared == 0 {
		t.Fatalf("in the second split the parts find %v blocks, and others of the part take %d: the test means nothing", found, shared)
	}
	for depth, n := range got.Reorgs {
		if n > 0 && depth > got.Healings[0].Reorg {
			t.Errorf("%d reorgs have the depth %d, and the deepest after the first split has %d", n, depth, got.Healings[0].Reorg)
		}
	}
	if len(got.Healings) != 2 || len(want.Healings) != 2 {
		t.Fatalf("there are %d healings, and %d in the model", len(got.Healings), len(want.Healings))
	}
	for i, h := range got.Healings {
		if w := want.Healings[i]; h.At != w.At || h.Parts[0].Nodes != w.Parts[0].Nodes || h.Parts[1].Share != w.Parts[1].Share {
			t.Errorf("the healing is %+v, in the model %+v", h, w)
		}
	}
	if h := got.Healings[0]; h.Agreement < 0 || h.Agreement > 50*time.Second || h.Lost() == 0 || h.Reorg == 0 {
		t.Errorf("after the first split the healing is %+v", h)
	}
	if h := got.Healings[1]; h.Agreement != -1 || h.Reorg != 0 || h.Parts[0].Found+h.Parts[1].Found == 0 {
		t.Errorf("the second split ends after the run, and the healing is %+v", h)
	}
}

// Real nodes have the clocks of the model: headers have the times of their miners' clocks.
func TestRealClocks(t *testing.T) {
	x := parse(t, "engine = 'nodes'\nnodes = 4\nblocks = 40\ninterval = '30s'\n[topology]\nshape = 'clique'\n[clocks]\nerror = '200s'\nerror_law = 'uniform'\nerror_spread = 1").Points[0].Experiment
	errors := x.ClockErrors(3)
	if len(errors) != 4 || errors[0] == errors[1] {
		t.Fatalf("the clocks are wrong by %v", errors)
	}
	checked := 0
	_, err := Simulate(t.Context(), x, 3, blocks.Options{Observe: func(b blocks.Block) {
		// The header may be later, because of the median of those before it. Mining begins some
		// seconds after the start of the network.
		clock := 1_700_000_000 + (b.Found + errors[b.Miner]).Seconds()
		late := float64(b.HeaderTime) - clock
		if late < -1 {
			t.Errorf("block %d is dated %.0f s before the clock of its miner", b.Number, -late)
		}
		if late < 60 {
			checked++
		}
	}})
	if err != nil || checked < 15 {
		t.Errorf("%d of 40 blocks have the time of their miner's clock, error %v", checked, err)
	}
}
