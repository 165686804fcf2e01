package blocks

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain/rules"
)

// The portable functions agree with those of package math.
func TestFunctions(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		x := math.Exp(1400*random.Float64() - 700)
		if got, want := ln(x), math.Log(x); math.Abs(got-want) > 1e-15*max(1, math.Abs(want)) {
			t.Fatalf("ln(%v) = %v, want %v", x, got, want)
		}
		y := 1 + (random.Float64()-0.5)/1e3 // where the logarithm is small
		if got, want := ln(y), math.Log(y); math.Abs(got-want) > 1e-15*math.Abs(want) {
			t.Fatalf("ln(%v) = %v, want %v", y, got, want)
		}
		z := 1400*random.Float64() - 700
		if got, want := exp(z), math.Exp(z); math.Abs(got/want-1) > 1e-13 {
			t.Fatalf("exp(%v) = %v, want %v", z, got, want)
		}
	}
	if ln(1) != 0 || exp(0) != 1 {
		t.Errorf("ln(1) = %v, exp(0) = %v", ln(1), exp(0))
	}
}

// Each law has its mean and its deviation.
func TestLaws(t *testing.T) {
	const n, mean = 100_000, 5.0
	for _, tt := range []struct {
		dist      Dist
		deviation float64
	}{
		{Dist{Mean: mean}, 0},
		{Dist{Uniform, mean, 0.5}, 0.5 * mean / math.Sqrt(3)},
		{Dist{Law: Exponential, Mean: mean}, mean},
		{Dist{LogNormal, mean, 0.5}, mean * math.Sqrt(math.Exp(0.25)-1)},
	} {
		s := newStream(1, forLatency, 2, 3)
		var sum, squares float64
		for range n {
			x := tt.dist.draw(&s)
			sum += x
			squares += (x - mean) * (x - mean)
		}
		if got := sum / n; math.Abs(got-mean) > 5*tt.deviation/math.Sqrt(n) {
			t.Errorf("%+v: mean %v", tt.dist, got)
		}
		if got := math.Sqrt(squares / n); math.Abs(got-tt.deviation) > 0.02*mean {
			t.Errorf("%+v: deviation %v, want %v", tt.dist, got, tt.deviation)
		}
	}
}

// The queue returns events in the order of a sorted list, whatever their distances are.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue(rapid.Int64Range(1, 1<<40).Draw(t, "horizon"), rapid.IntRange(1, 300).Draw(t, "size"))
		var want []event
		now := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			for range rapid.IntRange(0, 40).Draw(t, "pushes") {
				ahead := rapid.Int64Range(0, 1<<rapid.IntRange(0, 45).Draw(t, "bits")).Draw(t, "ahead")
				e := event{now + ahead, rapid.Int32Range(0, 3).Draw(t, "node"), rapid.Int32Range(0, 3).Draw(t, "block")}
				q.push(e)
				want = append(want, e)
			}
			slices.SortFunc(want, compareEvents)
			latest := now + rapid.Int64Range(0, 1<<42).Draw(t, "latest")
			for most := rapid.IntRange(0, 60).Draw(t, "pops"); most > 0; most-- {
				e, ok := q.pop(latest)
				if !ok {
					if len(want) > 0 && want[0].at <= latest {
						t.Fatalf("the queue returns nothing up to %d, but has %v", latest, want[0])
					}
					now = latest
					break
				}
				if e != want[0] || e.at > latest {
					t.Fatalf("the queue returns %v, want %v", e, want[0])
				}
				now, want = e.at, want[1:]
			}
			if waiting := q.count + len(q.far); waiting != len(want) {
				t.Fatalf("%d events wait, want %d", waiting, len(want))
			}
		}
	})
}

// The distances of Dial's buckets are those of Bellman and Ford.
func TestDial(t *testing.T) {
	for seed := range uint64(20) {
		x, err := Experiment{
			Nodes: 80, Topology: Topology{Shape: ScaleFree, Degree: 1 + int(seed%4)},
			Latency: Latency{Mean: time.Duration(1+seed*seed*300) * time.Millisecond, Law: Exponential},
		}.WithDefaults()
		if err != nil {
			t.Fatal(err)
		}
		net, err := newNetwork(seed, &x)
		if err != nil {
			t.Fatal(err)
		}
		d, s := newDial(net), &spread{}
		from := int32(seed)
		d.run(from, s)
		want := make([]uint32, x.Nodes)
		for v := range want {
			want[v] = math.MaxUint32 / 2
		}
		want[from] = 0
		for range want {
			for v := range want {
				for _, a := range net.arcs[net.first[v]:net.first[v+1]] {
					want[a.to] = min(want[a.to], want[v]+a.delay)
				}
			}
		}
		if !slices.Equal(s.delays, want) {
			t.Fatalf("seed %d: delays %v, want %v", seed, s.delays, want)
		}
		slices.Sort(want)
		for i, count := range reachCounts(x.Nodes) {
			if s.reach[i] != want[count-1] {
				t.Errorf("seed %d: %.0f %% of the nodes are reached after %d, want %d", seed, 100*ReachShares[i], s.reach[i], want[count-1])
			}
		}
	}
}

