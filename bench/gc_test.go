package bench

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

// BenchmarkGC measures garbage collections during a search that uses all cores
// (spare=0) or all but one (spare=1). The scheduler cannot interrupt a kernel
// written in assembly, so several times in each collection the collector has to
// wait until the current chunks are finished. Without a spare core it also waits
// for its turn on one.
//
// The metric pause-max-sec is an upper bound of the longest stop-the-world pause.
// The metrics collect-p50-sec and collect-p99-sec are the durations of complete
// collections.
func BenchmarkGC(b *testing.B) {
	for _, spare := range []int{0, 1} {
		printSuite(fmt.Sprintf("GC spare=%d", spare))
		for _, k := range pow.Kernels() {
			b.Run(fmt.Sprintf("kernel=%s/spare=%d", k.Name(), spare), func(b *testing.B) {
				if why := missing(k); why != "" {
					b.Skip(why)
				}
				benchmarkGC(b, k, max(1, runtime.NumCPU()-spare))
			})
		}
	}
}

func benchmarkGC(b *testing.B, k pow.Kernel, workers int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(workers + 1))
	engine, err := newEngine(k, workers)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = engine.Search(ctx, pow.Job{Header: pow.BitcoinGenesis(), Target: hopeless()})
	}()
	time.Sleep(10 * time.Millisecond)

	before := pauses()
	var took []float64
	for b.Loop() {
		start := time.Now()
		runtime.GC()
		took = append(took, time.Since(start).Seconds())
	}
	after := pauses()
	cancel()
	<-done

	slowest := 0.0
	for i, n := range after.Counts {
		if n > before.Counts[i] {
			slowest = after.Buckets[i+1]
		}
	}
	slices.Sort(took)
	b.ReportMetric(slowest, "pause-max-sec")
	b.ReportMetric(took[len(took)/2], "collect-p50-sec")
	b.ReportMetric(took[len(took)*99/100], "collect-p99-sec")
}

// pauses returns the runtime's histogram of stop-the-world pauses for garbage
// collection.
func pauses() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Float64Histogram()
}
