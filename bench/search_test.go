package bench

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/lodepow/lode/pow"
)

// BenchmarkSearch measures whole searches, each on another header, until one is
// solved: what a miner gets at that difficulty. tries/op says how lucky the run
// was; H/s does not depend on it.
func BenchmarkSearch(b *testing.B) {
	for _, zeros := range []int{8, 16, 20, 24} {
		for _, k := range pow.Kernels() {
			for _, workers := range workerCounts() {
				b.Run(fmt.Sprintf("zeros=%d/kernel=%s/workers=%d", zeros, k.Name(), workers), func(b *testing.B) {
					skipIfMissing(b, k)
					engine := newEngine(b, k, workers)
					job := pow.Job{Header: pow.BitcoinGenesis(), Target: pow.ZerosTarget(zeros)}
					var hashes, tries uint64
					for b.Loop() {
						job.Header.Time++
						r, err := engine.Search(b.Context(), job)
						if err != nil {
							b.Fatal(err)
						}
						hashes += r.Hashes
						tries += r.Tries
					}
					b.ReportMetric(float64(hashes)/b.Elapsed().Seconds(), "H/s")
					b.ReportMetric(float64(tries)/float64(b.N), "tries/op")
				})
			}
		}
	}
}

// workerCounts returns 1, 2, 4, ... up to the cores, and the cores.
func workerCounts() []int {
	cores := runtime.NumCPU()
	var counts []int
	for n := 1; n < cores; n *= 2 {
		counts = append(counts, n)
	}
	return append(counts, cores)
}

// newEngine makes an engine and, as cmd/lode does, gives the scheduler one P
// more than there are workers.
func newEngine(b *testing.B, k pow.Kernel, workers int) *pow.Engine {
	b.Helper()
	engine, err := pow.New(pow.Config{Workers: workers, Kernel: k.Name()})
	if err != nil {
		b.Fatal(err)
	}
	setProcs(b, workers+1)
	return engine
}

func setProcs(b *testing.B, n int) {
	before := runtime.GOMAXPROCS(n)
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
}
