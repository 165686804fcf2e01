package blocks

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// within fails the test unless got is within the given number of standard errors of want.
func within(t *testing.T, what string, got, want, se, errors float64) {
	t.Helper()
	if math.Abs(got-want) > errors*se {
		t.Errorf("%s: %.6f, want %.6f: off by %.1f standard errors of %.6f", what, got, want, (got-want)/se, se)
	}
}

// cliqueRun returns the stale rate of a clique in a run, the rate of the law and the
// standard error. Stale blocks come one by one or nearly so, so that their number has at
// most the variance of a Poisson variable, but for the overlap of neighbouring windows.
func cliqueRun(t *testing.T, nodes, blocks int, delay time.Duration, seed uint64) (got, want, se float64) {
	t.Helper()
	r := run(t, Experiment{
		Nodes: nodes, Blocks: blocks, Engine: Paths,
		Topology: Topology{Shape: Clique}, Latency: Latency{Mean: delay},
	}, seed, Options{})
	want = CliqueStaleRate(nodes, delay.Seconds(), 600)
	return r.StaleRate(), want, math.Sqrt(want * (1 - want) / float64(blocks))
}

// A clique of equal miners has the stale rate of the law over three decades of the delay.
// With few miners and a long delay the law is wrong, because it forgets that a miner builds
// on its own block at once; see CliqueStaleRate.
func TestCliqueLaw(t *testing.T) {
	for i, tt := range []struct {
		nodes  int
		blocks int
		delay  time.Duration
	}{
		{2, 100_000, 600 * time.Millisecond},
		{20, 100_000, 600 * time.Millisecond},
		{20, 100_000, 6 * time.Second},
		{100, 40_000, 60 * time.Second},
		{500, 20_000, 600 * time.Second},
	} {
		got, want, se := cliqueRun(t, tt.nodes, tt.blocks, tt.delay, uint64(i))
		what := fmt.Sprintf("%d nodes, delay %s", tt.nodes, tt.delay)
		t.Logf("%s: %.6f, law %.6f ± %.6f", what, got, want, se)
		within(t, what, got, want, se, 3)
	}
	if got, want, _ := cliqueRun(t, 2, 20_000, 600*time.Second, 1); got > 0.8*want {
		t.Errorf("two miners with a delay of an interval: %.3f, want well below the law's %.3f", got, want)
	}
}

// The selfish strategy earns what Eyal and Sirer's formula says.
func TestSelfishRevenue(t *testing.T) {
	const blocks = 40_000
	for _, gamma := range []float64{0, 0.5, 1} {
		for _, alpha := range []float64{0.1, 0.25, 1.0 / 3, 0.45} {
			got := selfish(t, SM1{}, alpha, gamma, blocks, 1)
			want := SelfishRevenue(alpha, gamma)
			t.Logf("alpha %.3f, gamma %.1f: %.5f, formula %.5f, %+.5f", alpha, gamma, got, want, got-want)
			// Blocks of the main chain come in runs, so that the deviation is some times
			// that of independent ones.
			within(t, fmt.Sprintf("alpha %.3f, gamma %.1f", alpha, gamma), got, want, 2.5*math.Sqrt(want*(1-want)/blocks), 3)
		}
	}
}

// selfish returns the revenue of a miner with a strategy among nine others.
func selfish(t *testing.T, s Strategy, alpha, gamma float64, blocks int, seed uint64) float64 {
	t.Helper()
	const nodes = 10
	shares := make([]float64, nodes)
	for i := range shares {
		shares[i] = (1 - alpha) / (nodes - 1)
	}
	shares[0] = alpha
	r := run(t, Experiment{
		Nodes: nodes, Blocks: blocks, Topology: Topology{Shape: Clique}, Latency: Latency{Mean: time.Microsecond},
		Power: Power{Shares: shares}, Tie: Tie{Rule: Share, Gamma: gamma},
		Strategists: []Strategist{{Node: 0, Strategy: s}},
	}, seed, Options{})
	return r.Revenue(0)
}
