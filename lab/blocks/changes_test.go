package blocks

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
)

// sample collects figures of replicas.
type sample []float64

func (s sample) mean() (mean, se float64) {
	for _, x := range s {
		mean += x / float64(len(s))
	}
	var squares float64
	for _, x := range s {
		squares += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(squares / float64(len(s)-1) / float64(len(s)))
}

// replicas returns the number of replicas: fewer if the test has to be short.
func replicas(n int) int {
	if testing.Short() {
		return n / 4
	}
	return n
}

// apart is a clique whose messages take a second, that falls into two parts for as long as
// it takes to find 12 blocks. Its blocks are ten minutes apart.
func apart(share float64) Experiment {
	return Experiment{
		Nodes: 10, Blocks: 60, Topology: Topology{Shape: Clique}, Latency: Latency{Mean: time.Second},
		Splits: []Split{{At: 20 * time.Minute, For: 2 * time.Hour, Shares: []float64{share, 1 - share}}},
	}
}

// A split costs what theory says: the blocks of the part with fewer of them. The nodes agree
// again after a greeting and a block have passed, or with the next block if both parts have
// equally many.
func TestSplitLoss(t *testing.T) {
	const blocks = 12.0
	replicas := replicas(400)
	for _, share := range []float64{0.1, 0.3, 0.5} {
		var first, second, all, reorg sample
		ties := 0
		for seed := range uint64(replicas) {
			h := run(t, apart(share), seed, Options{}).Healings[0]
			if h.Parts[0].Nodes != int(10*share) || math.Abs(h.Parts[0].Share-share) > 1e-9 {
				t.Fatalf("share %v: %+v", share, h.Parts)
			}
			first, second = append(first, float64(h.Parts[0].Lost)), append(second, float64(h.Parts[1].Lost))
			all, reorg = append(all, float64(h.Lost())), append(reorg, float64(h.Reorg))
			switch {
			case h.Agreement >= time.Second && h.Agreement <= 2*time.Second: // sooner if a block was found just then
			case h.Agreement == 0 && h.Lost() == 0: // only one part had found blocks, or none
			case h.Agreement > 2*time.Second || h.Agreement < 0:
				ties++
			default:
				t.Errorf("share %v, seed %d: agreement after %s", share, seed, h.Agreement)
			}
		}
		for what, s := range map[string]struct {
			got  sample
			want float64
		}{
			"first part": {first, SplitLoss(share, blocks)}, "second part": {second, SplitLoss(1-share, blocks)},
			"both":  {all, SplitLoss(share, blocks) + SplitLoss(1-share, blocks)},
			"reorg": {reorg, SplitLoss(share, blocks) + SplitLoss(1-share, blocks)},
		} {
			mean, se := s.got.mean()
			within(t, fmt.Sprintf("share %v, %s", share, what), mean, s.want, se, 3.5)
		}
		p := SplitTie(share, blocks)
		within(t, fmt.Sprintf("share %v, ties", share), float64(ties)/float64(replicas), p, math.Sqrt(p*(1-p)/float64(replicas))+2e-3, 3.5)
	}
	// The closed form has the limits that it must have.
	for _, tt := range []struct{ got, want float64 }{
		{SplitLoss(0.2, 1000), 200}, {SplitLoss(0.8, 1000), 0}, {SplitLoss(0, 10), 0}, {SplitTie(0, 1), math.Exp(-1)},
		{SplitTie(0.5, 6), math.Exp(-6) * 67.23440697647798}, // e^-6 I0(6), Abramowitz and Stegun, table 9.8
	} {
		if math.Abs(tt.got-tt.want) > 1e-6 {
			t.Errorf("%v, want %v", tt.got, tt.want)
		}
	}
}

// A split into one part and the rest loses the blocks of all parts but the best one.
func TestThreeParts(t *testing.T) {
	x := apart(0.5)
	x.Splits[0].Shares = []float64{1, 2, 7}
	x.Latency.Mean = time.Millisecond
	for seed := range uint64(30) {
		h := run(t, x, seed, Options{}).Healings[0]
		kept := 0
		for _, p := range h.Parts {
			if p.Lost == 0 && p.Found > 0 {
				kept++
			}
			if p.Lost != 0 && p.Lost != p.Found {
				t.Errorf("seed %d: a part lost only some of its blocks: %+v", seed, h.Parts)
			}
		}
		if kept != 1 {
			t.Errorf("seed %d: %d parts kept their blocks: %+v", seed, kept, h.Parts)
		}
	}
}

// The victim of an eclipse loses what a part of its size would lose if the attacker does not
// mine. An attacker that does mine feeds it, so that both have the same tip in between.
func TestEclipse(t *testing.T) {
	x := apart(0.5)
	x.Splits = nil
	x.Power = Power{Shares: []float64{2, 0, 4, 4}}
	x.Eclipse = Eclipse{Victim: 0, Attacker: 1, At: 20 * time.Minute, For: 2 * time.Hour}
	var lost sample
	for seed := range uint64(replicas(400)) {
		lost = append(lost, float64(run(t, x, seed, Options{}).Healings[0].Parts[1].Lost))
	}
	mean, se := lost.mean()
	within(t, "blocks of the victim", mean, SplitLoss(0.2, 12), se, 3.5)

	// An attacker with nearly all of the hash rate cannot keep the victim away from the
	// chain, because the chain is its own.
	x.Power.Shares[1] = 1000
	found, gone := int64(0), int64(0)
	for seed := range uint64(200) {
		p := run(t, x, seed, Options{}).Healings[0].Parts[1]
		found, gone = found+p.Found, gone+p.Lost
	}
	if found > 10 || gone > found {
		t.Errorf("the victim found %d blocks and lost %d", found, gone)
	}
}

// Nodes that are away do not mine, so that blocks come as much later as there are fewer.
func TestChurnRate(t *testing.T) {
	const blocks = 6000
	x := Experiment{Nodes: 40, Blocks: blocks, Interval: time.Minute, Churn: Churn{Up: 3 * time.Hour, Down: time.Hour}}
	r := run(t, x, 1, Options{})
	// The number of nodes that are up wavers slowly, which adds to the deviation.
	se := 80 / math.Sqrt(blocks) * 1.5
	within(t, "seconds between blocks", r.Span.Seconds()/blocks, 80, se, 3.5)
	if want := 40 * r.Span.Hours() / 4; math.Abs(float64(r.Returns)-want) > 5*math.Sqrt(want) {
		t.Errorf("%d returns, want %.0f", r.Returns, want)
	}
	if r.CatchUp.Count == 0 || r.CatchUp.Mean() > 2*time.Second {
		t.Errorf("nodes caught up %d times, in %s on average", r.CatchUp.Count, r.CatchUp.Mean())
	}
	x.Churn.Share = 1e-9
	if r := run(t, x, 1, Options{}); r.Returns != 0 {
		t.Errorf("%d returns though nobody leaves", r.Returns)
	}
}

// A network that never changes has the same result, whether changes are watched for or not.
func TestIdleChanges(t *testing.T) {
	for seed := range uint64(3) {
		x := Experiment{Nodes: 60, Blocks: 300, Interval: 2 * time.Second, Engine: Events, Latency: Latency{Law: Exponential}}
		want := run(t, x, seed, Options{})
		x.Churn = Churn{Up: time.Hour, Down: time.Hour, Share: 1e-12}
		if got := run(t, x, seed, Options{}); got.Hash != want.Hash {
			t.Errorf("seed %d, churn of nobody:\n%s\nwant\n%s", seed, text(got), text(want))
		}
		x.Churn, x.Splits = Churn{}, []Split{{At: 24 * time.Hour, For: time.Hour}}
		got := run(t, x, seed, Options{})
		if got.Healings[0].Agreement != -1 || got.Stale != want.Stale || got.Reorgs != want.Reorgs || got.Growth != want.Growth {
			t.Errorf("seed %d, a split after the end: %s, want %s", seed, text(got), text(want))
		}
	}
}

// Nodes that stay away for long do not make the tree of blocks grow.
func TestChurnMemory(t *testing.T) {
	x, err := Experiment{Nodes: 50, Blocks: 5000, Churn: Churn{Up: 30 * 24 * time.Hour, Down: 10 * 24 * time.Hour}}.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	net, err := newNetwork(1, &x)
	if err != nil {
		t.Fatal(err)
	}
	one := newRun(&x, 1, net, Options{})
	e := one.engine.(*eventEngine)
	if err := e.run(context.Background(), func(int) {}); err != nil {
		t.Fatal(err)
	}
	if one.result.Returns == 0 || len(e.tree.hot) > 64 || len(e.tree.slept) > x.Nodes {
		t.Errorf("after %d returns the tree has room for %d blocks and remembers %d", one.result.Returns, len(e.tree.hot), len(e.tree.slept))
	}
}

// A lost message that is sent again arrives later: after the time of a retry for each loss.
func TestRetry(t *testing.T) {
	x := Experiment{
		Nodes: 2, Blocks: 4000, Topology: Topology{Shape: Clique}, Latency: Latency{Mean: time.Second},
		Relay: Relay{Loss: 0.2, Retry: 10 * time.Second},
	}
	r := run(t, x, 1, Options{})
	want := 1 + 10*0.2/0.8 // seconds
	if got := r.Reach[3].Mean().Seconds(); math.Abs(got-want) > 4*r.Reach[3].Deviation().Seconds()/math.Sqrt(float64(r.Reach[3].Count)) {
		t.Errorf("a block takes %.3f seconds, want %.3f", got, want)
	}
}

// A part has the share that was asked for, with unequal miners as well.
func TestDivide(t *testing.T) {
	x := Experiment{Nodes: 300, Power: Power{Miners: 200, Zipf: 1}}
	w := newWheel(x.Power.shares(x.Nodes))
	part := divide(1, 0, []float64{3, 7}, w, x.Nodes)
	var power float64
	others := 0
	for v, p := range part {
		switch {
		case p == 0 && v < 200:
			power += w.share(v)
		case p == 0:
			others++
		}
	}
	if math.Abs(power-0.3) > 0.002 || others < 28 || others > 32 {
		t.Errorf("the first part has %.4f of the hash rate and %d of the 100 others, want 0.3 and 30", power, others)
	}
	if slices.Equal(part, divide(2, 0, []float64{3, 7}, w, x.Nodes)) {
		t.Error("another seed divides the nodes in the same way")
	}
}

// What cannot be is refused with a sentence.
func TestChangeErrors(t *testing.T) {
	hour := time.Hour
	for want, x := range map[string]Experiment{
		"churn: nodes are up for":                 {Churn: Churn{Up: hour}},
		"churn: share 2: want 0 to 1":             {Churn: Churn{Up: hour, Down: hour, Share: 2}},
		"split 0: it begins at -1h0m0s":           {Splits: []Split{{At: -hour, For: hour}}},
		"split 0: 1 shares: want one for each":    {Splits: []Split{{For: hour, Shares: []float64{1}}}},
		"split 0: share 1 is 0":                   {Splits: []Split{{For: hour, Shares: []float64{1, 0}}}},
		"put them in order, one at a time":        {Splits: []Split{{For: 2 * hour}, {At: hour, For: hour}}},
		"split 1: it begins at 4h30m0s":           {Splits: []Split{{For: hour, Times: 3, Every: 2 * hour}, {At: 9 * hour / 2, For: hour}}},
		"split 1, time 1 of 2: it begins at 4h":   {Splits: []Split{{For: hour, Times: 3, Every: 2 * hour}, {At: 4 * hour, For: hour, Times: 2, Every: 3 * hour}}},
		"time as split 0, time 3 of 4: one at":    {Splits: []Split{{For: hour, Times: 4, Every: 2 * hour}}, Eclipse: Eclipse{Victim: 1, At: 9 * hour / 2, For: hour}},
		"want longer than a split, and at most":   {Splits: []Split{{For: hour, Times: 2, Every: 6384*hour + 1}}},
		"at most 266 days (6384h0m0s)":            {Splits: []Split{{For: hour, Times: 2, Every: hour}}},
		"120 splits: want at most 100":            {Splits: []Split{{For: 1, Times: 60, Every: 2}, {At: hour, For: 1, Times: 60, Every: 2}}},
		"101 times: want 1 to 100":                {Splits: []Split{{For: 1, Times: 101, Every: 2}}},
		"happens once":                            {Splits: []Split{{For: 1, Every: 2}}},
		"longer than a split":                     {Splits: []Split{{For: hour, Times: 2, Every: hour}}},
		"two different nodes from 0 to 999":       {Eclipse: Eclipse{Victim: 1, Attacker: 1, For: hour}},
		"eclipse: it begins at 0s and lasts 0s":   {Eclipse: Eclipse{Victim: 1}},
		"at the same time as split 0":             {Splits: []Split{{For: hour}}, Eclipse: Eclipse{Victim: 1, For: hour}},
		"retry means nothing":                     {Relay: Relay{Retry: hour / 4}},
		"retry after 1h0m0s: want 0 to":           {Relay: Relay{Loss: 0.5, Retry: hour}},
		"a part of the network falls into pieces": {Nodes: 12, Topology: Topology{Degree: 1}, Splits: []Split{{For: 1000 * hour, Shares: []float64{1, 2}}}},
		"set both, or only the connector":         {Topology: Topology{Shape: Own}},
	} {
		var err error
		for seed := uint64(0); seed < 100 && (err == nil || !strings.Contains(err.Error(), want)); seed++ {
			_, err = Run(context.Background(), x, seed, Options{})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

// Real nodes lose as many blocks by a split as the model says. There, nodes
// poll each other and need some seconds until they have found each other again.
func TestRealSplit(t *testing.T) {
	if testing.Short() {
		t.Skip("takes too long under the race detector")
	}
	const (
		count    = 8
		interval = 2 * time.Minute
		blocks   = 12 // in the time of the split
	)
	replicas := 4
	if n, err := strconv.Atoi(os.Getenv("LODE_SPLITS")); err == nil {
		replicas = n
	}
	for _, first := range []int{2, 4} { // nodes in the first part
		var real, model sample
		for seed := range uint64(replicas) {
			net := nodes.New(seed, nodes.Config{Nodes: count, Know: count, Link: nodes.Link{Delay: 100 * time.Millisecond}})
			net.RunFor(time.Minute)
			net.MineAll(interval)
			net.RunFor(2 * interval)
			net.Split(net.Nodes[:first], net.Nodes[first:])
			net.RunFor(blocks * interval)
			net.Heal()
			net.RunFor(8 * interval)
			net.StopMining()
			net.RunFor(2 * time.Minute)
			if len(net.Tips()) > 1 {
				net.BreakTie(time.Hour)
			}
			real = append(real, float64(int64(net.Blocks())-net.Nodes[0].Chain().Tip().Height))
		}
		for seed := range uint64(500) {
			r := run(t, Experiment{
				Nodes: count, Blocks: blocks + 20, Interval: interval, Topology: Topology{Shape: Clique},
				Latency: Latency{Mean: 100 * time.Millisecond, Law: Uniform, Spread: 0.5}, Relay: Relay{Mode: HeadersFirst},
				Splits: []Split{{At: 2 * interval, For: blocks * interval, Shares: []float64{float64(first), float64(count - first)}}},
			}, seed, Options{})
			model = append(model, float64(r.Stale))
		}
		got, se := real.mean()
		want, seModel := model.mean()
		t.Logf("%d of %d nodes: %.2f ± %.2f blocks lost by real nodes, %.2f ± %.2f by the model, %.2f in theory",
			first, count, got, se, want, seModel, SplitLoss(float64(first)/count, blocks)+SplitLoss(1-float64(first)/count, blocks))
		within(t, "blocks lost", got, want, math.Hypot(se, seModel), 3.5)
	}
}

// Real nodes that come and go find as many blocks as the model says, and lose as many.
func TestRealChurn(t *testing.T) {
	if testing.Short() {
		t.Skip("takes too long under the race detector")
	}
	const (
		count    = 8
		interval = 2 * time.Second
		up, down = 2 * time.Minute, 15 * time.Second
		span     = 300 * interval
	)
	var found, main int64
	for seed := range uint64(2) {
		net := nodes.New(seed, nodes.Config{Nodes: count, Know: count, Link: nodes.Link{Delay: 100 * time.Millisecond}})
		net.RunFor(time.Minute)
		net.Churn(up/count, down)
		net.RunFor(time.Minute)
		net.MineAll(interval)
		net.RunFor(span)
		net.StopMining()
		net.StopChurn()
		net.RunFor(2 * time.Minute)
		found += int64(net.Blocks())
		main += net.Nodes[0].Chain().Tip().Height
	}
	var all, stale int64
	var seconds float64
	for seed := range uint64(20) {
		r := run(t, Experiment{
			Nodes: count, Blocks: 1000, Interval: interval, Topology: Topology{Shape: Clique},
			Latency: Latency{Mean: 100 * time.Millisecond, Law: Uniform, Spread: 0.5}, Relay: Relay{Mode: HeadersFirst},
			Churn: Churn{Up: up, Down: down},
		}, seed, Options{})
		all, stale, seconds = all+r.Found, stale+r.Stale, seconds+r.Span.Seconds()
	}
	rate := ratio(stale, all)
	t.Logf("real nodes found %d blocks and lost %d; by the model %.0f and %.4f of them", found, found-main, float64(all)/seconds*2*span.Seconds(), rate)
	within(t, "blocks found", float64(found), float64(all)/seconds*2*span.Seconds(), math.Sqrt(float64(found)), 3.5)
	within(t, "stale rate", ratio(found-main, found), rate, math.Sqrt(rate/float64(found)), 3.5)
}
