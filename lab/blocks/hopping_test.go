package blocks

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// Of a share that hops, the part mines whose threshold the profit reaches.
func TestHoppers(t *testing.T) {
	x := Experiment{Hopping: Hopping{Share: 0.4, Threshold: Dist{Law: Uniform, Mean: 1, Spread: 0.5}}}
	m := newMarket(&x, 3, 100)
	for profit, want := range map[float64]float64{0.4: 0.6, 0.75: 0.7, 1: 0.8, 1.25: 0.9, 1.6: 1} {
		here := 0
		for draw := range uint64(20_000) {
			if !m.isAway(draw, profit) {
				here++
			}
		}
		if got := float64(here) / 20_000; math.Abs(got-want) > 0.012 {
			t.Errorf("profit %v: a share of %.3f mines, want %.3f", profit, got, want)
		}
		if got := m.present(profit); math.Abs(got-want) > 0.02 {
			t.Errorf("profit %v: present says %.3f, want %.3f", profit, got, want)
		}
	}
	x.Hopping.Threshold = Dist{Mean: 1.2}
	m = newMarket(&x, 3, 100)
	if m.present(1.19) != 0.6 || m.present(1.2) != 1 || !m.isAway(lowDraw(m), 1.19) || m.isAway(lowDraw(m), 1.2) {
		t.Error("a constant threshold is not one")
	}
}

// lowDraw returns the number of a draw that falls to hash rate that hops.
func lowDraw(m *market) uint64 {
	for draw := uint64(0); ; draw++ {
		if m.isAway(draw, 0) {
			return draw
		}
	}
}

// The profit follows the price and the difficulty.
func TestProfit(t *testing.T) {
	x := Experiment{Hopping: Hopping{Share: 0.1, Prices: []PriceStep{{At: time.Hour, Price: 3}, {At: 2 * time.Hour, Price: 0.5}}}}
	m := newMarket(&x, 1, 100)
	for _, tt := range []struct {
		at     time.Duration
		hashes float64
		want   float64
	}{
		{0, 100, 1}, {time.Hour - 1, 200, 0.5}, {time.Hour, 100, 3}, {90 * time.Minute, 50, 6}, {3 * time.Hour, 100, 0.5},
	} {
		if got := m.profit(int64(tt.at), tt.hashes); got != tt.want {
			t.Errorf("after %s, at %v hashes: profit %v, want %v", tt.at, tt.hashes, got, tt.want)
		}
	}

	// The random walk: after 25 days the logarithm deviates by five times the volatility.
	x.Hopping = Hopping{Share: 0.1, Volatility: 0.04}
	const walks = 400
	var squares float64
	for seed := range uint64(walks) {
		m := newMarket(&x, seed, 1)
		if got := m.profit(int64(priceTick)-1, 1); got != 1 {
			t.Fatalf("before the first step the price is %v", got)
		}
		l := math.Log(m.profit(int64(25*24*time.Hour), 1))
		squares += l * l / walks
	}
	if got := math.Sqrt(squares); math.Abs(got-0.2) > 0.025 {
		t.Errorf("the price deviates by %.3f, want 0.2", got)
	}
}

// A share that always stays away leaves the interval of the rest, and one that always
// mines changes nothing but the engine.
func TestHoppersAtAFixedDifficulty(t *testing.T) {
	x := Experiment{Nodes: 1, Blocks: 20_000, Hopping: Hopping{Share: 0.75, Prices: []PriceStep{{At: time.Nanosecond, Price: 0.9}}}}
	r := run(t, x, 1, Options{})
	if got := r.Intervals.Mean().Seconds(); math.Abs(got-2400) > 4*2400/math.Sqrt(20_000) {
		t.Errorf("%.1f s from block to block, want 2400 at a quarter of the hash rate", got)
	}
	if mean, deviation := r.Course.Error(); math.Abs(mean-math.Log(4)) > 1e-6 || deviation > 1e-6 {
		t.Errorf("error %v ± %v, want ln 4", mean, deviation)
	}
	x.Hopping.Prices[0].Price = 1.1
	r = run(t, x, 1, Options{})
	if got := r.Intervals.Mean().Seconds(); math.Abs(got-600) > 4*600/math.Sqrt(20_000) || r.Engine != Events {
		t.Errorf("%.1f s from block to block with %s, want 600", got, r.Engine)
	}
}

