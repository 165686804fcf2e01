package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/internal/cycles"
	"github.com/lodepow/lode/pow"
)

// BenchmarkCycles measures how many cycles of one core a hash takes. A program is
// not always allowed to read a cycle counter, and the clock frequency of a core
// varies. Each slice of hashing is therefore preceded and followed by a chain of
// dependent multiplications, whose number of cycles is known (see [Clock]).
//
// The metric cycles/hash is the median over the slices, and cycles/hash-p10 is
// their tenth percentile. The difference between them shows the influence of other
// load on the machine.
func BenchmarkCycles(b *testing.B) {
	const (
		hashes     = 1 << 14
		multiplies = 1 << 14
	)
	for _, versions := range []int{1, 2, 4, 8, 16} {
		printSuite(fmt.Sprintf("Cycles versions=%d", versions))
		for _, k := range pow.Kernels() {
			b.Run(fmt.Sprintf("kernel=%s/versions=%d", k.Name(), versions), func(b *testing.B) {
				if why := missing(k); why != "" {
					b.Skip(why)
				}
				job := pow.Job{Header: pow.BitcoinGenesis(), Target: hopeless(), Count: uint64(hashes / versions)}
				for i := range versions {
					job.Versions = append(job.Versions, int32(0x20000000+i<<13))
				}
				var perHash []float64
				var hashing time.Duration
				x := uint64(3)
				for b.Loop() {
					start := time.Now()
					x = cycles.Multiply(x, multiplies/2)
					began := time.Now()
					_, _ = k.Scan(job)
					ended := time.Now()
					x = cycles.Multiply(x, multiplies/2)
					cycle := float64(began.Sub(start)+time.Since(ended)) / (cycles.ForEach * multiplies)
					perHash = append(perHash, float64(ended.Sub(began))/cycle/hashes)
					hashing += ended.Sub(began)
					job.First += uint32(job.Count)
				}
				if x%2 == 0 {
					// The check keeps the compiler from removing the multiplications.
					b.Fatal("a product of odd numbers is even")
				}
				slices.Sort(perHash)
				b.ReportMetric(hashes*float64(len(perHash))/hashing.Seconds(), "H/s")
				b.ReportMetric(median(perHash), "cycles/hash")
				b.ReportMetric(perHash[len(perHash)/10], "cycles/hash-p10")
			})
		}
	}
}
