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

// Case is one benchmark: a name, and how to begin it. Both go test -bench and
// [Measure] run cases, so they measure the same thing.
type Case struct {
	// Name is that of go test without "Benchmark": a base and parts that are
	// key=value, as benchstat pivots them.
	Name string

	Skip  string // why it cannot run here; "": it can
	Procs int    // GOMAXPROCS while it runs; 0: left alone
	Ops   int    // operations of a slice; 0: as many as fit the time

	Start func() (*Run, error)
}

// Run is a case under way.
type Run struct {
	Op     func(context.Context) error                 // one operation
	Report func(n int, elapsed time.Duration) []Metric // beside ns/op; nil: nothing
	Close  func() error                                // nil: nothing to close
}

// Metric is a value with its unit. The value 0 of ns/op, as in package testing,
// says that the time of an operation means nothing.
type Metric struct {
	Value float64
	Unit  string
}

const nsPerOp = "ns/op"

// rate reports what was done by the second.
func rate(done *uint64, unit string) func(int, time.Duration) []Metric {
	return func(_ int, elapsed time.Duration) []Metric {
		return []Metric{{float64(*done) / elapsed.Seconds(), unit}}
	}
}

// Suite is the name without the parts that make rows and columns, zeros and
// kernel. Results of one suite can stand in one table, so the output says
// "suite: NAME" before them, which benchstat keeps apart.
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

// Measure runs the case once: c.Ops operations or, if that is 0, as many as it
// takes to fill the time, one at least. What an ended context cut short is no
// sample, but an error.
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

// result lays a sample out as go test would print it.
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

// round drops the digits past the sixth, which no measurement has.
func round(x float64) float64 {
	var y float64
	if _, err := fmt.Sscan(fmt.Sprintf("%.6g", x), &y); err != nil {
		return x
	}
	return y
}
