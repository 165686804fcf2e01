package lab

import (
	"cmp"
	"fmt"
	"sync"

	"github.com/lodepow/lode/lab/blocks"
	"github.com/lodepow/lode/lab/optimal"
)

// Optimal is the strategy that package lab/optimal finds. It is solved when it is first
// needed, because that takes some tenths of a second, and a file may have many points.
type Optimal struct {
	Problem optimal.Problem

	once     sync.Once
	solution optimal.Solution
	err      error
}

func (o *Optimal) solve() (optimal.Solution, error) {
	o.once.Do(func() { o.solution, o.err = optimal.Solve(o.Problem) })
	return o.solution, o.err
}

// newOptimal makes the strategy for the miner's share of the hash rate and the tie rule
// of an experiment that is being read.
func newOptimal(s strategistDraft, x *blocks.Experiment) (blocks.Strategy, error) {
	full := *x
	full.Nodes = cmp.Or(x.Nodes, 1000) // the default of Experiment.Nodes
	if n := miners(full); n < 1 || n > maxAlphaMiners {
		return nil, fmt.Errorf("the strategy optimal among %d miners: want 1 to %d", n, maxAlphaMiners)
	}
	shares := powerShares(full)
	p := optimal.Problem{Gamma: x.Tie.Gamma, Truncation: cmp.Or(s.truncation, 40)}
	switch {
	case shares == nil || s.node < 0 || s.node >= len(shares):
		return nil, fmt.Errorf("the strategy optimal needs a miner whose share of the hash rate is known, and node %d is none: set alpha or shares in the table power, and leave zipf out", s.node)
	case p.Truncation < 2 || p.Truncation > 200:
		return nil, fmt.Errorf("truncation %d: want 2 to 200", p.Truncation)
	}
	p.Alpha = shares[s.node]
	if !(p.Alpha > 0 && p.Alpha < 0.5) {
		return nil, fmt.Errorf("the strategy optimal for a share %v of the hash rate: want more than 0 and less than 0.5", p.Alpha)
	}
	return &Optimal{Problem: p}, nil
}

// Name returns "optimal".
func (*Optimal) Name() string { return "optimal" }

// Act looks the action up in the solution. It panics if the problem cannot be solved,
// which the reader of files has made sure of.
func (o *Optimal) Act(p blocks.Position) blocks.Action {
	s, err := o.solve()
	if err != nil {
		panic("lab: " + err.Error())
	}
	return s.Policy.Act(p)
}

// optimalTheory is what the best strategy earns, for a single miner with it.
func optimalTheory(metric string, x blocks.Experiment) (value float64, source string, ok bool) {
	if len(x.Strategists) != 1 || x.Tie.Rule != blocks.Share {
		return 0, "", false
	}
	o, isOptimal := x.Strategists[0].Strategy.(*Optimal)
	delay, isClique := cliqueDelay(x)
	node, what, isMiner := minerMetric(metric)
	if !isOptimal || !isClique || delay > x.Interval/10_000 || !isMiner || what != "revenue" || node != x.Strategists[0].Node {
		return 0, "", false
	}
	s, err := o.solve()
	return s.Revenue, "best strategy of the decision process of Sapirshtein, Sompolinsky and Zohar 2016", err == nil
}

// doubleSpendMetrics are those of miners that spend twice.
func doubleSpendMetrics(x blocks.Experiment) []Metric {
	var list []Metric
	of := func(r *blocks.Result, node int) blocks.DoubleSpends {
		for _, d := range r.DoubleSpends {
			if d.Node == node {
				return d
			}
		}
		return blocks.DoubleSpends{}
	}
	for _, s := range x.Strategists {
		if _, ok := s.Strategy.(blocks.DoubleSpender); !ok {
			continue
		}
		name := fmt.Sprintf("miner_%d_double_spend_", s.Node)
		list = append(list,
			Metric{name + "attempts", "1", fmt.Sprintf("attempts of node %d to spend twice that have ended", s.Node), func(r *blocks.Result) float64 {
				return float64(of(r, s.Node).Attempts)
			}},
			Metric{name + "rate", "1", fmt.Sprintf("share of the attempts of node %d that succeeded", s.Node), func(r *blocks.Result) float64 {
				d := of(r, s.Node)
				return quotient(float64(d.Successes), float64(d.Attempts))
			}})
	}
	return list
}

// doubleSpendTheory is the probability that an attempt succeeds if messages take no time.
func doubleSpendTheory(metric string, x blocks.Experiment) (value float64, source string, ok bool) {
	node, what, isMiner := minerMetric(metric)
	delay, isClique := cliqueDelay(x)
	shares := powerShares(x)
	if !isMiner || what != "double_spend_rate" || !isClique || delay > x.Interval/10_000 || len(x.Strategists) != 1 || shares == nil {
		return 0, "", false
	}
	d, ok := x.Strategists[0].Strategy.(blocks.DoubleSpender)
	if !ok || node != x.Strategists[0].Node || shares[node] >= 0.5 {
		return 0, "", false
	}
	return blocks.DoubleSpendGivingUp(shares[node], d), "Rosenfeld 2014, with an end of attempts that fall behind", true
}