// Each shape has the connections that its description promises.
func TestTopologies(t *testing.T) {
	for _, tt := range []struct {
		topology Topology
		nodes    int
		arcs     int // 0: not checked
		least    int // neighbours that each node has at least
	}{
		{Topology{}, 500, 0, 8},
		{Topology{Degree: 3}, 500, 0, 3},
		{Topology{}, 2, 2, 1},
		{Topology{Shape: ScaleFree, Degree: 3}, 500, 2 * (6 + 3*496), 3},
		{Topology{Shape: Ring}, 10, 20, 2},
		{Topology{Shape: Ring, Degree: 2}, 10, 40, 4},
		{Topology{Shape: Ring}, 2, 2, 1},
		{Topology{Shape: Grid}, 12, 2 * (3*3 + 2*4), 2},
		{Topology{Shape: Star}, 10, 18, 1},
		{Topology{Shape: Star, Degree: 2}, 10, 34, 2},
		{Topology{Shape: Clique}, 10, 90, 9},
		{Topology{Shape: Listed, Edges: [][2]int{{0, 1}, {1, 2}, {2, 1}}}, 3, 4, 1},
	} {
		x, err := Experiment{Nodes: tt.nodes, Topology: tt.topology}.WithDefaults()
		if err != nil {
			t.Errorf("%+v: %v", tt.topology, err)
			continue
		}
		net, err := newNetwork(3, &x)
		if err != nil {
			t.Errorf("%+v: %v", tt.topology, err)
			continue
		}
		if tt.arcs > 0 && len(net.arcs) != tt.arcs {
			t.Errorf("%+v: %d arcs, want %d", tt.topology, len(net.arcs), tt.arcs)
		}
		for v := range tt.nodes {
			mine := net.arcs[net.first[v]:net.first[v+1]]
			if len(mine) < tt.least {
				t.Errorf("%+v: node %d has %d neighbours, want at least %d", tt.topology, v, len(mine), tt.least)
			}
			for _, a := range mine {
				back := net.arcs[net.first[a.to]:net.first[a.to+1]]
				i := slices.IndexFunc(back, func(b arc) bool { return int(b.to) == v })
				if int(a.to) == v || i < 0 || back[i].delay != a.delay {
					t.Errorf("%+v: the arc from %d to %d has none back, or another one", tt.topology, v, a.to)
				}
			}
		}
	}
	_, err := Run(context.Background(), Experiment{Nodes: 4, Topology: Topology{Shape: Listed, Edges: [][2]int{{0, 1}, {2, 3}}}}, 1, Options{})
	if err == nil || !strings.Contains(err.Error(), "not connected") {
		t.Errorf("two parts: error %v", err)
	}
}

