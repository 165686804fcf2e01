package vardiff

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// A session that was silent for a long time at a low difficulty is judged by its shares
// exactly as one that has begun just now. The exposure of the silence is greater than that
// of a fast miner's shares by so much that a sum of both would not tell the latter.
func TestFastAfterSilence(t *testing.T) {
	const low = 1e-8
	run := func(silence time.Duration, rate float64) *Controller {
		v := New(Config{Start: low})
		now, out := simStart, low
		v.Out(now, out)
		for end := now.Add(silence); now.Before(end); {
			now = now.Add(simTick)
			v.Tick(now)
		}
		for range 500 {
			now = now.Add(max(simPace, time.Duration(out/rate*float64(time.Second))))
			v.Share(now, out)
			if d := v.Difficulty(); d != out {
				out = d
				v.Out(now, out)
			}
		}
		return v
	}
	for _, hashes := range []float64{1e12, 1e14, 1e16, 1e18} {
		rate := hashes / Hashes
		want := run(time.Minute, rate).Difficulty()
		if off := want / (rate / New(Config{}).aim); math.Abs(off-1) > 0.15 {
			t.Errorf("%g hashes a second: the difficulty is %.3f of the ideal one", hashes, off)
		}
		for _, silence := range []time.Duration{time.Hour, 12 * time.Hour, 30 * 24 * time.Hour} {
			if got := run(silence, rate).Difficulty(); got != want {
				t.Errorf("%g hashes a second: a difficulty of %v after a silence of %v, and of %v after a minute", hashes, got, silence, want)
			}
		}
	}
}

// The exposure of each window, and that since the first share, is that of exact arithmetic,
// whatever the difficulties and the pauses before the window were.
func TestExactExposure(t *testing.T) {
	const closeness = 1e-11 // a sum of thousands of numbers, each rounded to 1.1e-16
	const precision = 400
	exact := func(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 3))
		v := New(Config{})
		now, out := simStart, 0.0
		total, first := exact(0), (*big.Float)(nil)
		var begins []*big.Float // total when each window begins, the oldest first
		begins = append(begins, exact(0))
		for range 5000 {
			was := now
			pause := math.Pow(10, -3+4*r.Float64()) // a millisecond to ten seconds
			if r.IntN(200) == 0 {
				pause = 1e6 * r.Float64()
			}
			now = now.Add(time.Duration(pause * float64(time.Second)))
			if out > 0 {
				passed := exact(now.Sub(was).Seconds())
				total = new(big.Float).Add(total, passed.Quo(passed, exact(out)))
			}
			switch choice := r.IntN(20); {
			case out == 0 || choice == 0:
				out = math.Pow(10, -8+20*r.Float64())
				v.Out(now, out)
			case choice == 1:
				v.Tick(now)
				v.Suggest(out)
				begins = []*big.Float{total}
			case choice < 8:
				v.Tick(now)
				begins = begins[len(begins)-len(v.spans):]
			default:
				v.Share(now, out)
				begins = append(begins, total)
				begins = begins[len(begins)-len(v.spans):]
				if first == nil {
					first = total
				}
			}
			for i, begin := range begins {
				want, _ := new(big.Float).Sub(total, begin).Float64()
				if got := v.window(i).exposure; math.Abs(got-want) > closeness*want {
					t.Fatalf("seed %d: window %d of %d has the exposure %v, want %v", seed, i, len(begins), got, want)
				}
			}
			if first != nil {
				want, _ := new(big.Float).Sub(total, first).Float64()
				if got := v.opening.exposed; math.Abs(got-want) > closeness*want {
					t.Fatalf("seed %d: since the first share %v, want %v", seed, got, want)
				}
			}
		}
	}
}
