package blocks

import (
	"math"
	"os"
	"strconv"
	"testing"
	"time"
)

// spend lets a double-spender with the share q attack among four others.
func spend(t *testing.T, q float64, d DoubleSpender, blocks int) *Result {
	t.Helper()
	rest := (1 - q) / 4
	return run(t, Experiment{
		Nodes: 5, Blocks: blocks, Topology: Topology{Shape: Clique}, Latency: Latency{Mean: time.Microsecond},
		Power:       Power{Shares: []float64{q, rest, rest, rest, rest}},
		Strategists: []Strategist{{Node: 0, Strategy: d}},
	}, 1, Options{})
}

// As many double spends succeed as Rosenfeld's formula and the exact one for giving up say,
// down to a thousandth.
func TestDoubleSpends(t *testing.T) {
	blocks := 60_000
	if n, err := strconv.Atoi(os.Getenv("LODE_LAB_BLOCKS")); err == nil {
		blocks = n
	}
	for _, tt := range []struct {
		q float64
		d DoubleSpender
	}{
		{0.1, DoubleSpender{1, 10}},
		{0.1, DoubleSpender{3, 10}},
		{0.1, DoubleSpender{6, 10}},
		{0.3, DoubleSpender{1, 20}},
		{0.3, DoubleSpender{6, 20}},
		{0.3, DoubleSpender{6, 2}},
		{0.4, DoubleSpender{6, 3}},
	} {
		r := spend(t, tt.q, tt.d, blocks).DoubleSpends[0]
		want := DoubleSpendGivingUp(tt.q, tt.d)
		if never := DoubleSpendRosenfeld(tt.q, tt.d.Confirmations); want > never+1e-9 || tt.d.GiveUp >= 10 && math.Abs(want/never-1) > 1e-4 {
			t.Errorf("%v %+v: giving up %.6f, never %.6f", tt.q, tt.d, want, never)
		}
		low, high := Wilson(r.Successes, r.Attempts, 3.5)
		t.Logf("%v %+v: %d of %d, %.5f, want %.5f", tt.q, tt.d, r.Successes, r.Attempts, r.Rate(), want)
		if want < low || want > high || r.Attempts < int64(blocks)/60 {
			t.Errorf("%v %+v: %d of %d attempts, from %.5f to %.5f, want %.5f", tt.q, tt.d, r.Successes, r.Attempts, low, high, want)
		}
	}
}

// The double-spender waits for the confirmations, then for its chance, and gives up.
func TestDoubleSpender(t *testing.T) {
	d := DoubleSpender{Confirmations: 2, GiveUp: 3}
	for _, tt := range []struct {
		private, public int
		want            Action
	}{
		{0, 1, Adopt}, {1, 0, Wait}, {5, 1, Wait}, {2, 2, Wait}, {3, 2, Release}, {9, 2, Release}, {2, 4, Wait}, {2, 5, Adopt}, {6, 5, Release},
	} {
		if got := d.Act(Position{Private: tt.private, Public: tt.public}); got != tt.want {
			t.Errorf("%d private, %d public: action %d, want %d", tt.private, tt.public, got, tt.want)
		}
	}
	// A run counts what happens to the blocks: those of successes are in the main chain.
	r := spend(t, 0.3, d, 5000)
	if s := r.DoubleSpends[0]; s.Node != 0 || s.Successes < 150 || r.Miners[0].Main < s.Successes*3 {
		t.Errorf("%+v with %d blocks in the main chain", s, r.Miners[0].Main)
	}
	other := spend(t, 0.3, DoubleSpender{Confirmations: 2, GiveUp: 4}, 5000)
	if other.Hash == r.Hash {
		t.Error("another deficit gives the same result")
	}
}

// Wilson's interval has the textbook's bounds.
func TestWilson(t *testing.T) {
	for _, tt := range []struct {
		k, n      int64
		low, high float64
	}{
		{0, 0, 0, 1}, {0, 10, 0, 0.2775}, {10, 10, 0.7225, 1}, {5, 10, 0.2366, 0.7634}, {1, 1000, 0.000177, 0.00564},
	} {
		low, high := Wilson(tt.k, tt.n, 1.959964)
		if math.Abs(low-tt.low) > 1e-4 || math.Abs(high-tt.high) > 1e-4 {
			t.Errorf("%d of %d: %.5f to %.5f, want %.5f to %.5f", tt.k, tt.n, low, high, tt.low, tt.high)
		}
	}
}

// The gambler's ruin: fair, hopeless, and sure.
func TestRuin(t *testing.T) {
	for _, tt := range []struct {
		q              float64
		behind, giveUp int
		want           float64
	}{{0.5, 0, 1, 0.5}, {0.5, 1, 3, 0.5}, {0.3, -1, 5, 1}, {0.3, 5, 5, 0}, {0.25, 0, 1, 0.25}, {0.25, 0, 1000, 1.0 / 3}} {
		if got := ruin(tt.q, tt.behind, tt.giveUp); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// A member of a pool that withholds takes its hash rate out of the network.
func TestWithholder(t *testing.T) {
	const blocks = 40_000
	r := run(t, Experiment{
		Nodes: 3, Blocks: blocks, Topology: Topology{Shape: Clique}, Latency: Latency{Mean: time.Microsecond},
		Power: Power{Shares: []float64{0.1, 0.2, 0.7}}, Strategists: []Strategist{{Node: 0, Strategy: Withholder{}}},
	}, 1, Options{})
	if r.Miners[0].Main != 0 || r.Withheld != r.Miners[0].Found || r.Stale > 5 {
		t.Errorf("%+v, %d withheld, %d stale", r.Miners[0], r.Withheld, r.Stale)
	}
	want := 0.2 / 0.9
	within(t, "revenue of the pool", r.Revenue(1), want, math.Sqrt(want*(1-want)/(0.9*blocks)), 3.5)
}
