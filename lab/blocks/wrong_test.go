package blocks

import (
	"context"
	"math"
	"testing"
	"time"
)

// A wrong model is found. Each case is the same check on the right model, which passes, and
// on one with a fault, which must not.
func TestWrongModels(t *testing.T) {
	t.Run("a relay that forgets every hundredth message", func(t *testing.T) {
		// Two miners: what is lost is not made good by anybody else.
		off := func(loss float64) float64 {
			const blocks = 40_000
			r := run(t, Experiment{
				Nodes: 2, Blocks: blocks, Topology: Topology{Shape: Clique},
				Latency: Latency{Mean: 6 * time.Second}, Relay: Relay{Loss: loss}, Engine: Events,
			}, 1, Options{})
			want := CliqueStaleRate(2, 6, 600)
			return (r.StaleRate() - want) / math.Sqrt(want/blocks)
		}
		judge(t, off(0), off(0.01))
	})
	t.Run("a miner with a hundredth too much power", func(t *testing.T) {
		// It takes millions of blocks to see that, so only the draws are made.
		off := func(factor float64) float64 {
			const blocks = 3_000_000
			finds := finder{seed: 2, wheel: newWheel([]float64{0.3 * factor, 0.7})}
			found := 0
			for range blocks {
				f, err := finds.next(0, 1)
				if err != nil {
					t.Fatal(err)
				}
				if f.miner == 0 {
					found++
				}
			}
			return (float64(found)/blocks - 0.3) / math.Sqrt(0.3*0.7/blocks)
		}
		judge(t, off(1), off(1.01))
	})
	t.Run("a tie that is decided by the miner's number", func(t *testing.T) {
		// Two miners of equal power among many: they lose equally many blocks.
		off := func(byNumber bool) float64 {
			x, err := Experiment{
				Nodes: 12, Blocks: 30_000, Topology: Topology{Shape: Clique}, Engine: Events,
				Latency: Latency{Mean: 30 * time.Second}, Power: Power{Shares: []float64{2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2}},
			}.WithDefaults()
			if err != nil {
				t.Fatal(err)
			}
			net, err := newNetwork(1, &x)
			if err != nil {
				t.Fatal(err)
			}
			one := newRun(&x, 1, net, Options{})
			one.engine.(*eventEngine).tieByNumber = byNumber
			one.engine.(*eventEngine).usePlain(!byNumber)
			if err := one.engine.run(context.Background(), func(int) {}); err != nil {
				t.Fatal(err)
			}
			first, last := one.result.Miners[0], one.result.Miners[11]
			a, b := float64(first.Found-first.Main), float64(last.Found-last.Main)
			return (a - b) / math.Sqrt(a+b)
		}
		judge(t, off(false), off(true))
	})
}

// judge checks by how many standard errors the right and the wrong model are off.
func judge(t *testing.T, right, wrong float64) {
	t.Helper()
	t.Logf("the right model is off by %.1f standard errors, the wrong one by %.1f", right, wrong)
	if math.Abs(right) > 3 {
		t.Errorf("the right model is off by %.1f standard errors", right)
	}
	if math.Abs(wrong) < 4 {
		t.Errorf("the wrong model is off by %.1f standard errors only, and would pass", wrong)
	}
}
