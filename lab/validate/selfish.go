package validate

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/lodepow/lode/lab"
	"github.com/lodepow/lode/lab/blocks"
	"github.com/lodepow/lode/lab/optimal"
)

func selfishChecks() []Check {
	const revenue = "within 3.5 standard errors, and with --full within ±0.005 as well"
	return []Check{
		{
			Name:      "sm1",
			Title:     "Selfish mining",
			Source:    "Eyal and Sirer, Majority is not Enough, 2014, equation 8 in section 4.2, compared with the paper",
			Criterion: revenue,
			Note: "Share in the main chain of a miner with the share alpha of the hash rate that hides blocks. Messages take no time; in a race a share gamma of the others mines on its block. " +
				"The figures are corrected for the luck of the miner: what the formula gives for the share of the blocks that it happened to find, less what it gives for alpha, is taken off.",
			rows: sm1Rows,
		},
		{
			Name:      "sm1-threshold",
			Title:     "Share above which selfish mining pays",
			Source:    "Eyal and Sirer, 2014, observation 1 in section 4.4, which is equation 9: (1-gamma)/(3-2 gamma)",
			Criterion: "within ±0.015, and with --full within ±0.005",
			Note: "By bisection to 0.002, once for each of 16 seeds; the interval is that of their mean. The miner's revenue is compared with the share of the blocks that it found in the same run, " +
				"which is what an honest miner would have earned.",
			rows: thresholdRows,
		},
		{
			Name:  "optimal",
			Title: "Optimal selfish mining: revenue",
			Source: "Sapirshtein, Sompolinsky and Zohar, Optimal Selfish Mining Strategies in Bitcoin, 2016 (arXiv 1507.06183), for gamma = 0; for gamma = 1 their bound alpha/(1-alpha). " +
				"The five digits were not copied from a source at hand: a test computes them again by another method, bisection and value iteration as the paper does; with LODE_VALIDATE=1 to at most 0.0001 below and 0.000012 above them (0.001 below where alpha is more than 0.4, because chains are cut off)",
			Criterion: "solver: within ±0.0001 up to alpha = 0.4, and ±0.001 above. Simulated: " + revenue,
			Note:      "The solver's figure is a lower bound, and cuts chains off at 80 blocks, so that it is too low where the miner has nearly half of the hash rate.",
			rows:      optimalRows,
		},
		{
			Name:      "optimal-threshold",
			Title:     "Optimal selfish mining: share above which it pays",
			Source:    "Sapirshtein, Sompolinsky and Zohar, 2016: 23.21 % for uniform tie breaking. The others follow from their model: 1/4 and 0, and 32.94 % computed again as above",
			Criterion: "within ±0.0001",
			Note:      "Computed by the solver. \"Late matches\" is uniform tie breaking as Eyal and Sirer propose it: gamma is a half, but the miner may match at any time.",
			rows:      optimalThresholdRows,
		},
		{
			Name:      "withholding",
			Title:     "A member of a pool that withholds blocks",
			Source:    "Rosenfeld, Analysis of Bitcoin Pooled Mining Reward Systems, 2011: (p-x)/(1-x) for a pool with p of the hash rate, of which x withholds",
			Criterion: "within 3.5 standard errors",
			rows:      withholdingRows,
		},
	}
}

// attack is an experiment in which a miner attacks the others. Messages take no time, so
// that one node with the hash rate of all others is as good as many.
func attack(s blocks.Strategy, alpha, gamma float64, n int) blocks.Experiment {
	return blocks.Experiment{
		Nodes: 2, Blocks: n, Topology: blocks.Topology{Shape: blocks.Clique}, Latency: blocks.Latency{Mean: time.Microsecond},
		Power:       blocks.Power{Shares: []float64{alpha, 1 - alpha}},
		Tie:         blocks.Tie{Rule: blocks.Share, Gamma: gamma},
		Strategists: []blocks.Strategist{{Node: 0, Strategy: s}},
	}
}

// batch counts blocks of a part of a run: of all miners and those of node 0.
type batch struct{ found, own, main, ownMain float64 }

func (c *batch) add(b blocks.Block) {
	c.found++
	if b.Miner == 0 {
		c.own++
	}
	if b.Fate == blocks.InMain {
		c.main++
		if b.Miner == 0 {
			c.ownMain++
		}
	}
}

