package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/lodepow/lode/lab/blocks"
)

// replicas are the flags that say how often an experiment is run.
type replicas struct {
	Seed     uint64 `default:"1" placeholder:"N" help:"Seed of the first replica; each further one has the next number (${default})."`
	Replicas int    `default:"8" placeholder:"N" help:"Number of runs with different seeds, at least 2 (${default}). Each seed also makes another network. The more replicas, the narrower the intervals."`
}

// maxReplicas bounds the flag --replicas, because the results of all replicas are kept.
const maxReplicas = 10_000

func (r replicas) check() error {
	if r.Replicas < 2 || r.Replicas > maxReplicas {
		return fmt.Errorf("--replicas %d: want 2 to %d", r.Replicas, maxReplicas)
	}
	return nil
}

// run runs the experiment with each seed, on all cores. The results are in the order of
// the seeds.
func (r replicas) run(ctx context.Context, x blocks.Experiment) ([]*blocks.Result, error) {
	results := make([]*blocks.Result, r.Replicas)
	errs := make([]error, r.Replicas)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), r.Replicas) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < r.Replicas && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				results[i], errs[i] = blocks.Run(ctx, x, r.Seed+uint64(i), blocks.Options{Threads: 1})
				if errs[i] != nil {
					cancel()
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, err
		}
	}
	return results, ctx.Err()
}

// estimate is a mean over replicas with half the width of its 95 % interval.
type estimate struct{ mean, half float64 }

// estimateOf returns the mean of a figure over the results that have it, and Student's
// interval. The figure is NaN where a result does not have it.
func estimateOf(results []*blocks.Result, figure func(*blocks.Result) float64) estimate {
	var values []float64
	for _, r := range results {
		if x := figure(r); !math.IsNaN(x) {
			values = append(values, x)
		}
	}
	n := float64(len(values))
	if n < 2 {
		return estimate{math.NaN(), math.NaN()}
	}
	mean, deviation := stat.MeanStdDev(values, nil)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.975)
	return estimate{mean, t * deviation / math.Sqrt(n)}
}

// row returns the mean and the bounds of the interval, each in the given format.
func (e estimate) row(format string, unit float64) string {
	if math.IsNaN(e.mean) {
		return "-\t-"
	}
	return fmt.Sprintf(format+"\t"+format+" to "+format, e.mean/unit, (e.mean-e.half)/unit, (e.mean+e.half)/unit)
}
