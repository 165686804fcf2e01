package lab

import (
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/lab/blocks"
)

// HasCourse reports whether the difficulty or the hash rate of an experiment is not steady, so
// that its replicas have a course.
func HasCourse(x blocks.Experiment) bool {
	return x.Params.Difficulty().Rule != rules.RuleFixed || len(x.Power.Steps) > 0 || x.Hopping.Share > 0
}

// difficultyMetrics are the metrics of experiments in which the difficulty, the hash rate
// or the times of headers are not steady.
func difficultyMetrics(x blocks.Experiment) []Metric {
	if !HasCourse(x) {
		return nil
	}
	return []Metric{
		{"difficulty_error", "1", "mean of the logarithm of the difficulty divided by the one that fits the hash rate", func(r *blocks.Result) float64 {
			mean, _ := r.Course.Error()
			return mean
		}},
		{"difficulty_deviation", "1", "standard deviation of the logarithm of the difficulty divided by the one that fits the hash rate", func(r *blocks.Result) float64 {
			_, deviation := r.Course.Error()
			return deviation
		}},
		{"interval_95_seconds", "seconds", "95 % of the times between a block of the main chain and its parent are at most as long, to a sixteenth", func(r *blocks.Result) float64 {
			return r.Intervals.Quantile(0.95).Seconds()
		}},
		{"interval_max_seconds", "seconds", "longest time between a block of the main chain and its parent", func(r *blocks.Result) float64 {
			return r.Intervals.Max.Seconds()
		}},
	}
}
