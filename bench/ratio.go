package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lodepow/lode/pow"
)

// Overhead compares searches on one worker with the kernel alone, over the same
// nonces. The metric kernel/search is the kernel's time divided by the search's:
// the share of the kernel's speed that a search retains. There is a P more than workers,
// which a worker that yields may wake in vain, so this is the worse case.
func Overhead() []Case {
	var cases []Case
	for _, k := range pow.Kernels() {
		cases = append(cases, Case{
			Name:  "Overhead/kernel=" + k.Name(),
			Skip:  missing(k),
			Procs: 2,
			Start: func() (*Run, error) {
				engine, err := newEngine(k, 1)
				if err != nil {
					return nil, err
				}
				job := pow.Job{Header: pow.BitcoinGenesis(), Target: hopeless(), Count: uint64(64 * k.Chunk())}
				// Kernels from libraries have buffers of their own, so it is the engine's.
				scan := func(_ context.Context, job pow.Job) (pow.Result, error) { return engine.Kernel().Scan(job) }
				return startPairs(job, scan, engine.Search, "kernel/search", ""), nil
			},
		})
	}
	return cases
}

// Scaling measures how much faster the best kernel searches on several workers. The
// searches alternate with the same searches on one worker, and the metric speedup
// is the ratio of the two rates. The case of one worker against one shows how much
// the machine's noise affects a ratio.
func Scaling(c Config) []Case {
	k, _, err := pow.Choose("")
	var cases []Case
	for _, workers := range c.workerCounts() {
		one := Case{
			Name:  fmt.Sprintf("Scaling/workers=%d", workers),
			Procs: workers + 1,
			Start: func() (*Run, error) {
				single, err := newEngine(k, 1)
				if err != nil {
					return nil, err
				}
				several, err := newEngine(k, workers)
				if err != nil {
					return nil, err
				}
				job := pow.Job{Header: pow.BitcoinGenesis(), Target: hopeless(), Count: uint64(64 * workers * k.Chunk())}
				return startPairs(job, single.Search, several.Search, "speedup", "H/s"), nil
			},
		}
		if err != nil {
			one.Skip = err.Error()
		}
		cases = append(cases, one)
	}
	return cases
}

// startPairs runs two searches on the same job in each operation, one after the
// other in random order. It reports, in ratioUnit, the median of the first's time
// divided by the second's. If rateUnit is not empty, it also reports the median
// rate of the second.
func startPairs(job pow.Job, first, second SearchFunc, ratioUnit, rateUnit string) *Run {
	var ratios, rates []float64
	return &Run{
		Op: func(ctx context.Context) error {
			job.Header.Time++
			a, b, err := inTurns(ctx, job, first, second)
			if err != nil {
				return err
			}
			ratios = append(ratios, a/b)
			rates = append(rates, 1/b)
			return nil
		},
		Report: func(int, time.Duration) []Metric {
			metrics := []Metric{{0, nsPerOp}, {median(ratios), ratioUnit}}
			if rateUnit != "" {
				metrics = append(metrics, Metric{median(rates), rateUnit})
			}
			return metrics
		},
	}
}

// inTurns runs two searches on the same job, in random order and each somewhere on the
// stack, and returns the seconds that each takes for one hash. It fails if they return
// different answers.
func inTurns(ctx context.Context, job pow.Job, first, second SearchFunc) (a, b float64, err error) {
	searches := []SearchFunc{first, second}
	var results [2]pow.Result
	var perHash [2]float64
	order := []int{0, 1}
	if rand.IntN(2) == 1 {
		slices.Reverse(order)
	}
	for _, i := range order {
		var took time.Duration
		deeper(rand.IntN(manyFrames), func() {
			start := time.Now()
			results[i], err = searches[i](ctx, job)
			took = time.Since(start)
		})
		if err != nil && !errors.Is(err, pow.ErrExhausted) {
			return 0, 0, err
		}
		perHash[i] = took.Seconds() / float64(results[i].Hashes)
	}
	if results[0].Header != results[1].Header || results[0].Tries != results[1].Tries {
		return 0, 0, fmt.Errorf("two searches of the same job have different answers: %+v and %+v", results[0], results[1])
	}
	return perHash[0], perHash[1], nil
}

// manyFrames is the number of frames of deeper that fill at least a page of 4 KiB.
const manyFrames = 256

// deeper calls f below the given number of frames on the stack.
//
// A core takes a load for one that needs an earlier store if both addresses agree in
// their last twelve bits, and waits. So code is slower at those places of the stack where
// a buffer in a frame is at the same place of a page as one in the heap, up to 15 % with
// the kernels minio and stdlib. A search has more frames than its kernel alone, so at a
// fixed place chance would decide for all pairs which of the two is affected.
//
//go:noinline
func deeper(frames int, f func()) {
	if frames > 0 {
		deeper(frames-1, f)
		return
	}
	f()
}

// median returns the median of the values, of which there must be at least one. It
// does not change their order.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
