package lab

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/blocks"
	"github.com/lodepow/lode/lab/nodes"
)

// bothEngines is an experiment with a point for real nodes and one for the fast model. The
// latencies differ by less than the factor two, so that the nearest neighbour is the first
// one to announce a block, too.
const bothEngines = `
replicas = 12
nodes = 8
blocks = 200
interval = "4s"
engine = ["nodes", "events"]
[topology]
shape = "clique"
[latency]
mean = "100ms"
law = "uniform"
spread = 0.3
[relay]
mode = "headers"
validation = "250us"
`

func settingsOf(t *testing.T, texts ...string) (list []Setting) {
	t.Helper()
	for _, text := range texts {
		s, err := ParseSetting(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

// The same file gives the same figures with real nodes and with the fast model. Real nodes draw
// other blocks, so that these are independent samples, and a change of the nodes draws anew, as does
// another processor. So the means may differ by more than the 95 % intervals: by 2.5 times as much.
// With these replicas the test passed for each of 12 other ranges of seeds, and with a third of them
// for 10 of 12.
func TestBothEngines(t *testing.T) {
	const wider = 2.5
	for name, changes := range map[string][]string{
		"clique":     nil,
		"five":       {"interval=2s", "nodes=5"},
		"ring":       {"topology.shape=ring", "nodes=7", "power.zipf=0.5"},
		"selfish":    {"power.alpha=0.4", "strategists[0].strategy=sm1", "latency.mean=20ms", "blocks=300"},
		"churn":      {"churn.up=5m", "churn.down=30s", "blocks=300"},
		"splits":     {"splits[0].at=60s", "splits[0].for=120s", "splits[0].times=2", "splits[0].every=300s"},
		"clocks":     {"clocks.error=3620s", "interval=1m", "blocks=100"},
		"far clocks": {"clocks.error=4h", "interval=10m", "blocks=60", "nodes=5"},
		"difficulty": {"difficulty.rule=asert", "difficulty.bits=2000ffff", "difficulty.limit=207fffff", "difficulty.spacing=4s", "difficulty.half_life=1m", "power.steps[0].at=200s", "power.steps[0].factor=2"},
	} {
		if testing.Short() && name != "five" {
			continue // they take too long under the race detector
		}
		t.Run(name, func(t *testing.T) {
			p, err := Parse([]byte(bothEngines), settingsOf(t, changes...)...)
			if err != nil {
				t.Fatal(err)
			}
			s := Summarize(p, run(t, p, Options{}), "v1")
			if s.Points[0].Engine != RealNodes || s.Points[1].Engine != blocks.Events || s.Points[0].Settings["engine"] != "nodes" {
				t.Fatalf("the engines are %q and %q", s.Points[0].Engine, s.Points[1].Engine)
			}
			compared := 0
			t.Logf("stale: %v by real nodes, %v by the model", s.Points[0].Metrics["stale_rate"].Estimate, s.Points[1].Metrics["stale_rate"].Estimate)
			for name, real := range s.Points[0].Metrics {
				model := s.Points[1].Metrics[name]
				switch {
				case strings.HasPrefix(name, "miner_") && name != "miner_0_revenue", real.N == 0: // the miners are equal
					continue
				case name == "split_agreement_seconds": // real nodes have to find each other again
					continue
				}
				compared++
				if d := math.Abs(real.Mean - model.Mean); !(d <= wider*(real.Half+model.Half)) {
					t.Errorf("%s: %.4g ± %.2g by real nodes, %.4g ± %.2g by the model", name, real.Mean, real.Half, model.Mean, model.Half)
				}
			}
			if stale := s.Points[0].Metrics["stale_rate"]; compared < 10 || stale.Mean < 0.005 || stale.Half > wider*0.1 {
				t.Errorf("%d metrics were compared, and the stale rate is %v: the test means nothing", compared, stale.Estimate)
			}
		})
	}
}

// Real nodes are connected as the topology says, from the beginning to the end, and their
// messages take the latencies of the other engines.
func TestRealNetwork(t *testing.T) {
	shapes := []string{"random", "scale-free", "ring", "grid", "star", "clique"}
	if testing.Short() {
		shapes = shapes[:1]
	}
	for _, shape := range shapes {
		x := parse(t, "engine = 'nodes'\nnodes = 12\nblocks = 20\ninterval = '5s'\n[topology]\nshape = '"+shape+"'\n[latency]\nlaw = 'lognormal'\nspread = 0.5").Points[0].Experiment
		r := newRealRun(x, 3, blocks.Options{})
		if err := r.connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		want, err := x.Connections(3)
		if err != nil {
			t.Fatal(err)
		}
		check := func() {
			t.Helper()
			neighbours := make([][]string, x.Nodes)
			for _, c := range want {
				neighbours[c.A] = append(neighbours[c.A], string(nodes.AddressOf(c.B)))
				neighbours[c.B] = append(neighbours[c.B], string(nodes.AddressOf(c.A)))
			}
			for i, node := range r.net.Nodes {
				var peers []string
				for _, p := range node.Peers() {
					peers = append(peers, string(p.Address))
				}
				slices.Sort(peers)
				slices.Sort(neighbours[i])
				if !slices.Equal(peers, neighbours[i]) {
					t.Errorf("%s: node %d has the peers %v, want %v", shape, i, peers, neighbours[i])
				}
			}
			for _, c := range want { // a trip is there and back
				for _, p := range r.net.Nodes[c.A].Peers() {
					if d := p.Trip - 2*c.Latency; p.Address == nodes.AddressOf(c.B) && d.Abs() > time.Millisecond {
						t.Errorf("%s: from %d to %d and back a message takes %s, want %s", shape, c.A, c.B, p.Trip, 2*c.Latency)
					}
				}
			}
		}
		check()
		r.begin()
		r.net.RunFor(3 * time.Minute)
		check()
		if r.found != 20 {
			t.Errorf("%s: %d blocks were found, want 20", shape, r.found)
		}
	}
}

// Networks whose nodes hear of many others, with latencies that differ much, are connected as
// the topology says.
func TestRealNetworkIsLarge(t *testing.T) {
	cases := []string{"nodes = 30", "nodes = 100", "nodes = 100\n[topology]\nshape = 'scale-free'", "nodes = 60\n[topology]\nshape = 'clique'"}
	if testing.Short() {
		cases = cases[:1]
	}
	for _, text := range cases {
		for seed := range uint64(3) {
			x := parse(t, "engine = 'nodes'\nblocks = 1\n"+text).Points[0].Experiment
			if err := newRealRun(x, seed, blocks.Options{}).connect(t.Context()); err != nil {
				t.Errorf("%s, seed %d: %v", text, seed, err)
			}
		}
	}
}

// Nodes that leave and return find the peers of the topology again, and no others.
func TestRealChurnKeepsTheTopology(t *testing.T) {
	x := parse(t, "engine = 'nodes'\nnodes = 8\nblocks = 60\ninterval = '5s'\n[topology]\nshape = 'ring'\n[churn]\nup = '60s'\ndown = '5s'\n").Points[0].Experiment
	r := newRealRun(x, 1, blocks.Options{})
	if err := r.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.begin()
	for range 60 {
		r.net.RunFor(5 * time.Second)
		for i, node := range r.net.Nodes {
			if !node.Up() {
				continue
			}
			for _, p := range node.Peers() {
				if p.Address != nodes.AddressOf((i+1)%8) && p.Address != nodes.AddressOf((i+7)%8) {
					t.Fatalf("after %s, node %d of the ring has the peer %s", r.net.Now(), i, p.Address)
				}
			}
		}
	}
	if r.found < 30 {
		t.Errorf("only %d blocks were found in five minutes at an interval of 5 s", r.found)
	}
}

// A result of real nodes is consistent with what the run tells, and a function of the seed.
func TestRealResult(t *testing.T) {
	x := parse(t, bothEngines+"[power]\nalpha = 0.4\n[[strategists]]\nstrategy = 'sm1'\n").Points[0].Experiment
	x.Interval, x.Blocks = time.Second, 100
	withheld := int64(0)
	for seed := range uint64(4) {
		withheld += checkResult(t, x, seed).Withheld
	}
	if withheld == 0 {
		t.Error("no block was withheld: the test means nothing")
	}
	r := checkResult(t, x, 5)
	again, err := Simulate(t.Context(), x, 5, blocks.Options{Threads: 3})
	if err != nil || again.Hash != r.Hash {
		t.Errorf("the hash is %x and then %x, error %v", r.Hash[:8], again.Hash[:8], err)
	}
	if other, err := Simulate(t.Context(), x, 6, blocks.Options{}); err != nil || other.Hash == r.Hash {
		t.Errorf("another seed has the same hash, error %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	if _, err := Simulate(ctx, x, 5, blocks.Options{Progress: func(int) { cancel(stop) }}); !errors.Is(err, stop) {
		t.Errorf("error %v after the run was cancelled", err)
	}
}

// A run that is cancelled ends soon, also while it waits, as for the nodes to agree after the last
// block.
func TestRealWait(t *testing.T) {
	x := parse(t, bothEngines).Points[0].Experiment
	waiting := newRealRun(x, 5, blocks.Options{})
	if err := waiting.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	began := waiting.net.Now()
	done, err := waiting.runUntil(ctx, time.Hour, func() bool { cancel(stop); return false })
	if took := waiting.net.Now() - began; done || !errors.Is(err, stop) || took > realStep {
		t.Errorf("a cancelled wait takes %s, ends with %v and the error %v", took, done, err)
	}
	began = waiting.net.Now()
	done, err = waiting.runUntil(t.Context(), 25*time.Second, func() bool { return false })
	if took := waiting.net.Now() - began; done || err != nil || took != 25*time.Second {
		t.Errorf("a wait of 25 s takes %s, ends with %v and the error %v", took, done, err)
	}
}

// checkResult runs an experiment with a selfish node 0.
func checkResult(t *testing.T, x blocks.Experiment, seed uint64) *blocks.Result {
	t.Helper()
	var told []blocks.Block
	took := map[int32]int{}
	r, err := Simulate(t.Context(), x, seed, blocks.Options{
		Observe: func(b blocks.Block) { told = append(told, b) },
		Took:    func(_ int, block int32, _ time.Duration) { took[block]++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	n := int64(x.Blocks)
	if r.Found != n || r.Main+r.Stale+r.Withheld != n || r.Stale == 0 || len(told) != x.Blocks {
		t.Errorf("found %d, main %d, stale %d, withheld %d, told %d", r.Found, r.Main, r.Stale, r.Withheld, len(told))
	}
	heights := map[int64]int{}
	children := map[int32]bool{}
	for _, b := range told {
		if b.Fate != blocks.WasWithheld {
			children[b.Parent] = true
		}
	}
	ends := 0
	for i, b := range told {
		if int(b.Number) != i+1 || b.Parent >= b.Number || i > 0 && b.Found < told[i-1].Found {
			t.Fatalf("block %d is %+v", i+1, b)
		}
		if b.Parent > 0 && b.Height != told[b.Parent-1].Height+1 {
			t.Errorf("block %d of height %d is on one of height %d", b.Number, b.Height, told[b.Parent-1].Height)
		}
		switch b.Fate {
		case blocks.InMain:
			if heights[b.Height]++; b.Parent > 0 && told[b.Parent-1].Fate != blocks.InMain {
				t.Errorf("block %d of the main chain is on one that is not", b.Number)
			}
		case blocks.WasWithheld:
			if b.Miner != 0 || took[b.Number] > 0 {
				t.Errorf("block %d of miner %d was withheld, and %d nodes had it", b.Number, b.Miner, took[b.Number])
			}
		default:
			if !children[b.Number] {
				ends++
			}
		}
		if all := b.Reach[3] >= 0; all != (took[b.Number] >= x.Nodes) {
			t.Errorf("block %d: reach %v, and %d nodes took it", b.Number, b.Reach, took[b.Number])
		}
	}
	if int64(len(heights)) != r.Main || int64(ends) != r.ForkLengths.Total() {
		t.Errorf("the main chain has %d heights and %d blocks; %d stale branches end, and %d are counted", len(heights), r.Main, ends, r.ForkLengths.Total())
	}
	return r
}

// A node calls few others, so that it keeps them all.
func TestChooseCallers(t *testing.T) {
	var links []blocks.Connection
	for a := range maxRealClique {
		for b := a + 1; b < maxRealClique; b++ {
			links = append(links, blocks.Connection{A: a, B: b})
		}
	}
	own, degrees, err := chooseCallers(links, maxRealClique)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for i, others := range own {
		calls += len(others)
		if len(others) > maxCalled || degrees[i] != maxRealClique-1 {
			t.Errorf("node %d calls %d others and has %d connections", i, len(others), degrees[i])
		}
	}
	if calls != len(links) {
		t.Errorf("%d calls for %d connections", calls, len(links))
	}
	star := make([]blocks.Connection, 0, 300)
	for i := range 300 {
		star = append(star, blocks.Connection{A: 0, B: i + 1})
	}
	if own, _, err := chooseCallers(star, 301); err != nil || len(own[0]) > 0 {
		t.Errorf("the hub calls %d others, error %v", len(own[0]), err)
	}
}
