// Package bench measures Lode. Its benchmarks are cases, ordinary values, which
// two programs run: go test -bench . ./bench, and the command lode bench.
//
// Machines are shared and noisy. So every benchmark is measured in rounds that
// take turns, and what compares two ways measures both inside one operation.
// Searches go through headers drawn from a seed: the same seed means the same
// headers, and so the same tries, for every kernel and number of workers.
package bench

import (
	"runtime"

	"github.com/lodepow/lode/pow"
)

// Config says what to measure. Its zero value measures everything that a machine
// of unknown speed can, from seed 0.
type Config struct {
	Seed  uint64 // of the headers to search
	Round uint64 // each has headers of its own

	// Rate, in H/s, is about what the best kernel does on one core, by which the
	// sweep is sized; 0: it is not, and every slice takes what time allows.
	Rate float64

	Cores int // 0: GOMAXPROCS
}

func (c Config) cores() int {
	if c.Cores > 0 {
		return c.Cores
	}
	return runtime.GOMAXPROCS(0)
}

// workerCounts returns 1, 2, 4, ... up to the cores, and the cores.
func (c Config) workerCounts() []int {
	cores := c.cores()
	var counts []int
	for n := 1; n < cores; n *= 2 {
		counts = append(counts, n)
	}
	return append(counts, cores)
}

// hopeless returns a target that no benchmark meets.
func hopeless() pow.Target { return pow.ZerosTarget(200) }

// missing says why a kernel cannot run here; "" if it can.
func missing(k pow.Kernel) string {
	if err := k.SelfTest(); err != nil {
		return err.Error()
	}
	return ""
}
