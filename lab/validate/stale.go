package validate

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/lodepow/lode/lab/blocks"
)

func staleChecks() []Check {
	return []Check{
		{
			Name:      "clique",
			Title:     "Stale blocks in a clique",
			Source:    "closed form x/(1+x), x = (n-1)/n · delay/interval",
			Criterion: "within 3 standard errors",
			Note: "Equal miners, all connected with each other, and messages that all take the same time, over three decades of " +
				"the delay. The law forgets that a miner builds on its own block at once, so that long delays need many miners.",
			rows: cliqueRows,
		},
		{
			Name:      "pools",
			Title:     "Stale rate by share of the hash rate",
			Source:    "published calculation for nine pools at a delay of 10 s, 2025–26; closed form blocks.StaleRate",
			Criterion: "within 3.5 standard errors of the published figure, plus half of its last digit",
			Note: "Nine pools with 30, 29, 12, 11, 8, 5, 3, 1 and 1 % of the hash rate, near those of Bitcoin in 2025. All but the " +
				"two who find blocks at the same time mine on the earlier one, so that small pools lose more.",
			rows: poolRows,
		},
		{
			Name:      "power",
			Title:     "Blocks in proportion to the hash rate",
			Source:    "the definition of proof of work: a miner with a share of the hash rate finds that share of the blocks",
			Criterion: "within 3.5 standard errors",
			Note:      "The row finds a miner that has 1 % too much power.",
			rows:      powerRows,
		},
		{
			Name:      "fairness",
			Title:     "Ties do not favour anybody",
			Source:    "symmetry: two miners of equal power lose equally many blocks",
			Criterion: "within 3.5 standard errors",
			Note:      "Twelve miners, of which the first and the last have twice the power of the others. The row finds ties that are decided by the number of the miner.",
			Cheap:     true,
			rows:      fairnessRows,
		},
		{
			Name:      "loss",
			Title:     "Two miners at a short distance",
			Source:    "closed form of the clique with n = 2",
			Criterion: "within 3.5 standard errors",
			Note:      "What is lost on the way is not made good by anybody else. The row finds a relay that forgets every hundredth message.",
			Cheap:     true,
			rows:      lossRows,
		},
	}
}

func cliqueRows(ctx context.Context, r *runner) ([]Row, error) {
	cases := []struct {
		nodes, quick, full int
		delay              time.Duration
	}{
		{2, 200_000, 1_000_000, 600 * time.Millisecond},
		{20, 200_000, 1_000_000, 600 * time.Millisecond},
		{20, 100_000, 1_000_000, 6 * time.Second},
		{100, 40_000, 400_000, 60 * time.Second},
		{500, 10_000, 100_000, 600 * time.Second},
	}
	rows := make([]Row, len(cases))
	err := r.each(len(cases), func(i int) error {
		c := cases[i]
		n := r.pick(c.quick, c.full)
		what := fmt.Sprintf("%d miners, delay %g s, interval 600 s: stale, %%", c.nodes, c.delay.Seconds())
		result, err := r.run(ctx, blocks.Experiment{
			Nodes: c.nodes, Blocks: n, Topology: blocks.Topology{Shape: blocks.Clique}, Latency: blocks.Latency{Mean: c.delay},
		}, seed(what))
		if err != nil {
			return err
		}
		want := blocks.CliqueStaleRate(c.nodes, c.delay.Seconds(), 600)
		rows[i] = byErrors(Row{What: what, Ours: result.StaleRate(), Theirs: want, Percent: true, Digits: 4}, binomialError(want, float64(n)), 3)
		return nil
	})
	return rows, err
}

// In the networks of a few nodes below the engine Events is the faster one. The results of
// both are the same.

// nine are the shares of nine pools.
var nine = []float64{0.30, 0.29, 0.12, 0.11, 0.08, 0.05, 0.03, 0.01, 0.01}

func poolExperiment(n int, delay time.Duration) blocks.Experiment {
	return blocks.Experiment{
		Nodes: len(nine), Blocks: n, Engine: blocks.Events, Topology: blocks.Topology{Shape: blocks.Clique},
		Latency: blocks.Latency{Mean: delay}, Power: blocks.Power{Shares: nine},
	}
}

func poolRows(ctx context.Context, r *runner) ([]Row, error) {
	result, err := r.run(ctx, poolExperiment(r.pick(500_000, 2_000_000), 10*time.Second), seed("pools"))
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, p := range []struct {
		pool      int
		published float64
	}{{0, 0.01009}, {2, 0.01621}, {5, 0.01860}, {7, 0.0199}} {
		want := blocks.StaleRate(nine, p.pool, 10, 600)
		se := binomialError(want, float64(result.Miners[p.pool].Found))
		// The published figures are rounded.
		row := Row{What: fmt.Sprintf("pool with %.0f %%: stale, %%", 100*nine[p.pool]), Ours: result.MinerStaleRate(p.pool), Theirs: p.published, Percent: true, Digits: 3}
		row = byErrors(row, se, 3.5)
		rows = append(rows, judge(row, math.Abs(row.Ours-row.Theirs) <= 3.5*se+5e-6))
	}
	return rows, nil
}

func powerRows(ctx context.Context, r *runner) ([]Row, error) {
	const share = 0.3
	n := r.pick(1_000_000, 2_000_000)
	result, err := r.run(ctx, blocks.Experiment{
		Nodes: 2, Blocks: n, Engine: blocks.Events, Topology: blocks.Topology{Shape: blocks.Clique}, Latency: blocks.Latency{Mean: time.Microsecond},
		Power: blocks.Power{Shares: []float64{share, 1 - share}},
	}, seed("power"))
	if err != nil {
		return nil, err
	}
	row := Row{What: "a miner with 30 % of the hash rate: share of the blocks, %", Ours: float64(result.Miners[0].Found) / float64(n), Theirs: share, Percent: true, Digits: 3}
	return []Row{byErrors(row, binomialError(share, float64(n)), 3.5)}, nil
}

func fairnessRows(ctx context.Context, r *runner) ([]Row, error) {
	result, err := r.run(ctx, blocks.Experiment{
		Nodes: 12, Blocks: 30_000, Topology: blocks.Topology{Shape: blocks.Clique}, Latency: blocks.Latency{Mean: 30 * time.Second},
		Power: blocks.Power{Shares: []float64{2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2}},
	}, seed("fairness"))
	if err != nil {
		return nil, err
	}
	first, last := result.Miners[0], result.Miners[11]
	a, b := float64(first.Found-first.Main), float64(last.Found-last.Main)
	row := Row{What: "of the stale blocks of both miners, those of the first, %", Ours: a / (a + b), Theirs: 0.5, Percent: true, Digits: 2}
	return []Row{byErrors(row, 0.5/math.Sqrt(a+b), 3.5)}, nil
}

func lossRows(ctx context.Context, r *runner) ([]Row, error) {
	const n = 40_000
	result, err := r.run(ctx, blocks.Experiment{
		Nodes: 2, Blocks: n, Engine: blocks.Events, Topology: blocks.Topology{Shape: blocks.Clique}, Latency: blocks.Latency{Mean: 6 * time.Second},
	}, seed("loss"))
	if err != nil {
		return nil, err
	}
	want := blocks.CliqueStaleRate(2, 6, 600)
	row := Row{What: "2 miners, delay 6 s, interval 600 s: stale, %", Ours: result.StaleRate(), Theirs: want, Percent: true, Digits: 4}
	return []Row{byErrors(row, binomialError(want, float64(n)), 3.5)}, nil
}
