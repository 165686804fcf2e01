package optimal

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/blocks"
)

func solve(t *testing.T, p Problem) Solution {
	t.Helper()
	s, err := Solve(p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The revenues are those of the paper, table 1, with gamma 0.
func TestPublishedRevenue(t *testing.T) {
	for _, tt := range []struct{ alpha, published, tolerance float64 }{
		{0.3, 0.3, 1e-5}, // below the threshold nothing is better than honesty
		{1.0 / 3, 0.33705, 1e-5},
		{0.35, 0.37077, 1e-5},
		{0.375, 0.42600, 2e-5},
		{0.4, 0.48866, 2e-4}, // chains of 40 blocks are too short for more digits
	} {
		s := solve(t, Problem{Alpha: tt.alpha, Truncation: 40})
		t.Logf("alpha %.4f: from %.5f to %.5f, published %.5f", tt.alpha, s.Revenue, s.Upper, tt.published)
		if math.Abs(s.Revenue-tt.published) > tt.tolerance && (s.Revenue > tt.published || s.Upper < tt.published) {
			t.Errorf("alpha %.4f: from %.5f to %.5f, published %.5f", tt.alpha, s.Revenue, s.Upper, tt.published)
		}
		if sm1 := blocks.SelfishRevenue(tt.alpha, 0); s.Revenue < sm1-1e-6 {
			t.Errorf("alpha %.4f: %.6f is less than SM1's %.6f", tt.alpha, s.Revenue, sm1)
		}
	}
}

// With gamma 1 a block of others is worth nothing if the miner has one of the same
// height, so that its revenue is alpha/(1-alpha), which is an upper bound for every
// gamma (section 3 of the paper).
func TestRevenueBound(t *testing.T) {
	for _, alpha := range []float64{0.1, 0.25, 0.35} {
		bound := alpha / (1 - alpha)
		last := 0.0
		for _, gamma := range []float64{0, 0.5, 1} {
			s := solve(t, Problem{Alpha: alpha, Gamma: gamma, Truncation: 40})
			if s.Revenue < last || s.Revenue > bound+1e-6 || s.Upper < s.Revenue || s.Revenue < blocks.SelfishRevenue(alpha, gamma)-1e-5 {
				t.Errorf("alpha %.2f, gamma %.1f: revenue from %.6f to %.6f, bound %.6f, with less gamma %.6f", alpha, gamma, s.Revenue, s.Upper, bound, last)
			}
			last = s.Revenue
		}
		if math.Abs(last-bound) > 1e-5 {
			t.Errorf("alpha %.2f, gamma 1: revenue %.6f, want %.6f", alpha, last, bound)
		}
	}
}

// The shares above which hiding blocks pays are those of the paper.
func TestThreshold(t *testing.T) {
	for _, tt := range []struct {
		p    Problem
		want float64
	}{
		{Problem{}, 0.3294},
		{Problem{Gamma: 0.5}, 0.25},
		{Problem{Gamma: 0.5, Late: true}, 0.2321},
		{Problem{Gamma: 1}, 0},
	} {
		tt.p.Truncation = 30
		got, err := Threshold(tt.p)
		if err != nil || math.Abs(got-tt.want) > 1e-4 {
			t.Errorf("%+v: threshold %.5f, error %v, want %.4f", tt.p, got, err, tt.want)
		}
	}
}

// A longer truncation narrows the bounds, which overlap.
func TestTruncation(t *testing.T) {
	low, high := 0.0, 1.0
	for _, n := range []int{2, 5, 10, 20, 40} {
		s := solve(t, Problem{Alpha: 0.4, Gamma: 0.5, Truncation: n})
		if s.Revenue < low-1e-9 || s.Upper > high+1e-9 || s.Upper < s.Revenue {
			t.Errorf("truncation %d: from %.6f to %.6f, before from %.6f to %.6f", n, s.Revenue, s.Upper, low, high)
		}
		low, high = s.Revenue, s.Upper
	}
	if high-low > 0.005 {
		t.Errorf("the bounds are from %.6f to %.6f", low, high)
	}
}

// A simulated miner with the policy earns what the solver says.
func TestSimulated(t *testing.T) {
	const n = 60_000
	for _, tt := range []Problem{{Alpha: 0.35}, {Alpha: 0.4, Gamma: 0.5}, {Alpha: 0.3, Gamma: 0.9}} {
		tt.Truncation = 30
		s := solve(t, tt)
		rest := (1 - tt.Alpha) / 4
		r, err := blocks.Run(context.Background(), blocks.Experiment{
			Nodes: 5, Blocks: n, Topology: blocks.Topology{Shape: blocks.Clique}, Latency: blocks.Latency{Mean: time.Microsecond},
			Power: blocks.Power{Shares: []float64{tt.Alpha, rest, rest, rest, rest}}, Tie: blocks.Tie{Rule: blocks.Share, Gamma: tt.Gamma},
			Strategists: []blocks.Strategist{{Node: 0, Strategy: s.Policy}},
		}, 1, blocks.Options{})
		if err != nil {
			t.Fatal(err)
		}
		// Blocks of the main chain come in runs, so that the deviation is some times that
		// of independent ones.
		se := 2.5 * math.Sqrt(s.Revenue*(1-s.Revenue)/n)
		t.Logf("%+v: simulated %.5f, solved %.5f ± %.5f", tt, r.Revenue(0), s.Revenue, se)
		if math.Abs(r.Revenue(0)-s.Revenue) > 3*se {
			t.Errorf("%+v: simulated %.5f, solved %.5f ± %.5f", tt, r.Revenue(0), s.Revenue, se)
		}
	}
}

// The best strategy against honest miners who never mine on its branch: with a third of
// the hash rate it hides its first block, and overrides when its lead has shrunk to one.
func TestPolicy(t *testing.T) {
	p := solve(t, Problem{Alpha: 0.35, Truncation: 30}).Policy
	for at, want := range map[blocks.Position]blocks.Action{
		{Private: 1, Found: true}:                                   blocks.Wait,
		{Public: 1, Race: blocks.Relevant}:                          blocks.Adopt,
		{Private: 2, Public: 1, Race: blocks.Relevant}:              blocks.Override,
		{Private: 3, Public: 2, Race: blocks.Irrelevant}:            blocks.Override,
		{Private: 4, Public: 1, Race: blocks.Relevant}:              blocks.Wait,
		{Private: 10, Public: 20, Race: blocks.Relevant}:            blocks.Adopt,
		{Private: 30, Public: 29, Race: blocks.Irrelevant}:          blocks.Override,
		{Private: 50, Public: 29, Race: blocks.Irrelevant}:          blocks.Override, // outside the table
		{Private: 2, Public: 1, Race: blocks.Relevant, Found: true}: blocks.Override,
	} {
		got := p.Act(at)
		if got == blocks.Match && want == blocks.Wait { // the same if nobody follows
			continue
		}
		if got != want {
			t.Errorf("%+v: action %d, want %d", at, got, want)
		}
	}
	honest := solve(t, Problem{Alpha: 0.2, Truncation: 10}).Policy
	if got := honest.Act(blocks.Position{Private: 1, Found: true}); got != blocks.Override {
		t.Errorf("below the threshold: action %d, want that of an honest miner", got)
	}
}

// Mistakes say what to do.
func TestErrors(t *testing.T) {
	for want, p := range map[string]Problem{
		"alpha 0.5: want more than 0 and less than 0.5": {Alpha: 0.5},
		"alpha NaN":                   {Alpha: math.NaN()},
		"gamma 2: want 0 to 1":        {Alpha: 0.3, Gamma: 2},
		"truncation 1: want 2 to 200": {Alpha: 0.3, Truncation: 1},
	} {
		if _, err := Solve(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one that says %q", p, err, want)
		}
	}
	if _, err := Threshold(Problem{Gamma: -1}); err == nil || !strings.Contains(err.Error(), "gamma -1") {
		t.Errorf("error %v", err)
	}
}
