package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
	labreport "github.com/lodepow/lode/lab/report"
)

type runCmd struct {
	File    string `arg:"" help:"Experiment file, - for standard input. docs/experiments.md describes its format."`
	Out     string `placeholder:"DIR" help:"Folder to write to; by default NAME-results, or NAME-results-2of4 for the shard 2/4, if the file is NAME.toml."`
	Resume  bool   `help:"Continue the interrupted run in the folder, or begin one if there is none."`
	Shard   string `placeholder:"I/N" help:"Run only part I of N, for example 2/4. lodelab merge puts the parts together."`
	Threads int    `placeholder:"N" help:"Number of replicas to run at the same time; by default one for each core. The results do not depend on it."`
	Report  bool   `default:"true" negatable:"" help:"Write report.html and its pictures, too, as lodelab report does. A shard has none."`
}

func (*runCmd) Help() string {
	return `Runs the experiment that a file describes, with as many replicas as the file asks for,
and prints a table with the means over the replicas and their 95 % intervals. The folder
gets results.csv, with a row for each replica, summary.json, and report.html, a page
with tables and charts that needs nothing else.

An interrupt keeps the replicas that have ended, and the exit status is 1. With --resume
the run continues, and its results are the same as without the interrupt.`
}

// Run reads the file, runs it and prints a table.
func (c *runCmd) Run(ctx context.Context, s cli.Std) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	p, shard, err := c.read(s)
	if err != nil {
		return err
	}
	if c.Resume || shard.Of > 0 {
		warnOfVersion(s.Err, version())
	}
	dir := c.folder(shard)
	var folder *lab.Folder
	var done []lab.Replica
	if c.Resume {
		folder, done, err = lab.Resume(dir, p, version(), shard)
	} else {
		folder, err = lab.Create(dir, p, version(), shard)
	}
	if err != nil {
		return err
	}
	status := newStatus(s.Err, p)
	status.lines = true
	results, failure := lab.Run(ctx, p, lab.Options{Threads: c.Threads, Shard: shard, Done: done, Finished: folder.Add, Progress: status.show})
	status.clear()
	summary, err := folder.Finish(results)
	if err != nil {
		return errors.Join(failure, err)
	}
	if failure != nil && ctx.Err() == nil {
		return fmt.Errorf("%w; the %d replicas that had ended are in %s", failure, len(results), dir)
	}
	if err := writeSummary(s.Out, p, summary); err != nil {
		return err
	}
	if failure != nil {
		return fmt.Errorf("interrupted: %d replicas are in %s; run the same command with --resume to continue", len(results), dir)
	}
	if c.Report && shard.Of == 0 {
		if err := labreport.Make(ctx, dir, p, summary, results); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(s.Out, "The results are in %s.\n", dir)
	return err
}

// read reads the arguments and the file.
func (c *runCmd) read(s cli.Std) (*lab.Plan, lab.Shard, error) {
	shard, err := lab.ParseShard(c.Shard)
	if err == nil && c.Threads < 0 {
		err = fmt.Errorf("--threads %d: want 1 or more", c.Threads)
	}
	if err != nil {
		return nil, shard, cli.UsageError{Err: err}
	}
	var p *lab.Plan
	if c.File == "-" {
		p, err = lab.Read(s.In)
	} else {
		var f *os.File
		if f, err = os.Open(c.File); err != nil {
			return nil, shard, err
		}
		defer func() { _ = f.Close() }() // opened for reading only
		p, err = lab.Read(f)
	}
	if err != nil {
		return nil, shard, cli.UsageError{Err: fmt.Errorf("%s: %w", c.File, err)}
	}
	return p, shard, nil
}

// folder returns the folder for the results.
func (c *runCmd) folder(shard lab.Shard) string {
	if c.Out != "" {
		return c.Out
	}
	name := strings.TrimSuffix(filepath.Base(c.File), ".toml")
	if c.File == "-" {
		name = "lab"
	}
	name += "-results"
	if shard.Of > 0 {
		name += fmt.Sprintf("-%dof%d", shard.Number, shard.Of)
	}
	return name
}

// version returns the version of the program without that of Go and the platform, which
// have no influence on results.
func version() string {
	text, _, _ := strings.Cut(cli.Version(), " "+runtime.Version())
	return text
}

// warnOfVersion writes a sentence if a version does not say which code it is, so that
// results of different code can be mixed without being noticed.
func warnOfVersion(w io.Writer, version string) {
	var why string
	switch {
	case strings.HasSuffix(version, " with changes") || strings.HasSuffix(version, "+dirty"):
		why = "was built with changes that are not committed"
	case version == "(devel)":
		why = "does not know its commit"
	default:
		return
	}
	fmt.Fprintf(w, "warning: this program %s, so it cannot tell whether other results are of the same code; build it from a committed tree with go build, not with go run\n", why)
}