// What an experiment cannot have is refused with a sentence that says what to do.
func TestExperimentErrors(t *testing.T) {
	for want, x := range map[string]Experiment{
		"-1 nodes: want 1 to":                     {Nodes: -1},
		"-1 blocks: want 1 to":                    {Blocks: -1},
		"want at least a microsecond":             {Interval: 1},
		"degree 5: want 1 to 4":                   {Nodes: 5, Topology: Topology{Degree: 5}},
		`shape "tree": want`:                      {Topology: Topology{Shape: "tree"}},
		"leave it out":                            {Topology: Topology{Shape: Grid, Degree: 2}},
		"take fewer nodes":                        {Nodes: 100_000, Topology: Topology{Shape: Clique}},
		`take the shape "edges"`:                  {Topology: Topology{Edges: [][2]int{{0, 1}}}},
		`law "normal": want`:                      {Latency: Latency{Law: "normal"}},
		`spread 2: want 0 to 1`:                   {Latency: Latency{Law: Uniform, Spread: 2}},
		"exclude each other":                      {Latency: Latency{Mean: 1, Regions: World2019()}},
		`mode "fast": want`:                       {Relay: Relay{Mode: "fast"}},
		"a hit rate means nothing":                {Relay: Relay{HitRate: 0.5}},
		"loss 1: want at least 0 and less than 1": {Relay: Relay{Loss: 1}},
		"want at least 8 bits a second":           {Relay: Relay{Bandwidth: 1}},
		"20 miners: want 1 to 10":                 {Nodes: 10, Power: Power{Miners: 20}},
		"share 1 is -1":                           {Power: Power{Shares: []float64{1, -1}}},
		"the shares have the sum 0":               {Power: Power{Shares: []float64{0}}},
		"step 0, of the factor 0":                 {Power: Power{Steps: []PowerStep{{At: 1}}}},
		`rule "lowest": want`:                     {Tie: Tie{Rule: "lowest"}},
		"gamma means nothing":                     {Tie: Tie{Gamma: 0.5}},
		"gamma 2: want 0 to 1":                    {Tie: Tie{Rule: Share, Gamma: 2}},
		"node 3: want one that mines, 0 to 1":     {Power: Power{Miners: 2}, Strategists: []Strategist{{3, SM1{}}}},
		"node 1 is in the list twice":             {Strategists: []Strategist{{1, SM1{}}, {1, SM1{}}}},
		"node 1 has no strategy":                  {Strategists: []Strategist{{1, nil}}},
		`engine "quick": want`:                    {Engine: "quick"},
		"the run lasts more than 73 years":        {Nodes: 2, Blocks: 10_000, Interval: 365 * 24 * time.Hour},
		"edge 0 connects 0 with 9: want two":      {Nodes: 3, Topology: Topology{Shape: Listed, Edges: [][2]int{{0, 9}}}},
		"block_":                                  {Nodes: 2, Blocks: 1 << 17, Interval: 50 * time.Millisecond},
	} {
		if _, err := Run(context.Background(), x, 1, Options{}); want != "block_" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("error %v, want one that says %q", err, want)
		} else if want == "block_" && (err == nil || !strings.Contains(err.Error(), "time-too-new")) {
			t.Errorf("blocks that come faster than median time past may advance: error %v", err)
		}
	}
	if _, err := (Experiment{}).WithDefaults(); err != nil {
		t.Errorf("the zero experiment: %v", err)
	}
}

// The general loop of the engine Events gives the same result as the plain one.
func TestGeneralLoop(t *testing.T) {
	for _, interval := range []time.Duration{time.Minute, time.Second} {
		x, err := Experiment{Nodes: 100, Blocks: 500, Interval: interval, Engine: Events, Latency: Latency{Law: Exponential}}.WithDefaults()
		if err != nil {
			t.Fatal(err)
		}
		net, err := newNetwork(1, &x)
		if err != nil {
			t.Fatal(err)
		}
		plain, general := newRun(&x, 1, net, Options{}), newRun(&x, 1, net, Options{})
		general.engine.(*eventEngine).usePlain(false)
		for _, r := range []oneRun{plain, general} {
			if err := r.engine.run(context.Background(), func(int) {}); err != nil {
				t.Fatal(err)
			}
		}
		if plain.result.Hash != general.result.Hash {
			t.Errorf("interval %s: plain %s\ngeneral %s", interval, text(plain.result), text(general.result))
		}
	}
}

// On the network lab, ASERT brings the interval back to the spacing after the hash rate has
// been multiplied by four.
func TestDifficulty(t *testing.T) {
	var early, late Times
	last := time.Duration(0)
	change := 4 * time.Hour
	run(t, Experiment{
		Nodes: 10, Blocks: 4000, Params: rules.Lab(), Power: Power{Steps: []PowerStep{{At: change, Factor: 4}}},
	}, 1, Options{Observe: func(b Block) {
		if b.Fate != InMain {
			return
		}
		switch d := b.Found - last; {
		case b.Found < change:
			early.add(d)
		case b.Found > change+2*time.Hour:
			late.add(d)
		}
		last = b.Found
	}})
	for name, times := range map[string]*Times{"before": &early, "long after": &late} {
		if mean := times.Mean().Seconds(); times.Count < 1000 || math.Abs(mean-10) > 1 {
			t.Errorf("%s the change: %d blocks, %.2f seconds from block to block, want 10", name, times.Count, mean)
		}
	}
}

func TestTimes(t *testing.T) {
	var times Times
	for i := 1; i <= 1000; i++ {
		times.add(time.Duration(i) * time.Millisecond)
	}
	if got := times.Mean(); got != 500500*time.Microsecond {
		t.Errorf("mean %s", got)
	}
	if got := times.Deviation().Seconds(); math.Abs(got-0.2888) > 0.001 {
		t.Errorf("deviation %v", got)
	}
	for _, q := range []float64{0.001, 0.1, 0.5, 0.9, 1} {
		want := q
		if got := times.Quantile(q).Seconds(); got > want+1e-9 || got < want*15/16-1e-9 {
			t.Errorf("quantile %v: %v, want %v less at most a sixteenth", q, got, want)
		}
	}
	sum := int64(0)
	times.Classes(func(from, to time.Duration, n int64) {
		if from >= to {
			t.Errorf("class from %s to %s", from, to)
		}
		sum += n
	})
	if sum != times.Count {
		t.Errorf("the classes have %d durations, want %d", sum, times.Count)
	}
	for _, x := range []uint64{0, 1, 15, 16, 17, 31, 32, 1000, 1 << 40, 1<<62 + 12345, math.MaxInt64} {
		class := timesClass(x)
		if timesBound(class) > x || timesBound(class+1) <= x {
			t.Errorf("%d is in the class from %d to %d", x, timesBound(class), timesBound(class+1))
		}
	}
}

