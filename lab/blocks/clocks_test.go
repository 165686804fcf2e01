package blocks

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// network2016 returns a network with Bitcoin's rule and short windows.
func network2016(t testing.TB, window uint32) rules.Params {
	t.Helper()
	p, err := rules.New(rules.Config{Name: "short", Difficulty: rules.Difficulty{
		Rule: rules.RuleBitcoin2016, Bits: 0x1d00ffff, Limit: 0x207fffff, Spacing: 600, Window: window,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Clocks are wrong by what their distribution says, in both directions, and are the same
// in every run with the seed.
func TestClockErrors(t *testing.T) {
	x := Experiment{Nodes: 4000, Clocks: Clocks{Error: Dist{Law: Exponential, Mean: 100}}}
	c := newClocks(&x, 1)
	var times Times
	ahead := 0
	for v := range int32(4000) {
		off := c.now(v, 5e9).Sub(time.Unix(epochStart+5, 0))
		if off > 0 {
			ahead++
		}
		times.add(max(off, -off))
	}
	if mean := times.Mean().Seconds(); mean < 93 || mean > 107 {
		t.Errorf("clocks are wrong by %.1f s on average, want 100", mean)
	}
	if ahead < 1850 || ahead > 2150 {
		t.Errorf("%d of 4000 clocks are ahead, want half", ahead)
	}
	if again := newClocks(&x, 1); again.errors[17] != c.errors[17] || newClocks(&x, 2).errors[17] == c.errors[17] {
		t.Error("the error of a clock is not a function of seed and node")
	}
	if newClocks(&Experiment{}, 1) != nil {
		t.Error("right clocks are not nil")
	}
	x.Clocks.Error = Dist{Mean: MaxClockError.Seconds(), Law: Exponential}
	for _, e := range newClocks(&x, 1).errors {
		if time.Duration(e) > MaxClockError || time.Duration(e) < -MaxClockError {
			t.Fatalf("an error of %s", time.Duration(e))
		}
	}
}

// A header has the time of its miner's clock, and a liar's is moved, within the rules.
func TestHeaderTimes(t *testing.T) {
	const miners = 3
	for _, tt := range []struct {
		name     string
		clocks   Clocks
		from, to int64 // seconds by which a header of miner 1 is off, later than the median time
	}{
		{"right", Clocks{}, 0, 0},
		{"a lie", Clocks{Liars: []Liar{{Node: 1, Offset: 30 * time.Minute}}}, 1800, 1800},
		{"as far as the rules allow", Clocks{Liars: []Liar{{Node: 1, Offset: 5 * time.Hour}}}, 7200, 7200},
		{"from a height on", Clocks{Liars: []Liar{{Node: 1, Offset: time.Hour, From: 1 << 20}}}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen := 0
			run(t, Experiment{Nodes: miners, Blocks: 200, Clocks: tt.clocks, Topology: Topology{Shape: Clique}}, 1, Options{Observe: func(b Block) {
				if b.Miner != 1 {
					return
				}
				seen++
				if off := int64(b.HeaderTime) - epochStart - int64(b.Found/time.Second); off < tt.from || off > tt.to {
					t.Errorf("a header is %d s off, want %d to %d", off, tt.from, tt.to)
				}
			}})
			if seen < 30 {
				t.Errorf("%d blocks of the miner", seen)
			}
		})
	}

	// A lie about the past: no header is before the median time past, which the rules
	// check, and with most of the hash rate the times of all blocks fall back.
	var last Block
	run(t, Experiment{
		Nodes: 1, Blocks: 400, Clocks: Clocks{Liars: []Liar{{Offset: -24 * time.Hour * 20, From: 100}}},
	}, 1, Options{Observe: func(b Block) { last = b }})
	if behind := epochStart + int64(last.Found/time.Second) - int64(last.HeaderTime); behind < 40*3600 {
		t.Errorf("after 300 blocks of the earliest times, the last one is %d s behind, want two days", behind)
	}
}

// A node holds a block that is too far ahead of its clock back until the clock gets there,
// and takes the descendants no earlier. Then it takes them in their order.
func TestHeldUntilTheClockGetsThere(t *testing.T) {
	x := Experiment{
		Nodes: 2, Blocks: 60, Power: Power{Shares: []float64{1}}, Topology: Topology{Shape: Clique}, Latency: Latency{Mean: time.Second},
		Clocks: Clocks{Liars: []Liar{{Node: 0, Offset: 2 * time.Hour}}},
	}
	filled, err := x.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for _, behind := range []time.Duration{0, 20 * time.Minute, 3 * time.Hour} {
		net, err := newNetwork(1, &filled)
		if err != nil {
			t.Fatal(err)
		}
		var waited []time.Duration
		one := newRun(&filled, 1, net, Options{Observe: func(b Block) {
			if b.Reach[3] >= 0 {
				waited = append(waited, b.Reach[3])
			}
		}})
		e := one.engine.(*eventEngine)
		e.tree.clocks.errors = []int64{0, -int64(behind)}
		if err := e.run(context.Background(), func(int) {}); err != nil {
			t.Fatal(err)
		}
		if len(waited) < 20 {
			t.Fatalf("%s behind: %d blocks reached the node", behind, len(waited))
		}
		for _, w := range waited {
			// The header's time is whole seconds, rounded down, so the block is due up to a
			// second sooner. A block behind others waits for them.
			if w < max(time.Second, behind-time.Second) || behind > 0 && w > behind {
				t.Errorf("the clock is %s behind: a block took %s, want as long", behind, w)
			}
			if behind == 0 && w > 2*time.Second {
				t.Errorf("the clock is right: a block took %s", w)
			}
		}
	}
}

// A miner whose clock is so far behind that it cannot date a block does not mine until it
// can, and the run goes on.
func TestMinerWaitsForItsClock(t *testing.T) {
	p := network2016(t, 100)
	c := p.Config()
	c.Limits.FutureSeconds = 1
	p, err := rules.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, Experiment{
		Nodes: 20, Params: p, Blocks: 2000, Interval: 600 * time.Second,
		Clocks: Clocks{Error: Dist{Law: Exponential, Mean: 1000}},
	}, 1, Options{})
	if r.Found != 2000 || r.StaleRate() < 0.05 {
		t.Errorf("%s: want many stale blocks of miners that learn of others late", text(r))
	}
}

// Wrong clocks and lies need the engine Events, and change the hash.
func TestClocksChooseTheEngine(t *testing.T) {
	x := Experiment{Nodes: 30, Blocks: 300, Interval: 10 * time.Second}
	plain := run(t, x, 1, Options{})
	x.Clocks.Error.Mean = 3600
	if r := run(t, x, 1, Options{}); r.Engine != Events || r.Hash == plain.Hash {
		t.Errorf("engine %s", r.Engine)
	}
	x.Engine = Paths
	if _, err := x.WithDefaults(); err == nil || !strings.Contains(err.Error(), "times of headers are wrong") {
		t.Errorf("error %v", err)
	}
}

func TestClockMistakes(t *testing.T) {
	for want, c := range map[string]Clocks{
		`clocks: error: law "normal": want`:                              {Error: Dist{Law: "normal"}},
		"clocks: error: mean 3e+06: want at most 2592000 seconds":        {Error: Dist{Mean: 3e6}},
		"liars: node 1000: want one that mines, 0 to 999":                {Liars: []Liar{{Node: 1000}}},
		"liars: node 3 is in the list twice":                             {Liars: []Liar{{Node: 3}, {Node: 3}}},
		`a timewarp attack needs the difficulty rule "bitcoin2016"`:      {Liars: []Liar{{Warp: true}}},
		"an offset means nothing in a timewarp attack":                   {Liars: []Liar{{Warp: true, Offset: 1}}},
		"offset 721h0m0s: want -720h0m0s to 720h0m0s":                    {Liars: []Liar{{Offset: 721 * time.Hour}}},
		"node 0: from the height -1: want a height that is not negative": {Liars: []Liar{{From: -1}}},
		"liars: node -1: want one that mines":                            {Liars: []Liar{{Node: -1}}},
	} {
		if _, err := (Experiment{Clocks: c}).WithDefaults(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

// Where blocks come so fast that the times of headers run ahead of the clock, the error says
// what to do. Five blocks a second are slow enough.
func TestTooFastForHeaderTimes(t *testing.T) {
	for _, tt := range []struct {
		interval time.Duration
		wrong    bool
	}{{time.Millisecond, true}, {200 * time.Millisecond, false}} {
		x := Experiment{Nodes: 1, Blocks: 50_000, Interval: tt.interval}
		_, err := Run(context.Background(), x, 1, Options{})
		if tt.wrong != (err != nil) || tt.wrong && !strings.Contains(err.Error(), "take fewer blocks, or a longer interval") {
			t.Errorf("interval %s: error %v", tt.interval, err)
		}
	}
}
