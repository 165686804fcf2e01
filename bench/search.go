package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/lodepow/lode/pow"
)

// calibration is the total time for which Rate measures a kernel.
const calibration = 50 * time.Millisecond

// SearchFunc has the signature of [pow.Engine.Search], or of a substitute for it.
type SearchFunc func(context.Context, pow.Job) (pow.Result, error)

// Search measures complete searches on all cores, as a miner makes them: each
// operation takes a new header and searches until it is solved. The metric tries/op
// shows how lucky the run was, whereas H/s does not depend on luck. All kernels
// search the same headers.
func Search(c Config, zeros ...int) []Case {
	var cases []Case
	for _, z := range zeros {
		for _, k := range pow.Kernels() {
			cases = append(cases, searchCase(c, z, k, c.cores()))
		}
	}
	return cases
}

// searchOps returns the number of searches in a sample when Config.Rate is set. It
// does not depend on the kernel, so tries/op is the same for all kernels.
func searchOps(zeros int) int { return max(1, 1<<max(0, 17-zeros)) }

func searchCase(c Config, zeros int, k pow.Kernel, workers int) Case {
	one := Case{
		Name:  fmt.Sprintf("Search/zeros=%d/kernel=%s/workers=%d", zeros, k.Name(), workers),
		Skip:  missing(k),
		Procs: workers + 1,
		Start: func() (*Run, error) {
			engine, err := newEngine(k, workers)
			if err != nil {
				return nil, err
			}
			return startSearch(engine.Search, NewHeaders(c.Seed, c.Round, zeros), zeros, nil), nil
		},
	}
	if c.Rate > 0 {
		one.Ops = searchOps(zeros)
	}
	return one
}

// Tries measures searches over a range of difficulties, with the best kernel on all
// cores. If record is not nil, it is called with the number of tries of every
// search, for statistics.
//
// If c.Rate is set, each sample contains about 0.1 s of searches, and difficulties
// at which one search takes more than a second are omitted. Otherwise each sample
// contains as many searches as fit into its time.
func Tries(c Config, zeros []int, record func(zeros int, tries uint64)) []Case {
	k, _, err := pow.Choose("")
	workers := c.cores()
	var cases []Case
	for _, z := range zeros {
		ops := 0
		if c.Rate > 0 {
			hashes := math.Exp2(float64(z))
			all := c.Rate * float64(workers)
			if hashes > all {
				continue
			}
			// Enough for 0.1 s, but no more than the statistics profit from.
			ops = min(1024, int(math.Ceil(0.1*all/hashes)))
		}
		one := Case{
			Name:  fmt.Sprintf("Tries/zeros=%d", z),
			Procs: workers + 1,
			Ops:   ops,
			Start: func() (*Run, error) {
				engine, err := newEngine(k, workers)
				if err != nil {
					return nil, err
				}
				return startSearch(engine.Search, NewHeaders(c.Seed, c.Round, triesStream+z), z, record), nil
			},
		}
		if err != nil {
			one.Skip = err.Error()
		}
		cases = append(cases, one)
	}
	return cases
}

// triesStream is the offset that gives Tries other streams of headers than Search.
const triesStream = 1000

// startSearch returns a run in which each operation searches a new header until it
// is solved with the given number of zeros.
func startSearch(search SearchFunc, headers *Headers, zeros int, record func(int, uint64)) *Run {
	var hashes, tries uint64
	job := pow.Job{Target: pow.ZerosTarget(zeros)}
	return &Run{
		Op: func(ctx context.Context) error {
			job.Header = headers.Next()
			r, err := search(ctx, job)
			if err != nil {
				return err
			}
			hashes += r.Hashes
			tries += r.Tries
			if record != nil {
				record(zeros, r.Tries)
			}
			return nil
		},
		Report: func(n int, elapsed time.Duration) []Metric {
			return []Metric{
				{float64(hashes) / elapsed.Seconds(), "H/s"},
				{float64(tries) / float64(n), "tries/op"},
			}
		},
	}
}

func newEngine(k pow.Kernel, workers int) (*pow.Engine, error) {
	return pow.New(pow.Config{Workers: workers, Kernel: k.Name()})
}
