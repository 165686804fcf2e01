package blocks

import (
	"context"
	"math"
	"testing"
)

// After a step of the hash rate, ASERT's error halves in each half-life.
func TestAsertStep(t *testing.T) {
	halfLives := []float64{0, 0.5, 1, 2, 3, 5}
	for _, factor := range []float64{10, 0.1, 2} {
		const replicas = 4
		mean := make([]float64, len(halfLives))
		for seed := range uint64(replicas) {
			got, err := MeasureAsertStep(context.Background(), factor, halfLives, seed)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range got {
				mean[i] += x / replicas
			}
		}
		for i, h := range halfLives {
			want := AsertStep(factor, h)
			t.Logf("hash rate × %v, after %v half-lives: %.4f, closed form %.4f", factor, h, mean[i], want)
			// A run's noise is about 2 % of the interval, and grows and shrinks with the
			// interval for a while after the step.
			if math.Abs(mean[i]-want) > 3.5*0.022/math.Sqrt(replicas)*max(want, 1) {
				t.Errorf("hash rate × %v, after %v half-lives: %.4f, want %.4f", factor, h, mean[i], want)
			}
		}
	}
	for factor, want := range map[float64]float64{10: 3.1699, 0.1: 6.4919, 1.05: 0} {
		if got := AsertRecovery(factor, 0.1); math.Abs(got-want) > 1e-4 {
			t.Errorf("recovery from × %v takes %.4f half-lives, want %.4f", factor, got, want)
		}
		if h := AsertRecovery(factor, 0.1); h > 0 && math.Abs(math.Abs(AsertStep(factor, h)-1)-0.1) > 1e-9 {
			t.Errorf("× %v: the error after %v half-lives is not 0.1", factor, h)
		}
	}
}

// A timewarp attack drives the difficulty down as fast as the closed form says: to less
// than a thousandth within 2.82 windows.
func TestTimewarp(t *testing.T) {
	const windows = 11
	want := Timewarp(windows)
	for i, w := range []float64{1, 1, 0.5, 0.2, 0.0741, 0.0267} { // computed by hand
		if math.Abs(want[i].Difficulty/w-1) > 0.002 {
			t.Errorf("window %d: difficulty %.4f, by hand %.4f", i, want[i].Difficulty, w)
		}
	}
	if days := 14 * want[windows-1].Elapsed; days < 38 || days > 40 {
		t.Errorf("%.1f days, want about the 38 days of BIP 54", days)
	}
	got, err := MeasureTimewarp(context.Background(), windows, 2016, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		t.Logf("window %d: difficulty %.6f after %.3f windows, closed form %.6f after %.3f", i, got[i].Difficulty, got[i].Elapsed, want[i].Difficulty, want[i].Elapsed)
		// The errors of the windows before add up, two percent of each.
		if off := 3.5 * 0.022 * math.Sqrt(float64(i+1)); math.Abs(math.Log(got[i].Difficulty/want[i].Difficulty)) > off || math.Abs(got[i].Elapsed/want[i].Elapsed-1) > 0.08 {
			t.Errorf("window %d: difficulty %.6f after %.3f windows, want %.6f after %.3f", i, got[i].Difficulty, got[i].Elapsed, want[i].Difficulty, want[i].Elapsed)
		}
	}
}

// Hash rate that comes and goes makes the rule bitcoin2016 swing.
func TestHoppingCycle(t *testing.T) {
	const windows, blocks = 12, 500
	for _, share := range []float64{0.3, 0.5, 0.7} {
		slow, fast, mean, err := MeasureHoppingCycle(context.Background(), share, windows, blocks, 1)
		if err != nil {
			t.Fatal(err)
		}
		wantSlow, wantFast, wantMean := HoppingCycle(share)
		t.Logf("share %v: %.3f %.3f %.3f, closed form %.3f %.3f %.3f", share, slow, fast, mean, wantSlow, wantFast, wantMean)
		se := math.Sqrt(2.0 / (windows / 2 * blocks)) // of a mean of exponential times, at a difficulty with the same noise
		within(t, "slow windows", slow, wantSlow, wantSlow*se, 3.5)
		within(t, "fast windows", fast, wantFast, wantFast*se, 3.5)
		within(t, "all windows", mean, wantMean, wantMean*se, 3.5)
	}
	if _, _, mean := HoppingCycle(0.5); mean != 1.25 {
		t.Errorf("half of the hash rate makes the mean interval %v, want 1.25", mean)
	}
	if _, _, _, err := MeasureHoppingCycle(context.Background(), 0.9, 2, 10, 1); err == nil {
		t.Error("a share of 0.9 is accepted")
	}
}
