package blocks

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs an experiment that must succeed.
func run(t *testing.T, x Experiment, seed uint64, o Options) *Result {
	t.Helper()
	r, err := Run(context.Background(), x, seed, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// runBoth runs an experiment with both engines and returns the results of Events and of
// Paths.
func runBoth(t *testing.T, x Experiment, seed uint64) (events, paths *Result) {
	t.Helper()
	x.Engine = Events
	events = run(t, x, seed, Options{})
	x.Engine = Paths
	return events, run(t, x, seed, Options{})
}

// Where both engines are exact, their results are the same to the last bit: heights, stale
// blocks, reorgs of each depth, and all times.
func TestEnginesAgree(t *testing.T) {
	uniform := Latency{Mean: 100 * time.Millisecond, Law: Uniform, Spread: 0.9}
	for _, tt := range []struct {
		name string
		x    Experiment
	}{
		{"random", Experiment{Nodes: 200, Latency: uniform}},
		{"exponential latencies", Experiment{Nodes: 200, Latency: Latency{Mean: 100 * time.Millisecond, Law: Exponential}}},
		{"lognormal latencies", Experiment{Nodes: 200, Latency: Latency{Mean: 100 * time.Millisecond, Law: LogNormal, Spread: 1.5}}},
		{"scale-free", Experiment{Nodes: 200, Latency: uniform, Topology: Topology{Shape: ScaleFree, Degree: 2}}},
		{"ring", Experiment{Nodes: 60, Latency: uniform, Topology: Topology{Shape: Ring}}},
		{"grid", Experiment{Nodes: 100, Latency: uniform, Topology: Topology{Shape: Grid}}},
		{"star", Experiment{Nodes: 100, Latency: uniform, Topology: Topology{Shape: Star, Degree: 3}}},
		{"clique", Experiment{Nodes: 30, Topology: Topology{Shape: Clique}}},
		{"edges", Experiment{Nodes: 4, Latency: uniform, Topology: Topology{Shape: Listed, Edges: [][2]int{{0, 1}, {2, 1}, {3, 2}, {1, 3}}}}},
		{"Zipf", Experiment{Nodes: 200, Latency: uniform, Power: Power{Miners: 50, Zipf: 1}}},
		{"one miner", Experiment{Nodes: 20, Latency: uniform, Power: Power{Shares: []float64{1}}}},
		{"one node", Experiment{Nodes: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, interval := range []time.Duration{10 * time.Minute, 10 * time.Second, 2 * time.Second, time.Second} {
				tt.x.Blocks, tt.x.Interval = 600, interval
				events, paths := runBoth(t, tt.x, uint64(interval))
				if events.Hash != paths.Hash {
					t.Fatalf("interval %s:\nevents %s\npaths  %s", interval, text(events), text(paths))
				}
			}
		})
	}
}
