package main

import (
	"fmt"
	"io"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/lab"
)

// status tells how far a run is: on a terminal in one line that is overwritten, and
// elsewhere, if lines is set, in a line for each point that has ended.
type status struct {
	w        io.Writer
	terminal bool
	lines    bool
	plan     *lab.Plan
}

func newStatus(w io.Writer, p *lab.Plan) *status {
	return &status{w: w, terminal: cli.IsTerminal(w), plan: p}
}

// barWidth is the number of characters of the progress bar.
const barWidth = 20

// show shows the progress. It is called by one goroutine at a time.
func (s *status) show(p lab.Progress) {
	text := fmt.Sprintf("point %d of %d%s, replica %d, %s %s", p.Point+1, p.Points, valuesText(s.plan.Points[p.Point].Values), p.Replicas, p.Metric, plusMinus(p.Estimate))
	switch {
	case s.terminal:
		part := float64(p.Ended)
		if !p.Complete {
			part += min(1, float64(p.Replicas)/float64(s.plan.Replicas)) / 2 // more may be needed
		}
		full := min(barWidth, int(part/float64(p.Points)*barWidth))
		fmt.Fprintf(s.w, "\r[%-*s] %s\x1b[K", barWidth, bar[:full], text)
	case s.lines && p.Complete:
		fmt.Fprintln(s.w, text)
	}
}

const bar = "===================="

// clear removes the line from a terminal.
func (s *status) clear() {
	if s.terminal {
		fmt.Fprintf(s.w, "\r\x1b[K")
	}
}

// valuesText returns the values of a point, such as " (power.alpha 0.3)".
func valuesText(values []lab.Value) string {
	text := ""
	for i, v := range values {
		if i > 0 {
			text += ", "
		}
		text += v.Key + " " + v.Text
	}
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func plusMinus(e lab.Estimate) string {
	if e.N < 2 {
		return "not known yet"
	}
	return fmt.Sprintf("%.5g ± %.2g", e.Mean, e.Half)
}
