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
	plan    *lab.Plan
	summary *lab.Summary
	metrics []lab.Metric // of all points, each once, in the order in which they first occur
	main    lab.Metric   // what the report is about
}

func newResults(plan *lab.Plan, summary *lab.Summary) *results {
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

// mainMetric returns the metric that the first point is about.
func (r *results) mainMetric() lab.Metric {
	name := r.plan.MainMetric(0)
	for _, m := range r.metrics {
		if m.Name == name {
			return m
		}
	}
	return r.metrics[0]
}

func minerName(node int) string { return "miner_" + strconv.Itoa(node) + "_" }

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
func pointToShow(plan *lab.Plan, summary *lab.Summary) int {
	best, rate := 0, math.Inf(-1)
	for i := range min(len(plan.Points), len(summary.Points)) {
		if s := summary.Points[i].Metrics["stale_rate"].Mean; s > rate {
			best, rate = i, s
		}
	}
	return best
}

// seedToShow returns the seed of the replica that is shown in detail: of those of the point, the
// first one with the highest stale rate.
func seedToShow(plan *lab.Plan, point int, replicas []lab.Replica) uint64 {
	column := slices.IndexFunc(lab.Metrics(plan.Points[point].Experiment), func(m lab.Metric) bool { return m.Name == "stale_rate" })
	seed, rate := plan.Seed, math.Inf(-1)
	for _, r := range replicas {
		if r.Point == point && r.Values[column] > rate {
			seed, rate = r.Seed, r.Values[column]
		}
	}
	return seed
}

// pointName returns the values of a point as text: "alpha = 0.3, gamma = 0.5".
func pointName(values []lab.Value) string {
	var parts []string
	for _, v := range values {
		parts = append(parts, plain(v.Key)+" = "+plain(v.Text))
	}
	return strings.Join(parts, ", ")
}
