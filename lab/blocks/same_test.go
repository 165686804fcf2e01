package blocks

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// everything uses what the engine Events can do, with the laws that need logarithms,
// exponentials and square roots.
func everything() Experiment {
	return Experiment{
		Nodes: 60, Blocks: 300, Interval: 20 * time.Second,
		Topology: Topology{Shape: ScaleFree, Degree: 3},
		Latency:  Latency{Regions: World2019(), Law: LogNormal, Spread: 0.3, Jitter: 20 * time.Millisecond},
		Relay: Relay{
			Mode: Compact, HitRate: 0.8, BlockBytes: Dist{Law: LogNormal, Mean: 1e6, Spread: 0.5},
			Validation: 50 * time.Millisecond, QueueUploads: true, Loss: 0.01,
		},
		Power:       Power{Zipf: 1.1, Steps: []PowerStep{{At: 30 * time.Minute, Factor: 2.5}, {At: time.Hour, Factor: 0.7}}},
		Tie:         Tie{Rule: Share, Gamma: 0.4},
		Strategists: []Strategist{{0, SM1{}}, {5, Stubborn{Lead: true, Trail: 1}}},
	}
}

// The hash of a result is the same on every machine: these were computed on amd64. The
// test runs on other architectures in an emulator; see .ci/run.
func TestHashes(t *testing.T) {
	plain := Experiment{Nodes: 200, Blocks: 300, Interval: 5 * time.Second, Latency: Latency{Mean: 100 * time.Millisecond, Law: LogNormal, Spread: 0.5}}
	moving := everything()
	moving.Params = rules.Lab()
	moving.Interval = 10 * time.Second
	changing := everything()
	changing.Relay.Retry = 2 * time.Second
	changing.Churn = Churn{Up: 20 * time.Minute, Down: 5 * time.Minute, Share: 0.7}
	changing.Splits = []Split{{At: 5 * time.Minute, For: 5 * time.Minute}, {At: 15 * time.Minute, For: 5 * time.Minute, Shares: []float64{1, 2, 3}}}
	changing.Eclipse = Eclipse{Victim: 7, Attacker: 3, At: 30 * time.Minute, For: 10 * time.Minute}
	for _, tt := range []struct {
		name string
		x    Experiment
		want string
	}{
		{"paths", plain, "c505fb08d0d9161f"},
		{"everything", everything(), "8f19eb8c544c1beb"},
		{"asert", moving, "fa3fb8491167cf78"},
		{"changing", changing, "fea76eecd876f979"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, tt.x, 7, Options{})
			if got := hex.EncodeToString(r.Hash[:8]); got != tt.want {
				t.Errorf("hash %s, want %s\n%s", got, tt.want, text(r))
			}
		})
	}
}

// The number of threads does not change the result. Batches are small here, so that the
// threads have many chances to come in another order.
func TestThreads(t *testing.T) {
	for _, interval := range []time.Duration{time.Minute, 500 * time.Millisecond} {
		x := Experiment{Nodes: 100, Blocks: 2000, Interval: interval, Latency: Latency{Law: Exponential}}
		want := run(t, x, 1, Options{Threads: 1})
		for _, threads := range []int{2, 8} {
			if got := run(t, x, 1, Options{Threads: threads}); got.Hash != want.Hash {
				t.Errorf("interval %s, %d threads:\n%s\n1 thread:\n%s", interval, threads, text(got), text(want))
			}
		}
	}
}

// Another seed is another run, and the observer and the progress change nothing.
func TestSeeds(t *testing.T) {
	x := Experiment{Nodes: 50, Blocks: 400, Interval: 2 * time.Second}
	for _, engine := range []Engine{Events, Paths} {
		x.Engine = engine
		seen, last := 0, 0
		first := run(t, x, 1, Options{
			Observe: func(b Block) {
				seen++
				if int(b.Number) != seen || b.Fate < InMain || b.Fate > WasWithheld {
					t.Fatalf("block %d came as the %d., fate %d", b.Number, seen, b.Fate)
				}
			},
			Progress: func(n int) { last = n },
		})
		if seen != 400 || last == 0 || last > 400 {
			t.Errorf("%s: %d blocks were observed, the last progress is %d", engine, seen, last)
		}
		if again := run(t, x, 1, Options{}); again.Hash != first.Hash {
			t.Errorf("%s: the same seed gives another result", engine)
		}
		if other := run(t, x, 2, Options{}); other.Hash == first.Hash {
			t.Errorf("%s: another seed gives the same result", engine)
		}
	}
}

