package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
)

type runCmd struct {
	File    string   `arg:"" help:"Experiment file, - for standard input. docs/experiments.md describes its format."`
	Set     []string `sep:"none" placeholder:"KEY=VALUE" help:"Give a key of the file another value, or add it, for example --set relay.loss=0.1. May be given several times. A list or a range makes a point for each value, as in the file: --set 'nodes=[10, 20]', --set 'interval=1s..9s step 2s'. Members of tables that repeat are counted from 0: strategists[0].node=3."`
	Out     string   `placeholder:"DIR" help:"Folder to write to; by default NAME-results, or NAME-results-2of4 for the shard 2/4, if the file is NAME.toml."`
	Resume  bool     `help:"Continue the interrupted run in the folder, or begin one if there is none."`
	Shard   string   `placeholder:"I/N" help:"Run only part I of N, for example 2/4. lodelab merge puts the parts together."`
	Threads int      `placeholder:"N" help:"Number of replicas to run at the same time; by default one for each core. The results do not depend on it."`
	Report  bool     `default:"true" negatable:"" help:"Write report.html and its pictures, too, as lodelab report does. A shard has none."`
}

func (*runCmd) Help() string {
	return `Runs the experiment that a file describes, with as many replicas as the file asks for,
and prints a table with the means over the replicas and their 95 % intervals. The folder
gets results.csv, with a row for each replica, summary.json, and report.html, a page
with tables and charts that needs nothing else.

With --set the file may be varied; summary.json has the file that was run.

An interrupt keeps the replicas that have ended, and the exit status is 1. With --resume
the run continues, and its results are the same as without the interrupt.`
}

// Run reads the file, runs it and prints a table.
func (c *runCmd) Run(ctx context.Context, s cli.Std) error {
	p, shard, err := c.read(s)
	if err != nil {
		return err
	}
	if c.Resume || shard.Of > 0 {
		warnOfVersion(s.Err, version())
	}
	dir := c.folder(shard)
	_, summary, err := execution{
		plan: p, dir: dir, report: c.Report, resume: c.Resume, lines: true, hint: "run the same command with --resume to continue",
		options: lab.Options{Threads: c.Threads, Shard: shard},
	}.run(ctx, s)
	if summary == nil {
		return err
	}
	if wrong := writeSummary(s.Out, p, summary); wrong != nil || err != nil {
		return errors.Join(err, wrong)
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
	var changes []lab.Setting
	for _, text := range c.Set {
		one, err := lab.ParseSetting(text)
		if err != nil {
			return nil, shard, cli.UsageError{Err: fmt.Errorf("--set %w", err)}
		}
		changes = append(changes, one)
	}
	var p *lab.Plan
	if c.File == "-" {
		p, err = lab.Read(s.In, changes...)
	} else {
		var f *os.File
		if f, err = os.Open(c.File); err != nil {
			return nil, shard, err
		}
		defer func() { _ = f.Close() }() // opened for reading only
		p, err = lab.Read(f, changes...)
	}
	if err != nil {
		where := c.File + ":"
		if at := (*lab.FileError)(nil); errors.As(err, &at) && at.Line == 0 && slices.ContainsFunc(changes, func(s lab.Setting) bool { return s.Key == at.Key }) {
			where = "--set"
		}
		return nil, shard, cli.UsageError{Err: fmt.Errorf("%s %w", where, err)}
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
