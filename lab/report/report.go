package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/lodepow/lode/internal/chart"
	"github.com/lodepow/lode/internal/chart/draw"
	"github.com/lodepow/lode/lab"
)

// document is the content of a page.
type document struct {
	Title    string
	Lead     []string // the question and the answer
	Sections []section
}

// section is a part of a page. Any of its parts except ID and Title may be empty.
type section struct {
	ID     string // identifies the section in links; unique in the page
	Title  string
	Text   []string
	Charts []chart.Chart
	Tables []table
	After  []string
	File   string // text of a file
}

// table is a table whose first Keys columns name the row.
type table struct {
	Title string // what its rows have in common
	Keys  int
	Head  []string
	Rows  [][]string
	Fold  bool // readers open it if they want to
}

// Make runs the replica that the report shows in detail again (see [NewTrace]) and writes
// the report of a run into a folder. The errors are those of [NewTrace] and [Write].
func Make(ctx context.Context, dir string, plan *lab.Plan, summary *lab.Summary, replicas []lab.Replica) error {
	if len(plan.Points) == 0 {
		return errNoPoints
	}
	point := pointToShow(plan, summary)
	trace, err := NewTrace(ctx, plan.Points[point], seedToShow(plan, point, replicas))
	if err != nil {
		return err
	}
	return Write(dir, plan, summary, replicas, trace)
}

var errNoPoints = errors.New("the plan has no points: a report needs at least one")

// Write writes report.html and each of its charts as SVG and PNG into a folder, which it
// creates if necessary. The trace may be nil; the report then lacks what comes from it.
// The error says that plan and summary are not of the same experiment, that a replica
// differs from its trace, or which file could not be written.
func Write(dir string, plan *lab.Plan, summary *lab.Summary, replicas []lab.Replica, trace *Trace) error {
	d, err := newDocument(plan, summary, replicas, trace)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := writePage(&page, d); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "report.html"), page.Bytes(), 0o644); err != nil {
		return err
	}
	group := errgroup.Group{}
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, s := range d.Sections {
		for _, c := range s.Charts {
			group.Go(func() error { return writeChart(dir, c) })
		}
	}
	return group.Wait()
}

func writeChart(dir string, c chart.Chart) error {
	svg, err := draw.SVG(c)
	if err != nil {
		return err
	}
	png, err := draw.PNG(c)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, c.Name+".svg"), svg, 0o644),
		os.WriteFile(filepath.Join(dir, c.Name+".png"), png, 0o644),
	)
}

func newDocument(plan *lab.Plan, summary *lab.Summary, replicas []lab.Replica, trace *Trace) (*document, error) {
	switch {
	case len(plan.Points) == 0:
		return nil, errNoPoints
	case len(plan.Points) != len(summary.Points):
		return nil, fmt.Errorf("the plan has %d points and the summary %d: they are not of the same experiment", len(plan.Points), len(summary.Points))
	}
	if err := trace.check(replicas); err != nil {
		return nil, err
	}
	r := newResults(plan, summary)
	d := &document{Title: r.title(), Lead: r.lead()}
	if r.swept() {
		d.Sections = append(d.Sections, r.curves())
	}
	if s, ok := r.courseSection(replicas); ok {
		d.Sections = append(d.Sections, s)
	}
	if trace != nil {
		d.Sections = append(d.Sections, trace.detail(r.swept()))
		if trace.Result.Nodes > 1 { // the others would be empty
			d.Sections = append(d.Sections, trace.spreadSection(), trace.forkSection())
		}
	}
	d.Sections = append(d.Sections, r.figures(), r.source(replicas))
	return d, nil
}
