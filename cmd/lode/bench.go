package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lodepow/lode/bench"
	"github.com/lodepow/lode/bench/report"
)

type benchCmd struct {
	Long bool          `help:"Measure for ten minutes, with harder searches and more benchmarks: for results to publish."`
	Time time.Duration `placeholder:"TIME" help:"About how long to measure, such as 30s; by default a minute, or ten with --long."`
	Seed *uint64       `placeholder:"N" help:"Seed of the headers to search; by default a different one in every run. With the same seed, searches need the same number of tries."`
	Only string        `placeholder:"REGEXP" help:"Measure only benchmarks whose names match, such as ^Scan."`
	Out  string        `placeholder:"DIR" help:"Folder to write to: bench.txt, report.html and its plots as SVG and PNG. Standard output then contains only the report."`
}

func (*benchCmd) Help() string {
	return `Measures the kernels, whole searches, scaling over workers and the other work of a
node, and then prints a report. Each round runs every benchmark once, so that slow
changes of the machine's speed affect all of them alike. No Go toolchain is needed.

The output has the format of go test -bench, which benchstat and lode report read.
The description of the machine and the report are lines that begin with #. Keep the
machine otherwise idle while the command runs. An interrupt ends the run early: the
finished samples are kept and reported, and the exit status is 1.`
}

// Run measures, writes the results as they come and then the report.
func (c *benchCmd) Run(ctx context.Context, s std) error {
	if c.Time < 0 {
		return usageError{fmt.Errorf("a time of %v: want more than 0", c.Time)}
	}
	var only *regexp.Regexp
	if c.Only != "" {
		var err error
		if only, err = regexp.Compile(c.Only); err != nil {
			return usageError{fmt.Errorf("--only: %w", err)}
		}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	raw := s.out
	if c.Out != "" {
		if err := os.MkdirAll(c.Out, 0o755); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(c.Out, "bench.txt"))
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // for the returns on error; below, the error of Close is checked
		raw = f
	}

	seed := uint64(rand.Uint32()) // 32 bits: different in every run, and short enough to type
	if c.Seed != nil {
		seed = *c.Seed
	}
	var kept bytes.Buffer
	info, _ := debug.ReadBuildInfo()
	plan := bench.Plan{Long: c.Long, Time: c.Time, Seed: seed, Only: only, Lode: buildVersion(info)}
	out := io.MultiWriter(raw, &kept)
	if isTerminal(s.err) {
		line := &statusLine{w: s.err}
		defer line.clear()
		plan.Progress = line.show
		out = io.MultiWriter(line.under(raw, isTerminal(raw)), &kept)
	}
	measuring := plan.Run(ctx, out)
	stop() // from here on an interrupt ends the process
	if f, ok := raw.(*os.File); ok && c.Out != "" {
		if err := f.Close(); err != nil {
			return errors.Join(measuring, err)
		}
	}
	reporting := c.report(s, &kept)
	if errors.Is(reporting, report.ErrNoResults) && measuring != nil {
		reporting = nil // the error of the measurement already explains it
	}
	if errors.Is(measuring, bench.ErrStopped) {
		measuring = fmt.Errorf("%w; what was measured is kept", measuring)
	}
	return errors.Join(measuring, reporting)
}

// report writes the report of the measured results.
func (c *benchCmd) report(s std, measured io.Reader) error {
	label := "this machine"
	if c.Out != "" {
		label = "bench.txt"
	}
	f, err := report.Read(label, measured)
	if err != nil {
		return err
	}
	r, err := report.New([]*report.File{f})
	if err != nil {
		return err
	}
	if c.Out == "" {
		return r.WriteText(&commentWriter{w: s.out})
	}
	if err := writeReport(r, c.Out); err != nil {
		return err
	}
	return r.WriteText(s.out)
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

// statusLine is the last line of a terminal, which shows the progress and is
// overwritten in place.
type statusLine struct {
	mu   sync.Mutex
	w    io.Writer
	text string
}

func (l *statusLine) show(p bench.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = fmt.Sprintf("round %d, about %s left, %s", p.Round, p.Left.Round(time.Second), p.Case)
	fmt.Fprintf(l.w, "\r%s\x1b[K", l.text)
}

func (l *statusLine) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "\r\x1b[K")
}

// under returns a writer to w for output that appears above the status line. If w
// is the terminal that shows the status, which the caller says with terminal, the
// writer erases the status before each write and shows it again after a newline.
func (l *statusLine) under(w io.Writer, terminal bool) io.Writer {
	if !terminal {
		return w
	}
	return writerFunc(func(p []byte) (int, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		fmt.Fprintf(l.w, "\r\x1b[K")
		n, err := w.Write(p)
		if bytes.HasSuffix(p, []byte("\n")) {
			fmt.Fprintf(l.w, "%s", l.text)
		}
		return n, err
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// writeReport writes the page and the plots of a report into a folder, which it
// creates if necessary.
func writeReport(r *report.Report, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := r.WriteHTML(&page); err != nil {
		return err
	}
	files := map[string][]byte{"report.html": page.Bytes()}
	for _, p := range r.Plots() {
		svg, err := p.SVG()
		if err != nil {
			return err
		}
		png, err := p.PNG()
		if err != nil {
			return err
		}
		files[p.Name+".svg"], files[p.Name+".png"] = svg, png
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
