package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lodepow/lode/pow"
)

// shortSearches is the number of searches in one operation of Short.
const shortSearches = 16

// Short compares the time of whole searches with the law: the tries of each search
// divided by the rate of all cores, as if nothing but hashing took time. In a run of
// searches (pause 0) each follows the one before at once; with a longer pause the
// machine has gone to sleep before each.
//
// The rate is measured again after every few searches, and each search is compared with
// the one before it, because the rate of a core that is shared with other machines changes
// all the time. law-best-sec is by the best of these rates instead.
//
// Measured in the same way is the time that this machine takes to run a second goroutine
// beside one that keeps its core busy, after the same pause. No search can use its other
// cores sooner than that.
func Short(c Config, zeros []int, pauses []time.Duration) []Case {
	k, _, err := pow.Choose("")
	workers := c.cores()
	var cases []Case
	for _, pause := range pauses {
		for _, z := range zeros {
			one := Case{
				Name:  fmt.Sprintf("Short/zeros=%d/pause=%s/workers=%d", z, pause, workers),
				Procs: workers + 1,
				Start: func() (*Run, error) { return startShort(c, k, workers, z, pause) },
			}
			if c.Rate > 0 {
				one.Ops = 1
			}
			if err != nil {
				one.Skip = err.Error()
			}
			cases = append(cases, one)
		}
	}
	return cases
}

// shortStream is the offset that gives Short other streams of headers than Search.
const shortStream = 2000

func startShort(c Config, k pow.Kernel, workers, zeros int, pause time.Duration) (*Run, error) {
	engine, err := newEngine(k, workers)
	if err != nil {
		return nil, err
	}
	headers := NewHeaders(c.Seed, c.Round, shortStream+zeros)
	target := pow.ZerosTarget(zeros)
	var took, rates, laws, wakes []float64
	var tries uint64
	return &Run{
		Op: func(ctx context.Context) error {
			rate, err := rateOfAll(ctx, engine, k, workers)
			if err != nil {
				return err
			}
			rates = append(rates, rate)
			time.Sleep(pause)
			wakes = append(wakes, wakeTime().Seconds())
			for range shortSearches {
				time.Sleep(pause) // returns at once if there is none
				header := headers.Next()
				start := time.Now()
				r, err := searchOn(ctx, engine.Search, header, target)
				took = append(took, time.Since(start).Seconds())
				if err != nil {
					return err
				}
				laws = append(laws, float64(r.Tries)/rate)
				tries += r.Tries
			}
			return nil
		},
		Report: func(int, time.Duration) []Metric {
			law, each := mean(laws), float64(tries)/float64(len(took))
			rate := each / law
			return []Metric{
				{0, nsPerOp},
				{mean(took), "mean-sec"},
				{law, "law-sec"},
				{each / slices.Max(rates), "law-best-sec"},
				{lawAwake(zeros, rate, workers, wakes) / lawAwake(zeros, rate, workers, []float64{0}) * law, "law-awake-sec"},
				{mean(wakes), "wake-sec"},
				{mean(took) / law, "over-law"},
			}
		},
	}, nil
}

// rateOfAll measures the rate of a search on all cores, in H/s, for some milliseconds.
func rateOfAll(ctx context.Context, engine *pow.Engine, k pow.Kernel, workers int) (float64, error) {
	job := pow.Job{Header: pow.BitcoinGenesis(), Target: hopeless(), Count: uint64(32 * workers * k.Chunk())}
	start := time.Now()
	r, err := engine.Search(ctx, job)
	if !errors.Is(err, pow.ErrExhausted) {
		return 0, fmt.Errorf("a search for 200 zeros ended otherwise than without an answer: %w", err)
	}
	return float64(r.Hashes) / time.Since(start).Seconds(), nil
}

// wakeTime returns the time until a second goroutine runs while this one keeps its core
// busy. It starts two of them, because the scheduler reserves the last one for the
// thread that has started it.
func wakeTime() time.Duration {
	var running atomic.Bool
	start := time.Now()
	for range 2 {
		go running.Store(true)
	}
	for !running.Load() {
		continue
	}
	return time.Since(start)
}

// lawAwake returns the mean time of searches by the geometric law if one of the workers
// begins at once and the others after the given times, in seconds. rate is that of all
// workers.
func lawAwake(zeros int, rate float64, workers int, wakes []float64) float64 {
	each := rate * math.Exp2(-float64(zeros)) // answers a second of all workers
	first := each / float64(workers)
	var sum float64
	for _, wake := range wakes {
		asleep := math.Exp(-first * wake) // probability that the first finds no answer before
		sum += (1-asleep)/first + asleep/each
	}
	return sum / float64(len(wakes))
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// shortZeros returns the difficulties of Short, in leading zero bits.
func shortZeros() []int { return []int{8, 10, 12, 14, 16, 18, 20, 24} }

// shortPauses returns the pauses of Short. 20 ms are long enough for a core to sleep.
func shortPauses() []time.Duration { return []time.Duration{0, 20 * time.Millisecond} }
