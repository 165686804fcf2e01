package blocks

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
	"time"
)

// pools are nine shares of the hash rate, near those of Bitcoin's pools in 2025.
var pools = []float64{0.30, 0.29, 0.12, 0.11, 0.08, 0.05, 0.03, 0.01, 0.01}

// poolRun lets the pools mine with a delay of ten seconds between any two.
func poolRun(t *testing.T, blocks int) *Result {
	t.Helper()
	return run(t, Experiment{
		Nodes: len(pools), Blocks: blocks, Engine: Paths,
		Topology: Topology{Shape: Clique}, Latency: Latency{Mean: 10 * time.Second}, Power: Power{Shares: pools},
	}, 1, Options{})
}

// The stale rate of a miner falls with its share as the closed form says. Beside it are
// the figures of a published calculation for the same delay.
func TestStaleRateByShare(t *testing.T) {
	blocks := 200_000
	if n, err := strconv.Atoi(os.Getenv("LODE_LAB_BLOCKS")); err == nil {
		blocks = n
	}
	published := map[float64]float64{0.30: 0.01009, 0.12: 0.01621, 0.05: 0.01860, 0.01: 0.0199}
	r := poolRun(t, blocks)
	for i, share := range pools {
		got, want := r.MinerStaleRate(i), StaleRate(pools, i, 10, 600)
		se := math.Sqrt(want / float64(r.Miners[i].Found))
		t.Logf("%.0f %%: %.4f %%, closed form %.4f ± %.4f, published %.3f", 100*share, 100*got, 100*want, 100*se, 100*published[share])
		within(t, fmt.Sprintf("%.0f %%", 100*share), got, want, se, 3.5)
		if p := published[share]; p > 0 && math.Abs(want/p-1) > 0.01 {
			t.Errorf("%.0f %%: the closed form gives %.5f, published is %.5f", 100*share, want, p)
		}
	}
}
