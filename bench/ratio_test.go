package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

// BenchmarkOverhead compares Search on one worker with the bare kernel, on the
// same headers to the same answers. kernel/search is the share of its kernel's
// speed that a search keeps.
func BenchmarkOverhead(b *testing.B) {
	const zeros = 24
	for _, k := range pow.Kernels() {
		b.Run(fmt.Sprintf("zeros=%d/kernel=%s", zeros, k.Name()), func(b *testing.B) {
			skipIfMissing(b, k)
			engine := newEngine(b, k, 1)
			job := pow.Job{Header: pow.BitcoinGenesis(), Target: pow.ZerosTarget(zeros)}
			var ratios []float64
			for b.Loop() {
				job.Header.Time++
				scan := func() (pow.Result, error) { return k.Scan(job) }
				search := func() (pow.Result, error) { return engine.Search(b.Context(), job) }
				ratios = append(ratios, inTurns(b, scan, search))
			}
			b.ReportMetric(median(ratios), "kernel/search")
		})
	}
}

// BenchmarkScaling compares two workers with one over the same nonces.
func BenchmarkScaling(b *testing.B) {
	for _, k := range pow.Kernels() {
		b.Run("kernel="+k.Name()+"/workers=2", func(b *testing.B) {
			skipIfMissing(b, k)
			one, two := newEngine(b, k, 1), newEngine(b, k, 2)
			job := pow.Job{Header: pow.BitcoinGenesis(), Target: hopeless, Count: 1 << 24}
			var ratios []float64
			for b.Loop() {
				ratios = append(ratios, inTurns(b,
					func() (pow.Result, error) { return one.Search(b.Context(), job) },
					func() (pow.Result, error) { return two.Search(b.Context(), job) }))
			}
			b.ReportMetric(median(ratios), "speedup")
		})
	}
}

// inTurns runs both, in random order, and returns the first one's time for a
// hash over the second one's. Both have to come to the same answer.
func inTurns(b *testing.B, first, second func() (pow.Result, error)) float64 {
	b.Helper()
	runs := []func() (pow.Result, error){first, second}
	var results [2]pow.Result
	var perHash [2]float64
	order := []int{0, 1}
	if rand.IntN(2) == 1 {
		slices.Reverse(order)
	}
	for _, i := range order {
		start := time.Now()
		var err error
		if results[i], err = runs[i](); err != nil && !errors.Is(err, pow.ErrExhausted) {
			b.Fatal(err)
		}
		perHash[i] = time.Since(start).Seconds() / float64(results[i].Hashes)
	}
	if results[0].Header != results[1].Header || results[0].Tries != results[1].Tries {
		b.Fatalf("%+v and %+v differ", results[0], results[1])
	}
	return perHash[0] / perHash[1]
}

// BenchmarkCancel measures how late a timer fires while every worker hashes, and
// how long Search takes to return after its context ended, with as many Ps as
// workers and with one to spare.
func BenchmarkCancel(b *testing.B) {
	for _, k := range pow.Kernels() {
		for _, spare := range []int{0, 1} {
			b.Run(fmt.Sprintf("kernel=%s/spare=%d", k.Name(), spare), func(b *testing.B) {
				skipIfMissing(b, k)
				workers := workerCounts()[len(workerCounts())-1]
				engine := newEngine(b, k, workers)
				setProcs(b, workers+spare)
				var late, took []float64
				for b.Loop() {
					ctx, cancel := context.WithCancel(b.Context())
					fired := make(chan time.Time, 1)
					after := time.Duration(2000+rand.IntN(2000)) * time.Microsecond
					due := time.Now().Add(after)
					time.AfterFunc(after, func() {
						fired <- time.Now()
						cancel()
					})
					if _, err := engine.Search(ctx, pow.Job{Target: hopeless}); !errors.Is(err, context.Canceled) {
						b.Fatal(err)
					}
					at := <-fired
					took = append(took, time.Since(at).Seconds())
					late = append(late, at.Sub(due).Seconds())
				}
				slices.Sort(took)
				b.ReportMetric(1e3*median(late), "timer-late-p50-ms")
				b.ReportMetric(1e3*median(took), "return-p50-ms")
				b.ReportMetric(1e3*took[len(took)*99/100], "return-p99-ms")
				b.ReportMetric(1e3*float64(k.Chunk())/chunkRate(k), "chunk-ms")
			})
		}
	}
}

// chunkRate returns the hashes per second of a kernel.
func chunkRate(k pow.Kernel) float64 {
	start := time.Now()
	r, _ := k.Scan(pow.Job{Target: hopeless, Count: 1 << 16})
	return float64(r.Hashes) / time.Since(start).Seconds()
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
