package validate

import (
	"context"
	"hash/fnv"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
)

// runner runs the experiments of the checks.
type runner struct{ Options }

// pick returns the size of the form.
func (r *runner) pick(quick, full int) int {
	if r.Form == Full {
		return full
	}
	return quick
}

// run runs an experiment.
func (r *runner) run(ctx context.Context, x blocks.Experiment, seed uint64) (*blocks.Result, error) {
	return r.watch(ctx, x, seed, nil)
}

// watch runs an experiment and shows its blocks to observe, if that is set.
func (r *runner) watch(ctx context.Context, x blocks.Experiment, seed uint64, observe func(blocks.Block)) (*blocks.Result, error) {
	if r.Change != nil {
		r.Change(&x)
	}
	return blocks.Run(ctx, x, seed, blocks.Options{Threads: r.Threads, Observe: observe})
}

// each calls f for the numbers from 0 to n-1, on all cores.
func (r *runner) each(n int, f func(i int) error) error {
	threads := r.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	var group errgroup.Group
	group.SetLimit(threads)
	for i := range n {
		group.Go(func() error { return f(i) })
	}
	return group.Wait()
}

// replicas is the number of runs into which the blocks of a row are divided: enough for a
// good estimate of the standard error.
const replicas = 32

// seed returns the seed for a row: the 32-bit FNV-1a hash of its text. So rows do not share
// their luck, and nobody has chosen it.
func seed(what string) uint64 {
	h := fnv.New32a()
	h.Write([]byte(what)) // never fails
	return uint64(h.Sum32())
}

// replicate divides the blocks of an experiment among replicas with the seed of the row and
// the following ones, and returns the results.
func (r *runner) replicate(ctx context.Context, what string, x blocks.Experiment) ([]*blocks.Result, error) {
	results := make([]*blocks.Result, replicas)
	x.Blocks /= replicas
	err := r.each(replicas, func(i int) (err error) {
		results[i], err = r.run(ctx, x, seed(what)+uint64(i))
		return err
	})
	return results, err
}

// estimate returns the mean of a figure over replicas, and its standard error.
func estimate(results []*blocks.Result, figure func(*blocks.Result) float64) (mean, se float64) {
	values := make([]float64, len(results))
	for i, r := range results {
		values[i] = figure(r)
	}
	return meanAndError(values)
}

// student is half of the 95 % interval of a mean over replicas, in standard errors: that
// of Student's t with 31 degrees of freedom.
const student = 2.0395

// meanAndError returns the mean of one value for each replica, and its standard error.
func meanAndError(values []float64) (mean, se float64) {
	e := lab.NewEstimate(values)
	return e.Mean, e.Half / student
}

// binomialError returns the standard error of a share of n independent trials.
func binomialError(p float64, n float64) float64 { return math.Sqrt(p * (1 - p) / n) }
