package vardiff

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// seeds returns how many seeds a simulation has: a thousand in the full size.
func seeds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("LODE_VARDIFF_SEEDS")
	if text == "" {
		return 100
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("LODE_VARDIFF_SEEDS=%q: want a number greater than 0", text)
	}
	return n
}

// warmUp is how long a simulated miner runs before anything happens to it.
const warmUp = 15 * time.Minute

// figures are what an algorithm achieves, over all seeds.
type figures struct {
	seeds                   int
	boot, up, down, half    int // seeds in which the difficulty was right in time
	changes                 int // in an hour of steady work, all seeds together
	windows, near, covering int // of five minutes; see estimates
}

// right reports whether the difficulty is within half of the ideal one.
func right(s *sim) bool { return math.Abs(s.off()-1) <= 0.5 }

// rateOf draws the rate of a miner, from 1 kH/s to 1 PH/s.
func rateOf(seed uint64) float64 {
	r := rand.New(rand.NewPCG(seed, 2))
	return math.Pow(10, 3+12*r.Float64()) / Hashes
}

// measure runs an algorithm with miners of many rates: from the start, through a step of
// ten in either direction, through a drop by half, and an hour of steady work.
func measure(seeds int, make func() algorithm) figures {
	f := figures{seeds: seeds}
	for seed := range uint64(seeds) {
		rate := rateOf(seed)
		warm := func() *sim {
			s := newSim(make(), seed, rate)
			s.run(warmUp)
			return s
		}
		s := newSim(make(), seed, rate)
		s.run(3 * time.Minute)
		f.boot += count(right(s))

		s = warm()
		s.rate *= 10
		s.run(time.Minute)
		f.up += count(right(s))

		s = warm()
		s.rate /= 10
		s.run(time.Minute)
		f.down += count(right(s))

		s = warm()
		s.rate /= 2
		s.run(3 * time.Minute)
		f.half += count(right(s))

		s = warm()
		f.steady(s)
	}
	return f
}

func count(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

// steady counts the changes of an hour in which nothing happens, and how good the
// estimates of the rate are.
func (f *figures) steady(s *sim) {
	const pause = 5 * time.Minute
	begin := s.now
	for s.now < begin+time.Hour {
		s.run(pause)
		v, ok := s.a.(*Controller)
		if !ok {
			continue
		}
		e, rate := v.Estimate(s.clock()), s.rate*Hashes
		f.windows++
		f.near += count(math.Abs(e.Rate/rate-1) <= 0.2)
		f.covering += count(e.Low <= rate && rate <= e.High)
	}
	f.changes += s.changesSince(begin)
}

func (f figures) percent(n int) float64 { return 100 * float64(n) / float64(f.seeds) }

// row is the line of the table in docs/stratum-server.md.
func (f figures) row(name string) string {
	return fmt.Sprintf("| %-22s | %5.1f %% | %5.1f %% | %5.1f %% | %5.1f %% | %5.2f |", name,
		f.percent(f.boot), f.percent(f.up), f.percent(f.down), f.percent(f.half), float64(f.changes)/float64(f.seeds))
}

// A hundred seeds have a spread of a few percent, so the limits of the everyday size are
// wider than those that the full size has to keep.
func TestFigures(t *testing.T) {
	n := seeds(t)
	full := n >= 1000
	f := measure(n, func() algorithm { return New(Config{}) })
	t.Logf("%d seeds, the difficulty within half of the ideal one: 3 min after the start %.1f %%, 60 s after ten times the rate %.1f %%, after a tenth %.1f %%, 3 min after half %.1f %%",
		n, f.percent(f.boot), f.percent(f.up), f.percent(f.down), f.percent(f.half))
	t.Logf("%.2f changes an hour of steady work; of %d estimates over five minutes, %.1f %% are within 20 %% of the rate, and %.1f %% of the intervals contain it",
		float64(f.changes)/float64(n), f.windows, 100*float64(f.near)/float64(f.windows), 100*float64(f.covering)/float64(f.windows))
	least, most := 88.0, 1.5
	if full {
		least, most = 95, 1
	}
	for name, got := range map[string]int{"ten times the rate": f.up, "a tenth of the rate": f.down, "half the rate": f.half} {
		if f.percent(got) < least {
			t.Errorf("%s: right in time in %.1f %% of the seeds, want %.0f %%", name, f.percent(got), least)
		}
	}
	if got := float64(f.changes) / float64(n); got > most {
		t.Errorf("%.2f changes an hour, want at most %.1f", got, most)
	}
	if got := float64(f.near) / float64(f.windows); got < 0.9 {
		t.Errorf("%.1f %% of the estimates are near, want 90 %%", 100*got)
	}
	if got := float64(f.covering) / float64(f.windows); got < 0.93 || got > 0.98 {
		t.Errorf("%.1f %% of the intervals contain the rate, want about 95 %%", 100*got)
	}
}

// TestComparison prints the table of docs/stratum-server.md: the same miners with the published
// algorithms.
func TestComparison(t *testing.T) {
	n := min(seeds(t)/5, 200)
	table := []string{"", "| algorithm              | start   | × 10    | ÷ 10    | ÷ 2     | changes an hour |", "|---|---:|---:|---:|---:|---:|"}
	ours := measure(n, func() algorithm { return New(Config{}) })
	table = append(table, ours.row("Lode, 50 a minute"))
	for _, other := range []struct {
		name string
		make func() algorithm
	}{
		{"Lode, 18 a minute", func() algorithm { return New(Config{Rate: 18}) }},
		{"ckpool, 18 a minute", func() algorithm { return newCkpool() }},
		{"SRI, 6 a minute", func() algorithm { return newSRI(6) }},
		{"SRI, 50 a minute", func() algorithm { return newSRI(50) }},
		{"DATUM, 8 a minute", func() algorithm { return newDatum(8) }},
		{"DATUM, 50 a minute", func() algorithm { return newDatum(50) }},
	} {
		f := measure(n, other.make)
		table = append(table, f.row(other.name))
		// None of them finds a drop to half within three minutes as often.
		if f.half > ours.half {
			t.Errorf("%s: half the rate was found in %.1f %%, ours in %.1f %%", other.name, f.percent(f.half), ours.percent(ours.half))
		}
	}
	t.Log(strings.Join(table, "\n"))
}
