package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
)

// replicas are the flags that say how often an experiment is run, and where its results go.
type replicas struct {
	Seed      uint64  `default:"1" placeholder:"N" help:"Seed of the first replica; each further one has the next number (${default})."`
	Replicas  int     `default:"8" placeholder:"N" help:"Number of runs with different seeds, at least 2 (${default}). Each seed also makes another network. The more replicas, the narrower the intervals. With --half-width it is the least number."`
	HalfWidth float64 `placeholder:"X" help:"Run replicas of each row until half the width of the 95 % interval of the metric --of is at most this, and at most 1000 of them."`
	Of        string  `placeholder:"METRIC" help:"Metric for --half-width, a column of results.csv; by default the one that the progress shows."`
	Out       string  `placeholder:"DIR" help:"Folder for the results, as lodelab run writes them: results.csv, summary.json and report.html."`
	Report    bool    `default:"true" negatable:"" help:"With --out, write report.html and its pictures, too."`
	Resume    bool    `help:"Continue the interrupted run in the folder of --out, or begin one if there is none. The other flags must be those of the interrupted run."`
	PrintFile bool    `help:"Print the experiment file of this command instead of running it. lodelab run runs the file, which can be edited; docs/experiments.md describes it."`
}

// maxReplicas is the default of max_replicas.
const maxReplicas = 1000

// plan makes the plan of a command from the settings of its experiment. of is the metric for
// --half-width.
func (r replicas) plan(title, of string, settings []lab.Setting) (*lab.Plan, error) {
	if r.Replicas < 2 || r.Replicas > lab.MaxReplicas {
		return nil, cli.UsageError{Err: fmt.Errorf("--replicas %d: want 2 to %d", r.Replicas, lab.MaxReplicas)}
	}
	switch {
	case r.Resume && r.Out == "":
		return nil, cli.UsageError{Err: errors.New("--resume continues the run in a folder: name it with --out")}
	case r.Resume && r.PrintFile:
		return nil, cli.UsageError{Err: errors.New("--print-file runs nothing that could be continued: leave --resume or --print-file out")}
	}
	if r.Seed > math.MaxInt64 {
		return nil, cli.UsageError{Err: fmt.Errorf("--seed %d: want at most %d", r.Seed, int64(math.MaxInt64))}
	}
	list := []lab.Setting{
		{Key: "title", Value: title},
		{Key: "seed", Value: int64(r.Seed)},
		{Key: "replicas", Value: int64(r.Replicas)},
	}
	switch {
	case r.HalfWidth < 0 || math.IsNaN(r.HalfWidth) || math.IsInf(r.HalfWidth, 0):
		return nil, cli.UsageError{Err: fmt.Errorf("--half-width %v: want more than 0", r.HalfWidth)}
	case r.HalfWidth == 0 && r.Of != "":
		return nil, cli.UsageError{Err: fmt.Errorf("--of %s means nothing without --half-width: leave it out, or say how narrow the interval is to be", r.Of)}
	case r.HalfWidth > 0:
		if r.Of != "" {
			of = r.Of
		}
		list = append(list, lab.Setting{Key: "half_width", Value: r.HalfWidth}, lab.Setting{Key: "of", Value: of})
		if r.Replicas > maxReplicas {
			list = append(list, lab.Setting{Key: "max_replicas", Value: int64(r.Replicas)})
		}
	}
	p, err := lab.New(append(list, settings...)...)
	if err != nil {
		return nil, wrongFlag(err)
	}
	return p, nil
}

// count says how many replicas there are.
func (r replicas) count() string {
	if r.HalfWidth > 0 {
		return fmt.Sprintf("%d or more replicas", r.Replicas)
	}
	return fmt.Sprintf("%d replicas", r.Replicas)
}

// run runs a plan on all cores and returns the replicas with their summary, or prints the
// plan's file and returns nil.
func (r replicas) run(ctx context.Context, s cli.Std, p *lab.Plan) ([]lab.Replica, *lab.Summary, error) {
	if r.PrintFile {
		_, err := s.Out.Write(p.File)
		return nil, nil, err
	}
	if r.Resume {
		warnOfVersion(s.Err, version())
	}
	return r.execute(ctx, s, p, r.Out, lab.Options{})
}

// execute runs a plan and keeps the results in a folder, if there is one.
func (r replicas) execute(ctx context.Context, s cli.Std, p *lab.Plan, dir string, o lab.Options) ([]lab.Replica, *lab.Summary, error) {
	results, summary, err := execution{
		plan: p, dir: dir, report: r.Report, resume: r.Resume, options: o, hint: "run the same command with --resume to continue",
	}.run(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	return results, summary, nil
}

// end prints, below the table, where the results are, and the file that was run.
func (r replicas) end(out io.Writer, dir string, p *lab.Plan) error {
	if dir != "" {
		fmt.Fprintf(out, "\nThe results are in %s.\n", dir)
	}
	_, err := fmt.Fprintf(out, "\nThis is the experiment file. lodelab run runs it, also when it has been edited:\n\n%s", p.File)
	return err
}

// row returns the mean and the bounds of the interval, each in the given format.
func row(e lab.Estimate, format string, unit float64) string {
	if math.IsNaN(e.Mean) {
		return "-\t-"
	}
	return fmt.Sprintf(format+"\t"+format+" to "+format, e.Mean/unit, (e.Mean-e.Half)/unit, (e.Mean+e.Half)/unit)
}