func TestHoppingMistakes(t *testing.T) {
	price := []PriceStep{{At: 1, Price: 2}}
	for want, h := range map[string]Hopping{
		"hopping: share 1: want 0 to 0.99":              {Share: 1},
		"nothing hops at a share of 0":                  {Volatility: 0.1},
		"at a share of 0: set the share, or leave":      {Threshold: Dist{Mean: 1}},
		"the profit never changes at a fixed":           {Share: 0.5},
		`hopping: threshold: law "normal": want`:        {Share: 0.5, Prices: price, Threshold: Dist{Law: "normal"}},
		"hopping: volatility 2: want 0 to 1":            {Share: 0.5, Volatility: 2},
		"price 0, of 0 at 1ns: want a price from 1e-06": {Share: 0.5, Prices: []PriceStep{{At: 1}}},
		"price 1, of 1 at 1ns":                          {Share: 0.5, Prices: []PriceStep{{At: 1, Price: 1}, {At: 1, Price: 1}}},
	} {
		if _, err := (Experiment{Hopping: h}).WithDefaults(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
	x := Experiment{Hopping: Hopping{Share: 0.5, Prices: price}, Engine: Paths}
	if _, err := x.WithDefaults(); err == nil || !strings.Contains(err.Error(), "comes and goes") {
		t.Errorf("error %v", err)
	}
}

// A course sums up a run of any length in its bins.
func TestCourse(t *testing.T) {
	c := Course{Step: time.Second, interval: time.Second}
	const n = 100_000
	for i := range n {
		c.add(time.Duration(i)*time.Second/4, time.Second/4, 2*time.Second)
	}
	if c.Step != 128*time.Second || len(c.Bins) != 196 {
		t.Fatalf("%d bins of %s, want 196 of 128 s", len(c.Bins), c.Step)
	}
	sum := int64(0)
	for i := range c.Bins {
		sum += c.Bins[i].Blocks
		if i < len(c.Bins)-1 && (c.Interval(i) != 0.25 || c.Bins[i].Expected() != 2*time.Second) {
			t.Fatalf("bin %d: %v s from block to block, %s expected", i, c.Interval(i), c.Bins[i].Expected())
		}
	}
	if mean, deviation := c.Error(); sum != n || math.Abs(mean-math.Ln2) > 1e-6 || deviation > 1e-6 {
		t.Errorf("%d blocks, error %v ± %v", sum, mean, deviation)
	}
	// A long gap leaves bins empty.
	gap := Course{Step: time.Second, interval: time.Second}
	gap.add(0, 0, time.Second)
	gap.add(200*time.Second, 200*time.Second, time.Second/2)
	if len(gap.Bins) != 201 || gap.Bins[100].Expected() != 0 || !math.IsNaN(gap.Interval(100)) {
		t.Errorf("%d bins after a gap", len(gap.Bins))
	}
	if mean, deviation := gap.Error(); math.Abs(mean+math.Ln2/2) > 1e-6 || math.Abs(deviation-math.Ln2/math.Sqrt2) > 1e-6 {
		t.Errorf("error %v ± %v", mean, deviation)
	}
	if mean, _ := new(Course).Error(); !math.IsNaN(mean) {
		t.Errorf("without blocks the error is %v", mean)
	}
}

// At a fixed difficulty the error of the difficulty is what the hash rate makes it, with
// both engines.
func TestCourseOfASteppingHashRate(t *testing.T) {
	for _, engine := range []Engine{Events, Paths} {
		x := Experiment{Nodes: 3, Blocks: 1000, Engine: engine, Power: Power{Steps: []PowerStep{{At: 50 * time.Hour, Factor: 4}}}}
		r := run(t, x, 1, Options{})
		for i, b := range r.Course.Bins {
			begin := time.Duration(i) * r.Course.Step
			switch {
			case b.Blocks == 0:
			case begin+r.Course.Step < 50*time.Hour && b.Expected() != 10*time.Minute:
				t.Errorf("%s: before the step, blocks are expected to take %s", engine, b.Expected())
			case begin > 50*time.Hour && b.Expected() != 150*time.Second:
				t.Errorf("%s: after the step, blocks are expected to take %s", engine, b.Expected())
			}
		}
	}
}

// The hashes of runs with wrong clocks, lies and hash rate that hops are the same on every
// machine, as those of TestHashes are.
func TestDifficultyHashes(t *testing.T) {
	lwma, err := rules.New(rules.Config{Name: "lwma", Difficulty: rules.Difficulty{Rule: rules.RuleLwma, Window: 30, Limit: 0x207fffff}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		x    Experiment
		want string
	}{
		{"lwma", Experiment{
			Nodes: 40, Blocks: 600, Params: lwma, Clocks: Clocks{Error: Dist{Law: LogNormal, Mean: 60, Spread: 1}, Liars: []Liar{{Node: 2, Offset: 5 * time.Minute}}},
			Hopping: Hopping{Share: 0.5, Threshold: Dist{Law: LogNormal, Mean: 1, Spread: 0.1}, Volatility: 0.1},
		}, "be248fcc6294a56c"},
		{"bitcoin2016", Experiment{
			Nodes: 40, Blocks: 600, Params: network2016(t, 50), Interval: 10 * time.Minute, Clocks: Clocks{Liars: []Liar{{Node: 1, Warp: true}}},
			Hopping: Hopping{Share: 0.3, Threshold: Dist{Mean: 1.1}},
		}, "b82db7eb16252e05"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, tt.x, 7, Options{})
			if got := hex.EncodeToString(r.Hash[:8]); got != tt.want {
				t.Errorf("hash %s, want %s\n%s", got, tt.want, text(r))
			}
		})
	}
}
