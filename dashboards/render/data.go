package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lodepow/lode/dashboards"
	"github.com/lodepow/lode/dashboards/live"
)

// window is the period that is drawn, with the distance between two points.
type window struct {
	from, to time.Time
	step     time.Duration
}

// points is the approximate number of points for which a panel has room.
const points = 240

// newWindow returns the window of the given length that ends at to. Its step is at
// least the scrape interval.
func newWindow(to time.Time, length, scrape time.Duration) window {
	step := max(scrape, (length / points).Round(time.Second))
	to = to.Truncate(step)
	return window{from: to.Add(-length).Truncate(step), to: to, step: step}
}

// series is one line of a panel. It has a value for every step of the window, which is
// NaN where there is a gap.
type series struct {
	name   string
	values []float64
}

// last returns the latest value, or false if there is none.
func (s series) last() (v float64, ok bool) {
	for _, v := range slices.Backward(s.values) {
		if !math.IsNaN(v) {
			return v, true
		}
	}
	return 0, false
}

// vars holds the values of a dashboard's variables.
type vars struct {
	job, instance string // regular expressions
	scrape        time.Duration
}

// expand replaces the variables in an expression. It computes $__rate_interval as
// Grafana does, with the least step that the dashboards give it.
func (v vars) expand(expr string, step, length time.Duration) string {
	scrape := max(v.scrape, dashboards.MinStep)
	rate := max(4*scrape, step+scrape)
	return strings.NewReplacer(
		"$job", v.job,
		"$instance", v.instance,
		"$__range", fmt.Sprintf("%ds", int(length.Seconds())),
		"$__rate_interval", fmt.Sprintf("%ds", int(rate.Seconds())),
	).Replace(expr)
}

// fetch runs the queries of a panel and returns their series.
func fetch(ctx context.Context, c *live.Client, p dashboards.Panel, v vars, w window) ([]series, error) {
	var all []series
	for _, q := range p.Queries {
		step := w.step
		if p.Kind == dashboards.Heat {
			step = w.step * 4 // average over several steps, so that the cells are visible
		}
		found, err := c.QueryRange(ctx, v.expand(q.Expr, step, w.to.Sub(w.from)), w.from, w.to, w.step)
		if err != nil {
			return nil, fmt.Errorf("panel %q: %w", p.Title, err)
		}
		lines := make([]series, 0, len(found))
		for _, f := range found {
			s := series{name: legend(q.Legend, f.Labels), values: make([]float64, w.len())}
			for i := range s.values {
				s.values[i] = math.NaN()
			}
			for _, pt := range f.Points {
				if i := int(pt.Time.Sub(w.from) / w.step); i >= 0 && i < len(s.values) {
					s.values[i] = pt.Value
				}
			}
			if p.Text && math.IsNaN(s.values[w.len()-1]) {
				continue // it has ended
			}
			if _, ok := s.last(); ok { // a series may consist of NaN only: quantiles of empty histograms are NaN
				lines = append(lines, s)
			}
		}
		slices.SortFunc(lines, func(a, b series) int { return cmp.Compare(a.name, b.name) })
		all = append(all, lines...)
	}
	return all, nil
}

func (w window) len() int { return int(w.to.Sub(w.from)/w.step) + 1 }

func (w window) at(i int) float64 { return float64(w.from.Add(time.Duration(i) * w.step).Unix()) }

// legend replaces each {{label}} in a format by the value of that label.
func legend(format string, labels map[string]string) string {
	return regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`).ReplaceAllStringFunc(format, func(m string) string {
		return labels[strings.Trim(m, "{} ")]
	})
}

// event is something that happened at a moment.
type event struct {
	at    float64 // Unix time in seconds
	color string
}

// fetchEvents returns the beginnings of the events that a dashboard marks.
func fetchEvents(ctx context.Context, c *live.Client, d dashboards.Dashboard, v vars, w window) ([]event, error) {
	var all []event
	for _, m := range d.Marks {
		found, err := c.QueryRange(ctx, v.expand(m.Expr, w.step, w.to.Sub(w.from)), w.from, w.to, w.step)
		if err != nil {
			return nil, fmt.Errorf("mark %q: %w", m.Name, err)
		}
		for _, f := range found {
			var before time.Time
			for _, pt := range f.Points {
				if pt.Time.Sub(before) > w.step {
					all = append(all, event{float64(pt.Time.Unix()), m.Color})
				}
				before = pt.Time
			}
		}
	}
	return all, nil
}
