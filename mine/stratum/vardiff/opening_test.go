package vardiff

import (
	"math"
	"testing"
	"time"
)

// A new miner whose difficulty is up to a million times too hard is silent for minutes. Its
// estimate does not count this silence as a low rate, and the interval says how uncertain
// it is. The meters of a server count the same.
func TestEstimateAfterAHardStart(t *testing.T) {
	for _, hard := range []float64{1, 100, 1e4, 1e6} {
		var windows, near, covering, hardly int
		for seed := range uint64(seeds(t)) {
			rate := rateOf(seed)
			v := New(Config{Start: hard * rate * 60 / DefaultRate, Least: 1e-30})
			var server Meter
			server.Begin(simStart)
			s := newSim(v, seed, rate)
			s.counted = func() {
				server.Share(s.clock(), v.Worth())
			}
			for _, at := range []time.Duration{5, 6, 7, 8, 9} {
				s.run(at*time.Minute - s.now)
				e, want := server.Estimate(s.clock()), rate*Hashes
				windows++
				near += count(math.Abs(e.Rate/want-1) <= 0.2)
				covering += count(e.Low <= want && want <= e.High)
				hardly += count(e.Rate < want/2 || e.Rate > want*2)
				if own := v.Estimate(s.clock()); math.Abs(own.Rate/e.Rate-1) > 1e-9 {
					t.Fatalf("the session's own estimate is %v, the server's %v", own, e)
				}
			}
		}
		t.Logf("%g times too hard: of %d estimates in the first ten minutes, %.1f %% are within 20 %% of the rate, and %.1f %% of the intervals contain it",
			hard, windows, 100*float64(near)/float64(windows), 100*float64(covering)/float64(windows))
		if got := float64(near) / float64(windows); got < 0.9 {
			t.Errorf("%g times too hard: %.1f %% of the estimates are near, want 90 %%", hard, 100*got)
		}
		if got := float64(covering) / float64(windows); got < 0.92 || got > 0.985 {
			t.Errorf("%g times too hard: %.1f %% of the intervals contain the rate, want about 95 %%", hard, 100*got)
		}
		if hardly > 0 {
			t.Errorf("%g times too hard: %d estimates are off by more than a factor of two", hard, hardly)
		}
	}
}

// What a share says about the time before the first one is added to that time, and leaves
// the window with it.
func TestWorthBefore(t *testing.T) {
	var m Meter
	m.Begin(simStart)
	now := simStart.Add(2 * time.Minute)
	m.Share(now, Worth{Share: 100, Ago: 92 * time.Second, For: 60 * time.Second, Before: 600, Squares: 5})
	if work, squares := m.sums(); work != 700 || math.Abs(squares-10005) > 1e-6 {
		t.Errorf("work %v, squares %v", work, squares)
	}
	// From 28 s to 88 s there are 10 a second.
	for i, want := range []float64{0, 0, 20, 100, 100, 100, 100, 100, 80, 0} {
		if got := m.buckets[i].work; math.Abs(got-want) > 1e-9 {
			t.Errorf("bucket %d has %v, want %v", i, got, want)
		}
	}
	m.Share(now, Worth{Ago: 92 * time.Second, For: 60 * time.Second, Before: -6000})
	if work, _ := m.sums(); work != 100 {
		t.Errorf("work %v after more was taken than there was", work)
	}
	m.Share(now, Worth{Ago: time.Hour, For: 30 * time.Minute, Before: 1}) // before the meter began
	if work, _ := m.sums(); work != 100 {
		t.Errorf("work %v after a share about long ago", work)
	}
	m.Share(now, Worth{Ago: 120 * time.Second, For: 10 * time.Second, Before: 7}) // from the beginning on
	if got := m.buckets[0].work; got != 7 {
		t.Errorf("the first bucket has %v, want 7", got)
	}
	now = simStart.Add(365 * time.Second)
	m.Share(now, Worth{Ago: 365 * time.Second, For: 365 * time.Second, Before: 36.5}) // 0.1 a second until now
	if work, _ := m.sums(); math.Abs(work-129.5) > 1e-9 {                             // the window begins at 70 s
		t.Errorf("work %v, want only the part that is within the window", work)
	}
	if got := m.buckets[36%len(m.buckets)].work; math.Abs(got-0.5) > 1e-9 {
		t.Errorf("the present bucket has %v, want 0.5", got)
	}
	if e := m.Estimate(now); e.Shares != 5 {
		t.Errorf("%d shares", e.Shares)
	}
}

// From the first minute on, the estimates of a meter that begins with the first job are right
// on average, and their intervals contain the rate, though it was asked for long before there
// was a job.
func TestEstimateOfTheFirstMinutes(t *testing.T) {
	const asked = 10 * time.Minute
	minutes := []time.Duration{1, 2, 3, 4}
	sums, squares := make([]float64, len(minutes)), make([]float64, len(minutes))
	var windows, covering int
	n := seeds(t)
	for seed := range uint64(n) {
		rate := rateOf(seed)
		v := New(Config{Start: rate * 60 / DefaultRate, Least: 1e-30})
		var server Meter
		for before := asked; before > 0; before -= time.Minute {
			server.Estimate(simStart.Add(-before))
		}
		server.Begin(simStart)
		s := newSim(v, seed, rate)
		s.counted = func() { server.Share(s.clock(), v.Worth()) }
		for i, at := range minutes {
			s.run(at*time.Minute - s.now)
			e, want := server.Estimate(s.clock()), rate*Hashes
			if e.Over != at*time.Minute {
				t.Fatalf("after %v the estimate is over %v", at*time.Minute, e.Over)
			}
			sums[i] += e.Rate / want
			squares[i] += (e.Rate / want) * (e.Rate / want)
			windows++
			covering += count(e.Low <= want && want <= e.High)
		}
	}
	for i, at := range minutes {
		mean := sums[i] / float64(n)
		spread := math.Sqrt((squares[i]/float64(n) - mean*mean) / float64(n)) // of the mean
		t.Logf("%v after the first job: %.3f of the rate on average, ± %.3f", at*time.Minute, mean, 2*spread)
		if math.Abs(mean-1) > 4*spread {
			t.Errorf("%v after the first job the estimate is %.3f of the rate on average, ± %.3f", at*time.Minute, mean, 2*spread)
		}
	}
	if got := float64(covering) / float64(windows); got < 0.92 || got > 0.985 {
		t.Errorf("%.1f %% of the intervals contain the rate, want about 95 %%", 100*got)
	}
}
