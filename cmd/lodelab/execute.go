package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
	labreport "github.com/lodepow/lode/lab/report"
)

// execution is a plan that is run, and where its results go.
type execution struct {
	plan   *lab.Plan
	dir    string // folder for the results; "": they are not kept
	report bool   // write a report into the folder
	resume bool
	lines  bool   // tell each point that has ended where there is no progress bar
	hint   string // how to continue after an interrupt

	options lab.Options
}

// errInterrupted says that a run was interrupted, and where its replicas are.
var errInterrupted = errors.New("interrupted")

// run runs the plan and shows the progress. If results are kept, SIGINT and SIGTERM end the
// run, those that have ended are written, and the error is errInterrupted.
func (e execution) run(ctx context.Context, s cli.Std) ([]lab.Replica, *lab.Summary, error) {
	o := e.options
	var folder *lab.Folder
	if e.dir != "" {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop) // a second signal ends the process at once
		var err error
		if folder, o.Done, err = e.open(); err != nil {
			return nil, nil, err
		}
		o.Finished = folder.Add
	}
	status := newStatus(s.Err, e.plan)
	status.lines = e.lines
	o.Progress = status.show
	results, failure := lab.Run(ctx, e.plan, o)
	status.clear()
	if folder == nil {
		if failure != nil {
			return nil, nil, failure
		}
		return results, lab.Summarize(e.plan, results, version()), nil
	}
	summary, err := folder.Finish(results)
	switch {
	case err != nil:
		return nil, nil, errors.Join(failure, err)
	case failure != nil && ctx.Err() == nil:
		return nil, nil, fmt.Errorf("%w; the %d replicas that had ended are in %s", failure, len(results), e.dir)
	case failure != nil:
		return results, summary, fmt.Errorf("%w: %d replicas are in %s; %s", errInterrupted, len(results), e.dir, e.hint)
	case e.report && o.Shard.Of == 0:
		err = labreport.Make(ctx, e.dir, e.plan, summary, results)
	}
	return results, summary, err
}

// open begins or continues the folder.
func (e execution) open() (folder *lab.Folder, done []lab.Replica, err error) {
	if e.resume {
		return lab.Resume(e.dir, e.plan, version(), e.options.Shard)
	}
	folder, err = lab.Create(e.dir, e.plan, version(), e.options.Shard)
	return folder, nil, err
}
