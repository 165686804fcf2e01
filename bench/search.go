package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/lodepow/lode/pow"
)

// calibration is how long the rate is measured by which the sweep is sized.
const calibration = 50 * time.Millisecond

// SearchFunc is [pow.Engine.Search] or what stands in for it.
type SearchFunc func(context.Context, pow.Job) (pow.Result, error)

// Search measures whole searches, each on another header, until one is solved:
// what a miner gets at that difficulty, on all cores. tries/op says how lucky
// the run was; H/s does not depend on it. Every kernel makes the same searches.
func Search(c Config, zeros ...int) []Case {
	var cases []Case
	for _, z := range zeros {
		for _, k := range pow.Kernels() {
			cases = append(cases, searchCase(c, z, k, c.cores()))
		}
	}
	return cases
}

// searchOps is how many searches make a slice of a sized sweep: for every kernel
// the same number, so that tries/op are the same too.
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

// Tries sweeps the difficulty with the best kernel on all cores, with as many
// searches as time allows. record is given every answer: what statistics need.
// A sized sweep leaves out the zeros of which one search takes over a second.
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
			// A hundred milliseconds, and no more than there is to learn.
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

// triesStream keeps the headers of Tries apart from those of Search.
const triesStream = 1000

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
