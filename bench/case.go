package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"
)

// Case describes one benchmark. Both go test -bench and [Case.Measure] run cases,
// so the two measure the same code.
type Case struct {
	// Name is the benchmark's name in go test without the prefix "Benchmark": a
	// base, followed by key=value parts on which benchstat can pivot, such as
	// Search/zeros=8/kernel=minio.
	Name string

	Skip  string // why the case cannot run on this machine; empty if it can
	Procs int    // value of GOMAXPROCS during the run; 0 leaves it unchanged
	Ops   int    // operations in one sample; 0 runs as many as fit into the time

	// Start prepares a run. Its cost is not measured.
	Start func() (*Run, error)
}

// Run is a case that has been prepared and can be measured.
type Run struct {
	Op     func(context.Context) error                 // performs one operation
	Report func(n int, elapsed time.Duration) []Metric // returns metrics beyond ns/op; may be nil
	Close  func() error                                // releases what Start acquired; may be nil
}

// Metric is a value with its unit. As in package testing, a value of 0 for ns/op
// suppresses that metric, for cases in which the time of one operation has no
// meaning.
type Metric struct {
	Value float64
	Unit  string
}

const nsPerOp = "ns/op"

// ratePerSecond returns a Report function for a count of finished work: it
// divides *done by the elapsed time.
func ratePerSecond(done *uint64, unit string) func(int, time.Duration) []Metric {
	return func(_ int, elapsed time.Duration) []Metric {
		return []Metric{{float64(*done) / elapsed.Seconds(), unit}}
	}
}

// Suite returns the case's name without the parts zeros=… and kernel=…, which
// become the rows and columns of a table. Results of one suite can share a table.
// The output has the line "suite: NAME" before them, and benchstat then keeps
// different suites in separate tables.
func (c Case) Suite() string {
	base, rest, _ := strings.Cut(c.Name, "/")
	suite := base
	for part := range strings.SplitSeq(rest, "/") {
		if part == "" || strings.HasPrefix(part, "zeros=") || strings.HasPrefix(part, "kernel=") {
			continue
		}
		suite += " " + part
	}
	return suite
}

// Measure takes one sample. It performs c.Ops operations or, if that is 0, as
// many as it takes to fill the slice, but at least one. If the context is
// cancelled during an operation, Measure returns that operation's error instead
// of a sample that was cut short.
func (c Case) Measure(ctx context.Context, slice time.Duration) (_ *benchfmt.Result, err error) {
	cores := runtime.GOMAXPROCS(0)
	if c.Procs > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.Procs))
	}
	run, err := c.Start()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	if run.Close != nil {
		defer func() { err = errors.Join(err, run.Close()) }()
	}

	n := 0
	start := time.Now()
	for more := true; more; {
		if err := run.Op(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		n++
		if c.Ops > 0 {
			more = n < c.Ops
		} else {
			more = time.Since(start) < slice
		}
	}
	elapsed := time.Since(start)
	return c.result(n, elapsed, run, cores), nil
}

// result formats a sample as go test -bench would print it: cores is the value of
// GOMAXPROCS to append to the name.
func (c Case) result(n int, elapsed time.Duration, run *Run, cores int) *benchfmt.Result {
	name := c.Name
	if cores != 1 {
		name += fmt.Sprintf("-%d", cores)
	}
	metrics := []Metric{{float64(elapsed.Nanoseconds()) / float64(n), nsPerOp}}
	if run.Report != nil {
		for _, m := range run.Report(n, elapsed) {
			if m.Unit == nsPerOp {
				metrics[0] = m
				continue
			}
			metrics = append(metrics, m)
		}
	}
	if metrics[0].Value == 0 {
		metrics = metrics[1:]
	}
	r := &benchfmt.Result{Name: benchfmt.Name(name), Iters: n}
	for _, m := range metrics {
		r.Values = append(r.Values, benchfmt.Value{Value: round(m.Value), Unit: m.Unit})
	}
	return r
}

// round rounds to six significant digits, since no measurement here is more
// precise than that.
func round(x float64) float64 {
	var y float64
	if _, err := fmt.Sscan(fmt.Sprintf("%.6g", x), &y); err != nil {
		return x
	}
	return y
}
