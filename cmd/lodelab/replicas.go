package main

import (
	"context"
	"fmt"
	"math"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
)

// replicas are the flags that say how often an experiment is run.
type replicas struct {
	Seed      uint64 `default:"1" placeholder:"N" help:"Seed of the first replica; each further one has the next number (${default})."`
	Replicas  int    `default:"8" placeholder:"N" help:"Number of runs with different seeds, at least 2 (${default}). Each seed also makes another network. The more replicas, the narrower the intervals."`
	PrintFile bool   `help:"Print the experiment file of this command instead of running it. lodelab run runs the file, which can be edited; docs/experiments.md describes it."`
}

// plan makes the plan of a command from the settings of its experiment.
func (r replicas) plan(title string, settings []lab.Setting) (*lab.Plan, error) {
	if r.Replicas < 2 || r.Replicas > lab.MaxReplicas {
		return nil, cli.UsageError{Err: fmt.Errorf("--replicas %d: want 2 to %d", r.Replicas, lab.MaxReplicas)}
	}
	if r.Seed > math.MaxInt64 {
		return nil, cli.UsageError{Err: fmt.Errorf("--seed %d: want at most %d", r.Seed, int64(math.MaxInt64))}
	}
	p, err := lab.New(append([]lab.Setting{
		{Key: "title", Value: title},
		{Key: "seed", Value: int64(r.Seed)},
		{Key: "replicas", Value: int64(r.Replicas)},
	}, settings...)...)
	if err != nil {
		return nil, cli.UsageError{Err: err}
	}
	return p, nil
}

// run runs a plan on all cores and returns the replicas with their summary, or prints the
// plan's file and returns nil.
func (r replicas) run(ctx context.Context, s cli.Std, p *lab.Plan) ([]lab.Replica, *lab.Summary, error) {
	if r.PrintFile {
		_, err := s.Out.Write(p.File)
		return nil, nil, err
	}
	status := newStatus(s.Err, p)
	results, err := lab.Run(ctx, p, lab.Options{Progress: status.show})
	status.clear()
	if err != nil {
		return nil, nil, err
	}
	return results, lab.Summarize(p, results, version()), nil
}

// row returns the mean and the bounds of the interval, each in the given format.
func row(e lab.Estimate, format string, unit float64) string {
	if math.IsNaN(e.Mean) {
		return "-\t-"
	}
	return fmt.Sprintf(format+"\t"+format+" to "+format, e.Mean/unit, (e.Mean-e.Half)/unit, (e.Mean+e.Half)/unit)
}