// The strategies act as their papers say.
func TestStrategies(t *testing.T) {
	table := Policy{Label: "table", Actions: [][][3]Action{{{}, {Adopt, Adopt, Adopt}}}}
	for _, tt := range []struct {
		s    Strategy
		at   Position
		want Action
	}{
		{SM1{}, Position{Private: 1, Found: true}, Wait},
		{SM1{}, Position{Private: 0, Public: 1, Race: Relevant}, Adopt},
		{SM1{}, Position{Private: 1, Public: 1, Race: Relevant}, Match},
		{SM1{}, Position{Private: 2, Public: 1, Race: Relevant}, Override},
		{SM1{}, Position{Private: 4, Public: 1, Race: Relevant}, Match},
		{SM1{}, Position{Private: 2, Public: 1, Race: Active, Found: true}, Override},
		{SM1{}, Position{Private: 4, Public: 1, Race: Active, Found: true}, Wait},
		{SM1{}, Position{Private: 1, Public: 2, Race: Relevant}, Adopt},
		{Stubborn{Lead: true}, Position{Private: 2, Public: 1, Race: Relevant}, Match},
		{Stubborn{Fork: true}, Position{Private: 2, Public: 1, Race: Active, Found: true}, Wait},
		{Stubborn{Trail: 1}, Position{Private: 1, Public: 2, Race: Relevant}, Wait},
		{Stubborn{Trail: 1}, Position{Private: 1, Public: 3, Race: Relevant}, Adopt},
		{Stubborn{Trail: 1}, Position{Private: 0, Public: 1, Race: Relevant}, Adopt},
		{Honest{}, Position{Private: 1, Found: true}, Override},
		{Honest{}, Position{Public: 1}, Adopt},
		{Honest{}, Position{Private: 1, Public: 1}, Wait},
		{table, Position{Private: 0, Public: 1, Race: Relevant}, Adopt},
		{table, Position{Private: 5, Public: 1}, Override},
		{table, Position{Private: 5, Public: 5}, Adopt},
	} {
		if got := tt.s.Act(tt.at); got != tt.want {
			t.Errorf("%s %+v at %+v: action %d, want %d", tt.s.Name(), tt.s, tt.at, got, tt.want)
		}
	}
	// A strategist that is honest earns its share.
	if got := selfish(t, Honest{}, 0.3, 0.5, 20_000, 3); math.Abs(got-0.3) > 4*math.Sqrt(0.3*0.7/20_000) {
		t.Errorf("an honest strategist earns %.4f, want 0.3", got)
	}
}

// The closed forms agree with the figures of their papers.
func TestTheory(t *testing.T) {
	for _, tt := range []struct {
		what      string
		got, want float64
	}{
		{"Nakamoto, q 0.1, z 0", DoubleSpendNakamoto(0.1, 0), 1},
		{"Nakamoto, q 0.1, z 1", DoubleSpendNakamoto(0.1, 1), 0.2045873},
		{"Nakamoto, q 0.1, z 5", DoubleSpendNakamoto(0.1, 5), 0.0009137},
		{"Nakamoto, q 0.3, z 10", DoubleSpendNakamoto(0.3, 10), 0.0416605},
		{"Rosenfeld, q 0.1, z 1", DoubleSpendRosenfeld(0.1, 1), 0.2},
		{"Rosenfeld, q 0.1, z 6", DoubleSpendRosenfeld(0.1, 6), 0.00059},
		{"Rosenfeld, q 0.3, z 6", DoubleSpendRosenfeld(0.3, 6), 0.15645},
		{"threshold, gamma 0", SelfishThreshold(0), 1.0 / 3},
		{"threshold, gamma 1/2", SelfishThreshold(0.5), 0.25},
		{"threshold, gamma 1", SelfishThreshold(1), 0},
		{"revenue at the threshold", SelfishRevenue(0.25, 0.5), 0.25},
		{"clique", CliqueStaleRate(2, 600, 600), 1.0 / 3},
	} {
		if math.Abs(tt.got-tt.want) > 1e-5 {
			t.Errorf("%s: %.7f, want %.7f", tt.what, tt.got, tt.want)
		}
	}
}
