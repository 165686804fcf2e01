package report

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

func mustTrace(t *testing.T, x blocks.Experiment, seed uint64) *Trace {
	t.Helper()
	trace, err := NewTrace(t.Context(), lab.Point{Experiment: x}, seed)
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// TestTrace compares the arrivals of the followed block with what the run measures of the
// same block, and checks that half of the blocks were faster.
func TestTrace(t *testing.T) {
	for name, x := range map[string]blocks.Experiment{
		"paths":  {Nodes: 80, Blocks: 300, Interval: 3 * time.Second},
		"jitter": {Nodes: 80, Blocks: 300, Interval: 3 * time.Second, Latency: blocks.Latency{Mean: 100 * time.Millisecond, Jitter: 100 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			trace := mustTrace(t, x, 4)
			all := trace.arrived(everyNode)
			for i, share := range blocks.ReachShares {
				want := trace.Block.Reach[i]
				if reached := float64(len(all)) >= share*80; reached != (want >= 0) {
					t.Errorf("%d nodes had the block; the run says %s for the share %g", len(all), want, share)
				} else if reached && all[int(math.Ceil(share*80))-1] != want {
					t.Errorf("the share %g had the block after %s; the run says %s", share, all[int(math.Ceil(share*80))-1], want)
				}
			}
			if trace.Arrivals[trace.Block.Miner] != 0 {
				t.Errorf("the finder had the block after %s", trace.Arrivals[trace.Block.Miner])
			}
			faster, slower := 0, 0
			_, err := blocks.Run(t.Context(), x, 4, blocks.Options{Observe: func(b blocks.Block) {
				switch {
				case b.Fate != blocks.InMain || b.Reach[1] < 0:
				case b.Reach[1] < trace.Block.Reach[1]:
					faster++
				case b.Reach[1] > trace.Block.Reach[1]:
					slower++
				}
			}})
			if all := int(trace.Result.Main); err != nil || faster > all/2+1 || slower > all/2+1 {
				t.Errorf("%d blocks are faster and %d slower, or %v", faster, slower, err)
			}
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	cancel(stop)
	if _, err := NewTrace(ctx, lab.Point{}, 1); !errors.Is(err, stop) {
		t.Errorf("a trace after the end: %v", err)
	}
	if _, err := NewTrace(t.Context(), lab.Point{Experiment: blocks.Experiment{Nodes: -1}}, 1); err == nil {
		t.Error("a trace of -1 nodes")
	}
}

// randomTree returns blocks in the order of discovery: a main chain, and now and then
// stale branches.
func randomTree(r *rand.Rand, n int) []blocks.Block {
	var list []blocks.Block
	tips := []blocks.Block{{}} // the tip of the main chain, then those of stale branches
	for i := range n {
		k := 0
		if r.IntN(4) == 0 {
			k = r.IntN(len(tips) + 1)
		}
		b := blocks.Block{Number: int32(i + 1), Fate: blocks.WentStale, Found: time.Duration(i) * time.Second, Miner: r.IntN(9)}
		if k == 0 {
			b.Fate = blocks.InMain
		} else if k == len(tips) {
			tips = append(tips, tips[0])
		}
		b.Parent, b.Height = tips[k].Number, tips[k].Height+1
		tips[k] = b
		list = append(list, b)
		if len(tips) > 1 && tips[0].Height > tips[1].Height+8 {
			tips = slices.Delete(tips, 1, 2)
		}
	}
	return list
}

// TestFork compares the fork that is found in constant memory with one that is found from
// all blocks, and checks the picture of the tree: nothing overlaps, the main chain is
// straight, and each block that has its parent in the picture has an arrow to it.
func TestFork(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		list := randomTree(r, 1+r.IntN(3000))
		var f forkFinder
		for _, b := range list {
			f.see(b)
		}
		depth, longest := map[int32]int{}, 0
		for _, b := range list {
			if b.Fate == blocks.WentStale {
				depth[b.Number] = depth[b.Parent] + 1
				longest = max(longest, depth[b.Number])
			}
		}
		picture := f.blocks()
		if f.best != longest {
			t.Fatalf("seed %d: the longest fork has %d blocks, want %d", seed, f.best, longest)
		}
		if got := staleLength(picture); got != longest && longest+forkMargin < forkWidth {
			t.Errorf("seed %d: the longest fork in the picture has %d blocks, want %d", seed, got, longest)
		}
		if len(picture) == 0 {
			t.Fatalf("seed %d: an empty picture of %d blocks", seed, len(list))
		}
		checkTree(t, picture)
	}
}

func checkTree(t *testing.T, picture []blocks.Block) {
	t.Helper()
	c := treeChart(picture)
	at := map[chart.Point]bool{}
	parents := map[int]int32{}
	for i, box := range c.Boxes {
		b := picture[i]
		if at[box.Point] {
			t.Errorf("two blocks are at %v", box.Point)
		}
		at[box.Point] = true
		if box.X != float64(b.Height) || (box.Y == 0) != (b.Fate == blocks.InMain) || box.Dashed != (b.Fate != blocks.InMain) {
			t.Errorf("the box of block %+v is %+v", b, box)
		}
		if box.X < c.X.Min || box.X > c.X.Max || box.Y < c.Y.Min || box.Y > c.Y.Max {
			t.Errorf("the box %+v is outside the picture", box)
		}
	}
	for _, a := range c.Arrows {
		parents[a.From] = picture[a.To].Number
	}
	for i, b := range picture {
		inside := slices.ContainsFunc(picture, func(p blocks.Block) bool { return p.Number == b.Parent })
		if parent, ok := parents[i]; ok != inside || ok && parent != b.Parent {
			t.Errorf("block %d has an arrow to %d, want %d", b.Number, parent, b.Parent)
		}
	}
}

// TestSteps checks the curve of arrivals: it is the empirical distribution function at
// every step, and ends at the share of the nodes that had the block.
func TestSteps(t *testing.T) {
	for _, n := range []int{1, 2, 249, 250, 251, 1000, 1001} {
		var times []time.Duration
		r := rand.New(rand.NewPCG(uint64(n), 2))
		for range n {
			times = append(times, time.Duration(r.IntN(50))*time.Second)
		}
		slices.Sort(times)
		curve := steps(times, n+n/4, 1000)
		last := 0.0
		for i := 1; i < len(curve); i += 2 {
			// The curve rises at the time of the last node of the step.
			had := int(math.Round(curve[i].Y / 100 * float64(n+n/4)))
			if curve[i].X != times[had-1].Seconds()*1000 || curve[i-1].X != curve[i].X || curve[i-1].Y != last || curve[i].Y <= last {
				t.Fatalf("%d nodes: step %d is from %v to %v", n, i/2, curve[i-1], curve[i])
			}
			last = curve[i].Y
		}
		if want := 100 * float64(n) / float64(n+n/4); !near(last, want) || len(curve) > 2*maxSteps {
			t.Errorf("%d nodes: the curve ends at %g, want %g, after %d steps", n, last, want, len(curve)/2)
		}
	}
}

// TestMap checks the places and colours of nodes.
func TestMap(t *testing.T) {
	x := propagation(200, 60, time.Minute).Points[0].Experiment
	trace := mustTrace(t, x, 2)
	all := trace.arrived(everyNode)
	c := trace.mapChart(all)
	last := roundTime(shareOf(all, 0.995))
	at := trace.places(last)
	for node, d := range trace.Arrivals {
		radius := math.Hypot(at[node].X, at[node].Y)
		if d <= last && !near(radius, d.Seconds()/last.Seconds()) || radius > 1.2 {
			t.Errorf("node %d had the block after %s of %s and is at the distance %g", node, d, last, radius)
		}
	}
	dots := 0
	for _, m := range c.Marks {
		dots += len(m.At)
		for _, mark := range m.At {
			if class := int(m.Color) - int(chart.Ramp); class >= 0 {
				if radius := math.Hypot(mark.X, mark.Y) * chart.RampSteps; radius < float64(class)-1e-6 || radius > float64(class)+1+1e-6 {
					t.Errorf("a dot at %g sixths has the colour %d", radius, class)
				}
			}
		}
	}
	if dots != 200 {
		t.Errorf("%d dots for 200 nodes", dots)
	}
	borders := trace.borders()
	for node, turn := range trace.turns() {
		if region := trace.Layout.Regions[node]; turn <= borders[region] || turn >= borders[region+1] {
			t.Errorf("node %d of region %d is at the turn %g", node, region, turn)
		}
	}
	big := mustTrace(t, blocks.Experiment{Nodes: 2 * maxDots, Blocks: 3}, 1)
	dots = 0
	for _, m := range big.mapChart(big.arrived(everyNode)).Marks {
		dots += len(m.At)
	}
	if dots > maxDots+1 || dots < maxDots-1 {
		t.Errorf("%d dots for %d nodes", dots, 2*maxDots)
	}
}

// TestGrid checks that neighbours of a grid are next to each other on the map.
func TestGrid(t *testing.T) {
	trace := mustTrace(t, blocks.Experiment{Nodes: 12, Blocks: 5, Topology: blocks.Topology{Shape: blocks.Grid}}, 1)
	at := trace.places(time.Second)
	lengths := map[float64]int{}
	for _, e := range trace.Layout.Edges {
		a, b := at[e[0]], at[e[1]]
		if a.X != b.X && a.Y != b.Y {
			t.Errorf("the connection %v is neither across nor down", e)
		}
		lengths[math.Round(1e6*math.Hypot(a.X-b.X, a.Y-b.Y))]++
	}
	if len(lengths) != 1 || len(trace.Layout.Edges) != 17 {
		t.Errorf("%d connections of the lengths %v", len(trace.Layout.Edges), lengths)
	}
}

// TestRoundTime checks that the scale of a map ends at a round time that is not too long.
func TestRoundTime(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		0: 6 * time.Microsecond, 556 * time.Millisecond: 600 * time.Millisecond, 601 * time.Millisecond: 900 * time.Millisecond,
		time.Minute: time.Minute, 61 * time.Second: 90 * time.Second,
	} {
		if got := roundTime(d); got != want {
			t.Errorf("%s is rounded to %s, want %s", d, got, want)
		}
	}
	const longest = time.Duration(1) << 61
	if got := roundTime(longest); got < longest {
		t.Errorf("%s is rounded to %s", longest, got)
	}
}

// TestIntervalBars checks that the area of the histogram is the share of the intervals
// that it shows, and that its bars do not overlap.
func TestIntervalBars(t *testing.T) {
	trace := mustTrace(t, blocks.Experiment{Nodes: 5, Blocks: 4000, Latency: blocks.Latency{Mean: time.Millisecond}}, 1)
	c := trace.intervalChart()
	area, end := 0.0, 0.0
	for _, b := range c.Bars[0].At {
		if b.From < end-1e-9 || b.To <= b.From {
			t.Errorf("the bar %+v begins before %g", b, end)
		}
		end = b.To
		area += (b.To - b.From) * b.Height
		if middle := (b.From + b.To) / 2; middle < 2 && math.Abs(b.Height-math.Exp(-middle)) > 0.12 {
			t.Errorf("the bar %+v is far from the law, %g", b, math.Exp(-middle))
		}
	}
	if want := 1 - math.Exp(-6); math.Abs(area-want) > 0.003 {
		t.Errorf("the area is %g, want about %g", area, want)
	}
}

// TestDepths checks the three forms of a histogram of depths.
func TestDepths(t *testing.T) {
	var d blocks.Depths
	var s section
	s.addDepths("x", "X", "reorgs", "blocks", &d)
	d[2] = 7
	s.addDepths("x", "X", "reorgs", "blocks", &d)
	d[1] = 900
	s.addDepths("x", "X", "reorgs", "blocks", &d)
	if strings.Join(s.Text, " ") != "Reorgs: none. Reorgs: 7, all with 2 as the number of blocks." {
		t.Errorf("the texts are %q", s.Text)
	}
	bars := s.Charts[0].Bars[0].At
	want := []chart.Bar{{From: 0.6, To: 1.4, Height: 900}, {From: 1.6, To: 2.4, Height: 7}}
	if len(s.Charts) != 1 || !slices.Equal(bars, want) || !s.Charts[0].Y.Log || s.Charts[0].Y.Min >= 1 {
		t.Errorf("the bars are %v on %+v", bars, s.Charts[0].Y)
	}
}