// The engine is chosen by the experiment. Where Paths would be wrong, asking for it is an
// error that says why, and its result would indeed be another one.
func TestEngineChoice(t *testing.T) {
	plain := Experiment{Nodes: 100, Blocks: 1000, Interval: 2 * time.Second, Latency: Latency{Law: Uniform, Spread: 0.9}}
	if r := run(t, plain, 1, Options{}); r.Engine != Paths {
		t.Errorf("the plain experiment was run by %s", r.Engine)
	}
	for _, tt := range []struct {
		name   string
		change func(*Experiment)
		reason string
	}{
		{"jitter", func(x *Experiment) { x.Latency.Jitter = 50 * time.Millisecond }, "jitter"},
		{"sizes", func(x *Experiment) {
			x.Relay = Relay{BlockBytes: Dist{Law: Exponential, Mean: 1e6}, Bandwidth: 20e6}
		}, "blocks differ"},
		{"queue", func(x *Experiment) {
			x.Relay = Relay{BlockBytes: Dist{Mean: 1e6}, Bandwidth: 20e6, QueueUploads: true}
		}, "uploads queue"},
		{"hits", func(x *Experiment) { x.Relay = Relay{Mode: Compact, HitRate: 0.5} }, "blocks differ"},
		{"loss", func(x *Experiment) { x.Relay.Loss = 0.2 }, "lost"},
		{"cut-through", func(x *Experiment) {
			x.Relay = Relay{Mode: CutThrough, BlockBytes: Dist{Mean: 1e6}, Bandwidth: 10e6}
		}, "longer from its miner"},
		{"ties", func(x *Experiment) { x.Tie.Rule = Random }, "ties"},
		{"churn", func(x *Experiment) { x.Churn = Churn{Up: 10 * time.Minute, Down: time.Minute} }, "leave and come back"},
		{"split", func(x *Experiment) { x.Splits = []Split{{At: 10 * time.Minute, For: 10 * time.Minute}} }, "falls apart"},
		{"eclipse", func(x *Experiment) {
			x.Eclipse = Eclipse{Victim: 1, Attacker: 2, At: 10 * time.Minute, For: 10 * time.Minute}
		}, "eclipsed"},
		{"strategy", func(x *Experiment) { x.Strategists = []Strategist{{0, SM1{}}} }, "strategy"},
		{"clocks", func(x *Experiment) { x.Clocks.Error = Dist{Law: Exponential, Mean: 7200} }, "times of headers"},
		{"hopping", func(x *Experiment) {
			x.Hopping = Hopping{Share: 0.5, Prices: []PriceStep{{At: time.Minute, Price: 0.5}}}
		}, "comes and goes"},
		{"difficulty", func(x *Experiment) { x.Params = rules.Lab() }, "asert"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := plain
			tt.change(&x)
			events := run(t, x, 1, Options{})
			if events.Engine != Events {
				t.Fatalf("it was run by %s", events.Engine)
			}
			wrong := x
			wrong.Engine = Paths
			if _, err := Run(context.Background(), wrong, 1, Options{}); err == nil || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("error %v, want one that says %q", err, tt.reason)
			}
			// Run it nevertheless.
			filled, err := x.WithDefaults()
			if err != nil {
				t.Fatal(err)
			}
			filled.Engine = Paths
			net, err := newNetwork(1, &filled)
			if err != nil {
				t.Fatal(err)
			}
			forced := newRun(&filled, 1, net, Options{})
			// It does not hold blocks back, so that the rules refuse what miners with wrong
			// clocks build on them.
			if err := forced.engine.run(context.Background(), func(int) {}); err != nil && tt.name != "clocks" {
				t.Fatal(err)
			}
			if forced.result.Hash == events.Hash {
				t.Error("both engines have the same result, so that the reason is none")
			}
		})
	}
}

// A run ends with the cause when its context is cancelled.
func TestCancel(t *testing.T) {
	stop := errors.New("stop")
	for _, engine := range []Engine{Events, Paths} {
		ctx, cancel := context.WithCancelCause(context.Background())
		calls := 0
		_, err := Run(ctx, Experiment{Nodes: 20, Blocks: 100_000, Engine: engine}, 1, Options{Progress: func(int) {
			if calls++; calls == 2 {
				cancel(stop)
			}
		}})
		cancel(nil)
		if !errors.Is(err, stop) || calls > 3 {
			t.Errorf("%s: error %v after %d calls of progress", engine, err, calls)
		}
	}
}
