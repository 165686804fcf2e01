package report

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

// run runs a plan without the runner of package lab, and summarises it.
func run(t testing.TB, plan *lab.Plan) (*lab.Summary, []lab.Replica) {
	t.Helper()
	s := &lab.Summary{Version: "v1.2.3", Title: plan.Title, File: string(plan.File), Seed: plan.Seed, Complete: true}
	var all []lab.Replica
	for i := range plan.Points {
		p := &plan.Points[i]
		x, err := p.Experiment.WithDefaults()
		if err != nil {
			t.Fatal(err)
		}
		p.Index, p.Experiment = i, x
		metrics := lab.Metrics(x)
		columns := make([][]float64, len(metrics))
		for n := range plan.Replicas {
			seed := plan.Seed + uint64(n)
			r, err := blocks.Run(t.Context(), x, seed, blocks.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			replica := lab.Replica{Point: i, Number: n, Seed: seed, Engine: r.Engine, Hash: r.Hash}
			for k, m := range metrics {
				replica.Values = append(replica.Values, m.Of(r))
				columns[k] = append(columns[k], m.Of(r))
			}
			all = append(all, replica)
		}
		ps := lab.PointSummary{Values: p.Values, Replicas: plan.Replicas, Engine: x.Engine, Metrics: map[string]lab.MetricSummary{}}
		for k, m := range metrics {
			e := lab.MetricSummary{Estimate: lab.NewEstimate(columns[k])}
			if theory, source, ok := lab.Theory(m.Name, x); ok {
				e.Theory, e.Source = &theory, source
			}
			ps.Metrics[m.Name] = e
		}
		s.Points = append(s.Points, ps)
	}
	s.Hash = hex.EncodeToString(all[0].Hash[:])
	return s, all
}

// selfish sweeps the hash rate of a selfish miner, and gamma.
func selfish(alphas, gammas []float64, found int) *lab.Plan {
	plan := &lab.Plan{Title: "What does a selfish miner earn?", File: []byte("title = \"What does a selfish miner earn?\"\n\n[sweep]\nalpha = [0.1, 0.3]\n"), Seed: 1, Replicas: 4}
	for _, gamma := range gammas {
		for _, alpha := range alphas {
			shares := []float64{alpha}
			for range 9 {
				shares = append(shares, (1-alpha)/9)
			}
			plan.Points = append(plan.Points, lab.Point{
				Values: []lab.Value{{Key: "power.alpha", Text: fmt.Sprint(alpha), Number: alpha}, {Key: "tie.gamma", Text: fmt.Sprint(gamma), Number: gamma}},
				Experiment: blocks.Experiment{
					Nodes: 10, Blocks: found, Topology: blocks.Topology{Shape: blocks.Clique}, Latency: blocks.Latency{Mean: time.Microsecond},
					Power: blocks.Power{Shares: shares}, Tie: blocks.Tie{Rule: blocks.Share, Gamma: gamma},
					Strategists: []blocks.Strategist{{Node: 0, Strategy: blocks.SM1{}}},
				},
			})
		}
	}
	return plan
}

// propagation is a single point: a network of the world's regions.
func propagation(nodes, found int, interval time.Duration) *lab.Plan {
	return &lab.Plan{
		Title: "How fast do blocks spread?", File: []byte("title = \"How fast do blocks spread?\"\n"), Seed: 1, Replicas: 8,
		Points: []lab.Point{{Experiment: blocks.Experiment{
			Nodes: nodes, Blocks: found, Interval: interval, Latency: blocks.Latency{Regions: blocks.World2019()},
			Relay: blocks.Relay{Mode: blocks.Compact, HitRate: 1, BlockBytes: blocks.Dist{Mean: 1.5e6}, Validation: 50 * time.Millisecond},
		}}},
	}
}

// The replica that is shown is the one with the highest stale rate of its point, and the first
// of several.
func TestSeedToShow(t *testing.T) {
	plan, err := lab.Parse([]byte("seed = 5\nreplicas = 2\nnodes = 10\nblocks = 10\ntopology.degree = 3\ninterval = [\"1s\", \"2s\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	values := func(rate float64) []float64 {
		var list []float64
		for _, m := range lab.Metrics(plan.Points[0].Experiment) {
			if m.Name == "stale_rate" {
				list = append(list, rate)
			} else {
				list = append(list, 9)
			}
		}
		return list
	}
	replicas := []lab.Replica{
		{Point: 0, Seed: 5, Values: values(0.9)}, {Point: 1, Seed: 5, Values: values(0.1)},
		{Point: 1, Seed: 6, Values: values(0.3)}, {Point: 1, Seed: 7, Values: values(0.3)},
	}
	if a, b, c := seedToShow(plan, 0, replicas), seedToShow(plan, 1, replicas), seedToShow(plan, 1, nil); a != 5 || b != 6 || c != 5 {
		t.Errorf("the seeds are %d, %d and %d, want 5, 6 and 5", a, b, c)
	}
}
