// Package benchcmd is the command bench, which lode has without charts and lodelab has
// with them.
package benchcmd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/lodepow/lode/bench"
	"github.com/lodepow/lode/bench/raw"
	"github.com/lodepow/lode/bench/report"
	"github.com/lodepow/lode/cmd/internal/cli"
)

// Flags decide what is measured.
type Flags struct {
	Long bool          `help:"Measure for ten minutes, with harder searches and more benchmarks: for results to publish."`
	Time time.Duration `placeholder:"TIME" help:"About how long to measure, such as 30s; by default a minute, or ten with --long. There are at least six rounds, however long they take."`
	Seed *uint64       `placeholder:"N" help:"Seed of the headers to search; by default a different one in every run. With the same seed, searches need the same number of tries."`
	Only string        `placeholder:"REGEXP" help:"Measure only benchmarks whose names match, such as ^Scan."`

	Zeros   string `placeholder:"LIST" help:"Measure only searches, of these difficulties in leading zero bits: 4:28:2 means from 4 to 28 in steps of 2; also 8,12,20:24."`
	Workers string `placeholder:"LIST" help:"Measure only searches, on these numbers of workers, such as 1,2,4; by default on all cores."`
	Kernel  string `placeholder:"LIST" help:"Measure only searches, with these kernels, such as sha-ni,stdlib; by default with all that this CPU can run."`

	CSV  string `name:"csv" placeholder:"FILE" help:"Write a row of CSV for each single search to this file."`
	JSON string `name:"json" placeholder:"FILE" help:"Write the same rows as JSON to this file."`
}

// Output is where the results go.
type Output struct {
	// Dir is the folder for bench.txt, for bench.csv and bench.json with the single
	// searches, and for what Write adds. If it is empty, the results and then the
	// report, as comments, are written to standard output.
	Dir   string
	Write func(dir string, r *report.Report) error
}

// Run measures, writes the results as they come, and then the report. An interrupt
// ends the measurement early: the finished samples are reported, and Run returns an
// error.
func (f Flags) Run(ctx context.Context, s cli.Std, o Output) error {
	if f.Time < 0 {
		return cli.UsageError{Err: fmt.Errorf("--time=%v: want more than 0", f.Time)}
	}
	var only *regexp.Regexp
	if f.Only != "" {
		var err error
		if only, err = regexp.Compile(f.Only); err != nil {
			return cli.UsageError{Err: fmt.Errorf("--only: %w", err)}
		}
	}
	for _, list := range []struct{ name, zeros, workers, kernels string }{
		{"zeros", f.Zeros, "", ""}, {"workers", "", f.Workers, ""}, {"kernel", "", "", f.Kernel},
	} {
		if _, err := bench.ParseSweep(list.zeros, list.workers, list.kernels); err != nil {
			return cli.UsageError{Err: fmt.Errorf("--%s: %s", list.name, strings.TrimPrefix(err.Error(), list.name+" "))}
		}
	}
	sweep, err := bench.ParseSweep(f.Zeros, f.Workers, f.Kernel)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	text := s.Out
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o755); err != nil {
			return err
		}
		file, err := os.Create(filepath.Join(o.Dir, "bench.txt"))
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // for the returns on error; below, the error of Close is checked
		text = file
	}
	rows, err := o.create(f)
	if err != nil {
		return err
	}

	seed := uint64(rand.Uint32()) // 32 bits: different in every run, and short enough to type
	if f.Seed != nil {
		seed = *f.Seed
	}
	var kept bytes.Buffer
	var searches []raw.Search
	plan := bench.Plan{Long: f.Long, Time: f.Time, Seed: seed, Sweep: sweep, Only: only, Lode: cli.Version()}
	plan.Searches = func(all []raw.Search) error {
		searches = append(searches, all...)
		return rows.Write(all)
	}
	out := io.MultiWriter(text, &kept)
	if cli.IsTerminal(s.Err) {
		line := &statusLine{w: s.Err}
		defer line.clear()
		plan.Progress = line.show
		out = io.MultiWriter(line.under(text, cli.IsTerminal(text)), &kept)
	}
	measuring := plan.Run(ctx, out)
	stop() // from here on an interrupt ends the process
	measuring = errors.Join(measuring, rows.Close())
	if file, ok := text.(*os.File); ok && o.Dir != "" {
		if err := file.Close(); err != nil {
			return errors.Join(measuring, err)
		}
	}
	reporting := o.report(s, &kept, searches)
	if errors.Is(reporting, report.ErrNoResults) && measuring != nil {
		reporting = nil // the error of the measurement already explains it
	}
	if errors.Is(measuring, bench.ErrStopped) {
		measuring = fmt.Errorf("%w; what was measured is kept", measuring)
	}
	return errors.Join(measuring, reporting)
}

// create creates the files for the single searches: those that the flags name, and
// else those in the folder.
func (o Output) create(f Flags) (*raw.Files, error) {
	table, objects := f.CSV, f.JSON
	if o.Dir != "" {
		table = cmp.Or(table, filepath.Join(o.Dir, "bench.csv"))
		objects = cmp.Or(objects, filepath.Join(o.Dir, "bench.json"))
	}
	return raw.Create(table, objects)
}

// report writes the report of the measured results.
func (o Output) report(s cli.Std, measured io.Reader, searches []raw.Search) error {
	label := "this machine"
	if o.Dir != "" {
		label = "bench.txt"
	}
	f, err := report.Read(label, measured)
	if err != nil {
		return err
	}
	f.Searches = searches
	r, err := report.New([]*report.File{f})
	if err != nil {
		return err
	}
	if o.Dir == "" {
		return r.WriteText(&commentWriter{w: s.Out})
	}
	if err := o.Write(o.Dir, r); err != nil {
		return err
	}
	return r.WriteText(s.Out)
}

// commentWriter prefixes every line with "#", so that benchstat ignores it. Each
// call of Write must pass exactly one line.
type commentWriter struct{ w io.Writer }

func (c *commentWriter) Write(line []byte) (int, error) {
	text := strings.TrimRight("#   "+string(line), " \n") + "\n"
	if _, err := io.WriteString(c.w, text); err != nil {
		return 0, err
	}
	return len(line), nil
}
