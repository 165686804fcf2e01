// Package bench measures Lode. Each benchmark is an ordinary value of type
// [Case]. Two programs run the cases: go test -bench . ./bench, and the command
// lodelab bench.
//
// Machines are shared and noisy. The benchmarks are therefore measured in
// interleaved rounds, and a benchmark that compares two implementations runs both
// within a single operation, so that a disturbance affects both.
//
// Searches use headers drawn from a seed. The same seed gives the same headers,
// and therefore the same number of tries, for every kernel and every number of
// workers.
package bench

import (
	"runtime"

	"github.com/lodepow/lode/bench/raw"
	"github.com/lodepow/lode/pow"
)

// Config says what to measure. With its zero value, the headers come from seed 0,
// and no benchmark is sized by the speed of the machine.
type Config struct {
	Seed  uint64 // seed of the headers to search
	Round uint64 // number of the round; each round searches different headers

	// Rate is the approximate hash rate of the best kernel on one core, in H/s. It
	// determines how many searches each sample contains. If it is 0, every sample
	// contains as many as fit into its time.
	Rate float64

	Cores int // number of cores to use; 0 means GOMAXPROCS

	Record func(raw.Search) // called after each search of Search and Tries; may be nil
	Energy *Energy          // energy counters to read during searches; nil for none
	Own    []Own            // scan functions to measure beside the kernels
}

func (c Config) cores() int {
	if c.Cores > 0 {
		return c.Cores
	}
	return runtime.GOMAXPROCS(0)
}

// workerCounts returns the powers of two below the number of cores, followed by
// the number of cores itself.
func (c Config) workerCounts() []int {
	cores := c.cores()
	var counts []int
	for n := 1; n < cores; n *= 2 {
		counts = append(counts, n)
	}
	return append(counts, cores)
}

// hopeless returns a target so small (200 zero bits) that no hash will ever meet
// it. A search for it tries every nonce that it was given.
func hopeless() pow.Target { return pow.ZerosTarget(200) }

// missing returns the reason why a kernel cannot run on this machine, or "" if it
// can.
func missing(k pow.Kernel) string {
	if err := k.SelfTest(); err != nil {
		return err.Error()
	}
	return ""
}
