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

// window is the time that is drawn.
type window struct {
	from, to time.Time
	step     time.Duration
}

// points is about as many as a panel has room for.
const points = 240

func newWindow(to time.Time, length, scrape time.Duration) window {
	step := max(scrape, (length / points).Round(time.Second))
	to = to.Truncate(step)
	return window{from: to.Add(-length).Truncate(step), to: to, step: step}
}

// series is a line of a panel: a value, or NaN, for every step of the window.
type series struct {
	name   string
	values []float64
}

func (s series) last() (v float64, ok bool) {
	for _, v := range slices.Backward(s.values) {
		if !math.IsNaN(v) {
			return v, true
		}
	}
	return 0, false
}

// vars stands for what Grafana puts in place of a dashboard's variables.
type vars struct {
	job, instance string
	scrape        time.Duration
}

func (v vars) expand(expr string, step time.Duration) string {
	rate := max(4*v.scrape, step+v.scrape) // as Grafana has it
	return strings.NewReplacer(
		"$job", v.job,
		"$instance", v.instance,
		"$__rate_interval", fmt.Sprintf("%ds", int(rate.Seconds())),
	).Replace(expr)
}

// fetch runs a panel's queries.
func fetch(ctx context.Context, c *live.Client, p dashboards.Panel, v vars, w window) ([]series, error) {
	var all []series
	for _, q := range p.Queries {
		step := w.step
		if p.Kind == dashboards.Heat {
			step = w.step * 4 // cells that can be seen
		}
		found, err := c.QueryRange(ctx, v.expand(q.Expr, step), w.from, w.to, w.step)
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
			if _, ok := s.last(); ok { // a quantile of nothing is NaN
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

// legend puts labels in the place of {{label}}.
func legend(format string, labels map[string]string) string {
	return regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`).ReplaceAllStringFunc(format, func(m string) string {
		return labels[strings.Trim(m, "{} ")]
	})
}
