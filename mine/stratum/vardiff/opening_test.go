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

// What a share says about the time since the first job is spread over that time, takes the
// place of what was said before, and leaves the window with that time.
func TestWorthOfTheOpening(t *testing.T) {
	var m Meter
	m.Begin(simStart)
	now := simStart.Add(2 * time.Minute)
	first := Work{Done: 600, Squares: 300, For: 60 * time.Second}
	m.Share(now, Worth{Share: 100, Ago: 92 * time.Second, Opening: first})
	if work, squares := m.sums(); work != 700 || math.Abs(squares-10300) > 1e-6 {
		t.Errorf("work %v, squares %v", work, squares)
	}
	// From 28 s to 88 s there are 10 a second.
	for i, want := range []float64{0, 0, 20, 100, 100, 100, 100, 100, 80, 0} {
		if got := m.buckets[i].work; math.Abs(got-want) > 1e-9 {
			t.Errorf("bucket %d has %v, want %v", i, got, want)
		}
	}
	m.Share(now, Worth{Ago: 92 * time.Second, Before: first, Opening: Work{Done: 92, Squares: 46, For: 92 * time.Second}})
	for i, want := range []float64{0, 0, 2, 10, 10, 10, 10, 10, 10, 10, 10, 10, 100} {
		if got := m.buckets[i].work; math.Abs(got-want) > 1e-9 {
			t.Errorf("after the second share bucket %d has %v, want %v", i, got, want)
		}
	}
	if work, squares := m.sums(); math.Abs(work-192) > 1e-9 || math.Abs(squares-10046) > 1e-6 {
		t.Errorf("after the second share: work %v, squares %v", work, squares)
	}
	m.Share(now, Worth{Ago: 92 * time.Second, Before: Work{Done: 6000, Squares: 1e6, For: 92 * time.Second}})
	if work, squares := m.sums(); work != 100 || squares != 10000 {
		t.Errorf("work %v, squares %v after more was taken than there was", work, squares)
	}
	m.Share(now, Worth{Ago: time.Hour, Opening: Work{Done: 1, For: 30 * time.Minute}}) // before the meter began
	if work, _ := m.sums(); work != 100 {
		t.Errorf("work %v after a share about long ago", work)
	}
	m.Share(now, Worth{Ago: 120 * time.Second, Opening: Work{Done: 7, For: 10 * time.Second}}) // from the beginning on
	if got := m.buckets[0].work; got != 7 {
		t.Errorf("the first bucket has %v, want 7", got)
	}
	now = simStart.Add(365 * time.Second)
	m.Share(now, Worth{Ago: 365 * time.Second, Opening: Work{Done: 36.5, For: 365 * time.Second}}) // 0.1 a second until now
	if work, _ := m.sums(); math.Abs(work-129.5) > 1e-9 {                                          // the window begins at 70 s
		t.Errorf("work %v, want only the part that is within the window", work)
	}
	if got := m.buckets[36%len(m.buckets)].work; math.Abs(got-0.5) > 1e-9 {
		t.Errorf("the present bucket has %v, want 0.5", got)
	}
	if e := m.Estimate(now); e.Shares != 6 {
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

// A share that is found by luck while the difficulty is far too high counts as one share, and
// not as the work that such a share takes on average. A share of an easier job that is still
// under way counts for less.
func TestLuckyShare(t *testing.T) {
	v := New(Config{Start: 1000})
	now := simStart
	v.Out(now, 1000)
	share := func(after time.Duration, difficulty float64) Worth {
		now = now.Add(after)
		v.Share(now, difficulty)
		return v.Worth()
	}
	if w := share(10*time.Second, 1000); w != (Worth{}) {
		t.Errorf("the first share is worth %+v", w)
	}
	lucky := share(time.Second, 1000)
	// It tells 1000 in a second after the first share, and nothing about the time before it.
	if w := lucky.Opening; math.Abs(w.Done-1000) > 1e-6 || math.Abs(w.Squares-1e6) > 1e-3 || w.For != 11*time.Second ||
		lucky.Before != (Work{}) || lucky.Ago != 11*time.Second || lucky.Share != 0 {
		t.Errorf("the lucky share is worth %+v, want 1000 done in 11 s", lucky)
	}
	v.Out(now, 1)
	share(time.Second, 1)
	for range 28 {
		share(time.Second, 1)
	}
	// 31 shares less a half in an exposure of a thousandth and 30, over 30 and 10 seconds.
	w := share(time.Second, 0.5)
	done := (30.5*31 + 29.5*10) / 30.001
	if math.Abs(w.Opening.Done-done) > 1e-9 || math.Abs(w.Opening.Squares-done*done/30.5) > 1e-9 || w.Opening.For != 41*time.Second || w.Before.For != 40*time.Second {
		t.Errorf("the last share is worth %+v, want %v done in 41 s", w, done)
	}
	e := v.Estimate(now)
	if got, want := e.Rate/Hashes, done/41; math.Abs(got-want) > 1e-9 || e.Shares != 32 || e.Over != 41*time.Second {
		t.Errorf("%+v: a rate of %v, want %v", e, got, want)
	}
	// The sixty shares after the first one are judged together.
	for range 29 {
		if w = share(time.Second, 1); w.Share != 0 || w.Opening.For != now.Sub(simStart) {
			t.Errorf("after %v a share is worth %+v", now.Sub(simStart), w)
		}
	}
	if w = share(time.Second, 1); w != (Worth{Share: 1}) {
		t.Errorf("a later share is worth %+v", w)
	}
}

// While the clock stands still, shares say nothing about a rate; a later one tells of them.
func TestSharesAtOnce(t *testing.T) {
	v := New(Config{Start: 1})
	v.Out(simStart, 1)
	for range 5 {
		v.Share(simStart, 1)
		if w := v.Worth(); w != (Worth{}) {
			t.Errorf("a share is worth %+v", w)
		}
	}
	now := simStart.Add(10 * time.Second)
	v.Share(now, 1)
	if e := v.Estimate(now); math.Abs(e.Rate*10/Hashes-5) > 1e-9 {
		t.Errorf("%+v, want five shares in ten seconds", e)
	}
}

// When only the last seconds of the time that the first shares tell of are left in the window,
// they are less than half a share. The rate is still told, and its interval has an upper bound.
func TestEndOfTheOpening(t *testing.T) {
	for name, test := range map[string]struct {
		first, second, from, to time.Duration
	}{
		"two shares, then silence": {60 * time.Second, 70 * time.Second, 330 * time.Second, 359 * time.Second},
		"a late second share":      {time.Minute, 10 * time.Minute, 10 * time.Minute, 14*time.Minute + 49*time.Second},
	} {
		v := New(Config{Start: 1})
		v.Out(simStart, 1)
		v.Share(simStart.Add(test.first), 1)
		v.Share(simStart.Add(test.second), 1)
		for at := test.from; at <= test.to; at += time.Second {
			e := v.Estimate(simStart.Add(at))
			if e.Rate <= 0 || e.Low > e.Rate || e.High < e.Rate || math.IsInf(e.High, 0) {
				t.Errorf("%s: %+v after %v", name, e, at)
			}
		}
	}
}
