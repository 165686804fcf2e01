package lab

import (
	"fmt"
	"math"
	"slices"

	"github.com/lodepow/lode/lab/blocks"
)

// maxMiners is the greatest number of miners that have metrics of their own. If more
// nodes mine, only those with a strategy do.
const maxMiners = 16

// metricSets add the metrics that apply to an experiment.
var metricSets = []func(blocks.Experiment) []Metric{networkMetrics, minerMetrics, difficultyMetrics, changeMetrics, doubleSpendMetrics}

// Metrics returns the metrics that apply to an experiment, in the order of the columns of
// results.csv. The experiment must have its defaults.
func Metrics(x blocks.Experiment) []Metric {
	var list []Metric
	for _, set := range metricSets {
		list = append(list, set(x)...)
	}
	return list
}

func networkMetrics(x blocks.Experiment) []Metric {
	list := []Metric{
		{"stale_rate", "1", "share of stale blocks in those that were published", (*blocks.Result).StaleRate},
		{"fork_rate", "1", "stale branches for each block of the main chain", func(r *blocks.Result) float64 {
			return quotient(float64(r.ForkLengths.Total()), float64(r.Main))
		}},
		{"fork_length_mean", "blocks", "mean length of the stale branches", func(r *blocks.Result) float64 { return meanDepth(r.ForkLengths) }},
		{"reorg_rate", "1", "reorgs of a node for each block that was found", func(r *blocks.Result) float64 {
			return float64(r.Reorgs.Total()) / float64(r.Nodes) / float64(r.Found)
		}},
		{"reorg_depth_mean", "blocks", "mean number of blocks that a reorg disconnects", func(r *blocks.Result) float64 { return meanDepth(r.Reorgs) }},
	}
	for i, share := range blocks.ReachShares {
		percent := fmt.Sprintf("%.0f", 100*share)
		list = append(list, Metric{"reach_" + percent + "_seconds", "seconds",
			"mean time from the discovery of a block until " + percent + " % of the nodes had it as their tip",
			func(r *blocks.Result) float64 { return meanSeconds(&r.Reach[i]) }})
	}
	list = append(list,
		Metric{"interval_mean_seconds", "seconds", "mean time between a block of the main chain and its parent", func(r *blocks.Result) float64 {
			return meanSeconds(&r.Intervals)
		}},
		Metric{"interval_deviation_seconds", "seconds", "standard deviation of the time between a block of the main chain and its parent", func(r *blocks.Result) float64 {
			if r.Intervals.Count < 2 {
				return math.NaN()
			}
			return r.Intervals.Deviation().Seconds()
		}},
		Metric{"growth_rate", "blocks/s", "blocks of the main chain for each second", (*blocks.Result).GrowthRate},
	)
	if len(x.Strategists) > 0 {
		nodes := strategicNodes(x)
		list = append(list,
			Metric{"withheld_rate", "1", "share of blocks that their miner never published", func(r *blocks.Result) float64 {
				return quotient(float64(r.Withheld), float64(r.Found))
			}},
			Metric{"chain_quality", "1", "share of the main chain that comes from miners without a strategy", func(r *blocks.Result) float64 {
				return r.Quality(nodes...)
			}},
		)
	}
	return list
}

func minerMetrics(x blocks.Experiment) []Metric {
	var list []Metric
	for _, node := range minersShown(x) {
		name := fmt.Sprintf("miner_%d_", node)
		list = append(list,
			Metric{name + "share", "1", fmt.Sprintf("share of node %d in the hash rate, at the start", node), func(r *blocks.Result) float64 { return r.Miners[node].Share }},
			Metric{name + "revenue", "1", fmt.Sprintf("share of node %d in the blocks of the main chain", node), func(r *blocks.Result) float64 {
				return r.Revenue(node)
			}},
			Metric{name + "stale_rate", "1", fmt.Sprintf("share of the blocks of node %d that are not in the main chain", node), func(r *blocks.Result) float64 {
				if r.Miners[node].Found == 0 {
					return math.NaN()
				}
				return r.MinerStaleRate(node)
			}},
		)
	}
	return list
}

// minersShown returns the nodes that have metrics of their own.
func minersShown(x blocks.Experiment) []int {
	var nodes []int
	if n := miners(x); n <= maxMiners {
		for i := range n {
			nodes = append(nodes, i)
		}
		return nodes
	}
	nodes = strategicNodes(x)
	return nodes[:min(len(nodes), maxMiners)]
}

// miners returns the number of nodes that mine.
func miners(x blocks.Experiment) int {
	switch {
	case len(x.Power.Shares) > 0:
		return len(x.Power.Shares)
	case x.Power.Miners > 0:
		return x.Power.Miners
	}
	return x.Nodes
}

// MainMetric returns the name of the metric that a point is about: that of the half-width,
// or else the success of the double-spender or the revenue of the miner with a strategy, what
// splits cost, how well the difficulty of a single node fits, or the stale rate.
func (p *Plan) MainMetric(point int) string {
	if p.Of != "" {
		return p.Of
	}
	return mainMetric(p.Points[point].Experiment)
}

// mainMetric returns the metric that the progress of a run is about.
func mainMetric(x blocks.Experiment) string {
	if len(x.Strategists) > 0 {
		first := x.Strategists[0]
		if _, ok := first.Strategy.(blocks.DoubleSpender); ok {
			return fmt.Sprintf("miner_%d_double_spend_rate", first.Node)
		}
		if slices.Contains(minersShown(x), first.Node) {
			return fmt.Sprintf("miner_%d_revenue", first.Node)
		}
	}
	switch {
	case len(x.Splits) > 0:
		return "split_lost_blocks"
	case x.Nodes == 1 && len(difficultyMetrics(x)) > 0: // nothing goes stale
		return "difficulty_error"
	}
	return "stale_rate"
}

func strategicNodes(x blocks.Experiment) []int {
	var nodes []int
	for _, s := range x.Strategists {
		nodes = append(nodes, s.Node)
	}
	return nodes
}

func meanSeconds(t *blocks.Times) float64 {
	if t.Count == 0 {
		return math.NaN()
	}
	return t.Mean().Seconds()
}

func meanDepth(d blocks.Depths) float64 {
	var sum int64
	for depth, n := range d {
		sum += int64(depth) * n
	}
	return quotient(float64(sum), float64(d.Total()))
}

// quotient returns a/b, or NaN if b is 0.
func quotient(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}