// revenue returns the share of node 0 in the main chain, corrected for its luck. Near half
// of the hash rate the revenue depends strongly on how many blocks the miner happens to
// find. What SM1 would earn more or less by that is taken off, which makes the standard
// error several times smaller (a control variate).
func (c batch) revenue(alpha, gamma float64) float64 {
	return c.ownMain/c.main - (blocks.SelfishRevenue(c.own/c.found, gamma) - blocks.SelfishRevenue(alpha, gamma))
}

// revenueRow simulates a strategy in one long run, because what is hidden at the end of a
// run is lost. The standard error is that of its parts, which hardly depend on each other.
func revenueRow(ctx context.Context, r *runner, what string, s blocks.Strategy, alpha, gamma, theirs float64) (Row, error) {
	n := r.pick(200_000, 1_000_000)
	var batches [replicas]batch
	_, err := r.watch(ctx, attack(s, alpha, gamma, n), seed(what), func(b blocks.Block) {
		batches[int(b.Number-1)*replicas/n].add(b)
	})
	if err != nil {
		return Row{}, err
	}
	var all batch
	values := make([]float64, replicas)
	for i, b := range batches {
		values[i] = b.revenue(alpha, gamma)
		all = batch{all.found + b.found, all.own + b.own, all.main + b.main, all.ownMain + b.ownMain}
	}
	_, se := meanAndError(values)
	row := byReplicas(Row{What: what, Ours: all.revenue(alpha, gamma), Theirs: theirs, Digits: 4}, se)
	if r.Form == Full && math.Abs(row.Ours-row.Theirs) > 0.005 {
		row.Verdict = Differs
	}
	row.Off = fmt.Sprintf("%+.4f", row.Ours-row.Theirs)
	return row, nil
}

var gammas = []float64{0, 0.5, 1}

func sm1Rows(ctx context.Context, r *runner) ([]Row, error) {
	alphas := []float64{0.1, 0.25, 1.0 / 3, 0.4, 0.45}
	rows := make([]Row, len(gammas)*len(alphas))
	err := r.each(len(rows), func(i int) (err error) {
		gamma, alpha := gammas[i/len(alphas)], alphas[i%len(alphas)]
		what := fmt.Sprintf("SM1, gamma %g, alpha %.3g", gamma, alpha)
		rows[i], err = revenueRow(ctx, r, what, blocks.SM1{}, alpha, gamma, blocks.SelfishRevenue(alpha, gamma))
		return err
	})
	return rows, err
}

// Threshold returns the share of the hash rate above which a strategy earns more than an
// honest miner, with its 95 % interval over replicas. Each replica has a seed of its own, the
// given one or one of the following, and halves an interval of shares by simulations of n
// blocks with this seed, until it is 0.002 long. strategy returns the strategy for a share.
// Replicas run on as many threads; 0: one for each core.
func Threshold(ctx context.Context, strategy func(alpha float64) (blocks.Strategy, error), gamma float64, n, replicas int, seed uint64, threads int) (lab.Estimate, error) {
	known := strategies{of: strategy, known: map[float64]blocks.Strategy{}}
	shares := make([]float64, replicas)
	r := &runner{Options{Threads: threads}}
	err := r.each(replicas, func(i int) (err error) {
		shares[i], err = bisect(ctx, &known, gamma, n, seed+uint64(i))
		return err
	})
	if err != nil {
		return lab.Estimate{}, err
	}
	return lab.NewEstimate(shares), nil
}

// strategies remembers the strategies for shares of the hash rate, because it may take long to
// find one, and all replicas begin with the same shares.
type strategies struct {
	sync.Mutex
	of    func(alpha float64) (blocks.Strategy, error)
	known map[float64]blocks.Strategy
}

func (s *strategies) at(alpha float64) (blocks.Strategy, error) {
	s.Lock()
	defer s.Unlock()
	if known, ok := s.known[alpha]; ok {
		return known, nil
	}
	found, err := s.of(alpha)
	s.known[alpha] = found
	return found, err
}

// bisect returns the share above which a strategy pays in simulations with one seed.
func bisect(ctx context.Context, known *strategies, gamma float64, n int, seed uint64) (float64, error) {
	low, high := 0.0, 0.5
	for high-low > 0.002 {
		alpha := (low + high) / 2
		s, err := known.at(alpha)
		if err != nil {
			return 0, err
		}
		result, err := blocks.Run(ctx, attack(s, alpha, gamma, n), seed, blocks.Options{Threads: 1})
		if err != nil {
			return 0, err
		}
		if honest := float64(result.Miners[0].Found) / float64(result.Found); result.Revenue(0) > honest {
			high = alpha
		} else {
			low = alpha
		}
	}
	return (low + high) / 2, nil
}

