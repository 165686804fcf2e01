package report

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lodepow/lode/lab"
)

// results are the results of a run, in the order in which the report shows them.
type results struct {
	plan    lab.Plan
	summary *lab.Summary
	metrics []lab.Metric // of all points, each once, in the order in which they first occur
	main    lab.Metric   // what the report is about
}

func newResults(plan lab.Plan, summary *lab.Summary) *results {
	r := &results{plan: plan, summary: summary}
	known := map[string]bool{}
	for _, p := range plan.Points {
		for _, m := range lab.Metrics(p.Experiment) {
			if !known[m.Name] {
				known[m.Name] = true
				r.metrics = append(r.metrics, m)
			}
		}
	}
	r.main = r.mainMetric()
	return r
}

// mainMetric returns the metric that the run was to measure to a half-width, or else the
// last one that has a theory, because special theories come after general ones, or else
// the revenue of a strategist, or the stale rate.
func (r *results) mainMetric() lab.Metric {
	main := r.metrics[0]
	x := r.plan.Points[0].Experiment
	for _, m := range r.metrics {
		switch {
		case r.plan.Of != "" && m.Name == r.plan.Of:
			return m
		case len(x.Strategists) > 0 && m.Name == minerName(x.Strategists[0].Node)+"revenue":
			main = m
		}
	}
	for _, m := range r.metrics {
		if r.hasTheory(m.Name) && !isSideMetric(m.Name) {
			main = m
		}
	}
	return main
}

func minerName(node int) string { return "miner_" + strconv.Itoa(node) + "_" }

// isSideMetric reports whether a metric is of a single miner and not its revenue.
func isSideMetric(name string) bool {
	return strings.HasPrefix(name, "miner_") && !strings.HasSuffix(name, "_revenue")
}

func (r *results) hasTheory(metric string) bool {
	return slices.ContainsFunc(r.summary.Points, func(p lab.PointSummary) bool { return p.Metrics[metric].Theory != nil })
}

// at returns what was measured of a metric at a point. Both parts of the estimate are NaN
// if nothing was.
func (r *results) at(point int, metric string) lab.MetricSummary {
	m, ok := r.summary.Points[point].Metrics[metric]
	if !ok {
		m.Mean, m.Half = math.NaN(), math.NaN()
	}
	return m
}

// swept reports whether the run has several points.
func (r *results) swept() bool { return len(r.plan.Points) > 1 }

// keys returns the keys that the experiment sweeps.
func (r *results) keys() []string {
	var keys []string
	for _, v := range r.plan.Points[0].Values {
		keys = append(keys, v.Key)
	}
	return keys
}

// pointToShow returns the index of the point that is shown in detail: the one with the
// highest stale rate, because forks are what the pictures show.
func pointToShow(plan lab.Plan, summary *lab.Summary) int {
	best, rate := 0, math.Inf(-1)
	for i := range min(len(plan.Points), len(summary.Points)) {
		if s := summary.Points[i].Metrics["stale_rate"].Mean; s > rate {
			best, rate = i, s
		}
	}
	return best
}

// pointName returns the values of a point as text: "alpha = 0.3, gamma = 0.5".
func pointName(values []lab.Value) string {
	var parts []string
	for _, v := range values {
		parts = append(parts, plain(v.Key)+" = "+plain(v.Text))
	}
	return strings.Join(parts, ", ")
}
