package lab

import (
	"strconv"
	"strings"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/lab/blocks"
)

// theory knows the value of some metrics in some experiments. ok is false for all others.
type theory func(metric string, x blocks.Experiment) (value float64, source string, ok bool)

var theories = []theory{cliqueTheory, selfishTheory, splitTheory, optimalTheory, doubleSpendTheory}

// Theory returns what a published theory says of a metric in an experiment, which must
// have its defaults, and the source. ok is false if no theory here applies.
func Theory(metric string, x blocks.Experiment) (value float64, source string, ok bool) {
	for _, t := range theories {
		if value, source, ok = t(metric, x); ok {
			return value, source, true
		}
	}
	return 0, "", false
}

// cliqueTheory is the law of stale blocks among miners who are all connected with each
// other and whose messages all take the same time.
func cliqueTheory(metric string, x blocks.Experiment) (value float64, source string, ok bool) {
	delay, ok := cliqueDelay(x)
	if !ok || len(x.Strategists) > 0 || x.Tie.Rule != blocks.FirstSeen || miners(x) != x.Nodes {
		return 0, "", false
	}
	equal := len(x.Power.Shares) == 0 && x.Power.Zipf == 0
	if equal && metric == "stale_rate" {
		return blocks.CliqueStaleRate(x.Nodes, delay.Seconds(), x.Interval.Seconds()), "stale rate x/(1+x) of a clique, x = delay/interval*(n-1)/n", true
	}
	node, what, ok := minerMetric(metric)
	if shares := powerShares(x); ok && what == "stale_rate" && node < len(shares) {
		return blocks.StaleRate(shares, node, delay.Seconds(), x.Interval.Seconds()), "stale rate by hash share, to the first order of delay/interval", true
	}
	return 0, "", false
}

// selfishTheory is the formula of Eyal and Sirer for a single miner with SM1.
func selfishTheory(metric string, x blocks.Experiment) (value float64, source string, ok bool) {
	if len(x.Strategists) != 1 || x.Strategists[0].Strategy != blocks.Strategy(blocks.SM1{}) || x.Tie.Rule != blocks.Share {
		return 0, "", false
	}
	delay, ok := cliqueDelay(x)
	if !ok || delay > x.Interval/10_000 {
		return 0, "", false
	}
	node, what, ok := minerMetric(metric)
	shares := powerShares(x)
	if !ok || what != "revenue" || node != x.Strategists[0].Node || shares == nil || shares[node] > 0.5 {
		return 0, "", false
	}
	return blocks.SelfishRevenue(shares[node], x.Tie.Gamma), "Eyal and Sirer 2014, equation 8", true
}

// cliqueDelay returns the time from node to node in a clique in which it is always the
// same, and in which the hash rate, the difficulty and the clocks do not change anything.
func cliqueDelay(x blocks.Experiment) (delay time.Duration, ok bool) {
	l, r := x.Latency, x.Relay
	switch {
	case x.Changes() || x.Topology.Shape != blocks.Clique || l.Regions != nil || l.Jitter != 0 || l.Law != "" && l.Law != blocks.Constant,
		r.Mode != blocks.Full || r.BlockBytes.Mean != 0 || r.Loss != 0, !hasSteadyRate(x):
		return 0, false
	}
	return l.Mean + r.Validation, true
}

// hasSteadyRate reports whether blocks are found at the same rate all the time: the hash
// rate and the difficulty stay, and no clock is wrong, because a node holds back a block
// that is too far ahead of its clock.
func hasSteadyRate(x blocks.Experiment) bool {
	return len(x.Power.Steps) == 0 && x.Params.Difficulty().Rule == rules.RuleFixed && x.Hopping.Share == 0 &&
		x.Clocks.Error.Mean == 0 && len(x.Clocks.Liars) == 0
}

// minerMetric takes the name of a miner's metric apart, such as miner_3_revenue.
func minerMetric(metric string) (node int, what string, ok bool) {
	number, what, ok := strings.Cut(strings.TrimPrefix(metric, "miner_"), "_")
	node, err := strconv.Atoi(number)
	return node, what, ok && err == nil && strings.HasPrefix(metric, "miner_")
}

// powerShares returns the miners' shares of the hash rate, or nil if a law gives them.
func powerShares(x blocks.Experiment) []float64 {
	if x.Power.Zipf != 0 {
		return nil
	}
	shares := make([]float64, miners(x))
	var sum float64
	for i := range shares {
		shares[i] = 1
		if len(x.Power.Shares) > 0 {
			shares[i] = x.Power.Shares[i]
		}
		sum += shares[i]
	}
	for i := range shares {
		shares[i] /= sum
	}
	return shares
}