func thresholdRows(ctx context.Context, r *runner) (rows []Row, err error) {
	for _, gamma := range gammas {
		sm1 := func(float64) (blocks.Strategy, error) { return blocks.SM1{}, nil }
		what := fmt.Sprintf("SM1, gamma %g: threshold", gamma)
		e, err := Threshold(ctx, sm1, gamma, r.pick(20_000, 50_000), thresholds, seed(what), r.Threads)
		if err != nil {
			return nil, err
		}
		row := byTolerance(Row{What: what, Ours: e.Mean, Half: e.Half, Theirs: blocks.SelfishThreshold(gamma), Digits: 4}, float64(r.pick(15, 5))/1000)
		rows = append(rows, row)
	}
	return rows, nil
}

// thresholds is the number of bisections of a row.
const thresholds = 16

// optimalTable has what the best strategy earns by Sapirshtein and others.
var optimalTable = []struct{ gamma, alpha, theirs float64 }{
	{0, 1.0 / 3, 0.33705},
	{0, 0.35, 0.37077},
	{0, 0.375, 0.42600},
	{0, 0.4, 0.48866},
	{0, 0.425, 0.56808},
	{0, 0.45, 0.66891},
	{1, 0.25, 1.0 / 3},
	{1, 0.4, 2.0 / 3},
}

func optimalRows(ctx context.Context, r *runner) ([]Row, error) {
	cases := optimalTable
	rows := make([]Row, 2*len(cases))
	err := r.each(len(cases), func(i int) error {
		c := cases[i]
		s, err := optimal.Solve(optimal.Problem{Alpha: c.alpha, Gamma: c.gamma, Truncation: 80})
		if err != nil {
			return err
		}
		what := fmt.Sprintf("gamma %g, alpha %.3g", c.gamma, c.alpha)
		tolerance := 0.0001
		if c.alpha > 0.4 {
			tolerance = 0.001
		}
		rows[2*i] = byTolerance(Row{What: what + ": solver", Ours: s.Revenue, Half: math.NaN(), Theirs: c.theirs, Digits: 5}, tolerance)
		rows[2*i+1], err = revenueRow(ctx, r, what+": simulated", s.Policy, c.alpha, c.gamma, c.theirs)
		return err
	})
	return rows, err
}

func optimalThresholdRows(_ context.Context, r *runner) ([]Row, error) {
	cases := []struct {
		what   string
		p      optimal.Problem
		theirs float64
	}{
		{"gamma 0", optimal.Problem{}, 0.3294},
		{"gamma 0.5", optimal.Problem{Gamma: 0.5}, 0.25},
		{"gamma 0.5, late matches", optimal.Problem{Gamma: 0.5, Late: true}, 0.2321},
		{"gamma 1", optimal.Problem{Gamma: 1}, 0},
	}
	rows := make([]Row, len(cases))
	err := r.each(len(cases), func(i int) error {
		got, err := optimal.Threshold(cases[i].p)
		rows[i] = byTolerance(Row{What: cases[i].what + ": threshold", Ours: got, Half: math.NaN(), Theirs: cases[i].theirs, Digits: 4}, 0.0001)
		return err
	})
	return rows, err
}

func withholdingRows(ctx context.Context, r *runner) ([]Row, error) {
	const withheld, pool = 0.1, 0.3
	n := r.pick(100_000, 1_000_000)
	const what = "a pool with 30 %, of which a third withholds: share of the main chain, %"
	result, err := r.run(ctx, blocks.Experiment{
		Nodes: 3, Blocks: n, Topology: blocks.Topology{Shape: blocks.Clique}, Latency: blocks.Latency{Mean: time.Microsecond},
		Power:       blocks.Power{Shares: []float64{withheld, pool - withheld, 1 - pool}},
		Strategists: []blocks.Strategist{{Node: 0, Strategy: blocks.Withholder{}}},
	}, seed(what))
	if err != nil {
		return nil, err
	}
	want := (pool - withheld) / (1 - withheld)
	row := Row{What: what, Ours: result.Revenue(1), Theirs: want, Percent: true, Digits: 2}
	return []Row{byErrors(row, binomialError(want, float64(result.Main)), 3.5)}, nil
}
