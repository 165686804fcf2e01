package validate

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/lodepow/lode/lab/blocks"
)

func networkChecks() []Check {
	return []Check{
		{
			Name:      "decker-wattenhofer",
			Title:     "Forks and propagation in Bitcoin, 2012",
			Source:    "Decker and Wattenhofer, Information Propagation in the Bitcoin Network, 2013: section III-B measures the propagation, equation 3 in section IV-C gives forks by their model as 1-(1-1/633.68)^11.37, which is 1.78 %, and section IV-A with figure 5 has 169 forks observed in the 10,000 blocks from height 180,000, which is 1.69 %. All figures were compared with the paper",
			Criterion: "within 3.5 standard errors, those of the observation included",
			Note: "The input is their measurement: 11.37 s of lost work of the others for a block, one block in 633.68 s. " +
				"In our run a block reaches the miners over a hub, by connections with lognormal latencies of that mean.",
			rows: deckerRows,
		},
		{
			Name:      "gervais-interval",
			Title:     "Stale rate by block interval, 2016",
			Source:    "Gervais and others, On the Security and Performance of Proof of Work Blockchains, 2016; results of their simulator (results.html of github.com/arthurgervais/Bitcoin-Simulator, branch gh-pages) for standard relay, compared figure by figure",
			Criterion: "a trend: within a factor of 2",
			Note:      gervaisNote,
			rows:      intervalRows,
		},
		{
			Name:      "gervais-size",
			Title:     "Stale rate by block size at ten minutes, 2016",
			Source:    "Gervais and others, 2016; results of their simulator (results.html of github.com/arthurgervais/Bitcoin-Simulator, branch gh-pages) for standard relay, compared figure by figure",
			Criterion: "a trend: within a factor of 2",
			Note:      gervaisNote,
			rows:      sizeRows,
		},
		{
			Name:      "bitcoin",
			Title:     "Bitcoin's stale rate today: a calibration, no proof",
			Source:    "69 stale blocks known of the heights 856,689 to 937,404, which is 0.085 % and a lower bound, because not every stale block is seen",
			Criterion: "within 3.5 standard errors, those of the observation included",
			Note:      "Nine pools, and a delay of 0.63 s from pool to pool, which was chosen so that the closed form gives the observed rate. Delays that are measured between nodes are of this order.",
			rows:      bitcoinRows,
		},
	}
}

func deckerRows(ctx context.Context, r *runner) ([]Row, error) {
	const lost, interval = 11.37, 633.68
	n := r.pick(160_000, 1_600_000)
	const leaves = 400
	shares := make([]float64, leaves+1)
	for i := range shares {
		shares[i] = 1
	}
	shares[0] = 0 // the hub
	results, err := r.replicate(ctx, "decker-wattenhofer", blocks.Experiment{
		Nodes: leaves + 1, Blocks: n, Interval: time.Duration(interval * float64(time.Second)),
		Topology: blocks.Topology{Shape: blocks.Star, Degree: 1},
		Latency:  blocks.Latency{Mean: time.Duration(lost / 2 * float64(time.Second)), Law: blocks.LogNormal, Spread: 0.8},
		Power:    blocks.Power{Shares: shares},
	})
	if err != nil {
		return nil, err
	}
	mean, se := estimate(results, func(r *blocks.Result) float64 { return float64(r.Stale) / float64(r.Main) })
	// Each replica has other latencies, so that the spread of the replicas says how sure the
	// mean is.
	model := byReplicas(Row{What: "forks for each block, by their model, %", Ours: mean, Theirs: 0.0178, Percent: true, Digits: 3}, max(se, binomialError(0.0178, float64(n))))
	observed := byErrors(Row{What: "forks for each block, observed, %", Ours: mean, Theirs: 0.0169, Percent: true, Digits: 3}, math.Hypot(se, binomialError(0.0169, 10_000)), 3.5)
	observed.Half = model.Half
	return []Row{model, observed}, nil
}

const gervaisNote = "Their network has 6000 nodes with the bandwidths of 2015 and sixteen miners. Ours has fewer nodes, sixteen equal miners in six " +
	"regions, headers first, and one bandwidth for all, which is calibrated: a block of 0.535 MB takes 14.7 s to half of the nodes at ten minutes. " +
	"The size of their blocks grows with the interval, so that the number of transactions in a second stays. The other rows follow from that. " +
	"Explained: with short intervals blocks are small and only latencies count, which are lower in our regions of 2019 than in theirs of 2015."

// gervais returns the network for blocks of a size.
func gervais(nodes, n int, interval time.Duration, bytes float64) blocks.Experiment {
	return blocks.Experiment{
		Nodes: nodes, Blocks: n, Interval: interval,
		Latency: blocks.Latency{Regions: blocks.World2019()},
		Relay:   blocks.Relay{Mode: blocks.HeadersFirst, BlockBytes: blocks.Dist{Mean: bytes}, Bandwidth: 0.87e6},
		Power:   blocks.Power{Miners: 16},
	}
}

// typicalBytes is the mean size of Bitcoin's blocks in Gervais and others.
const typicalBytes = 535_000

// trend measures a network of Gervais and others. It returns the time to half of the nodes
// in seconds, and the stale rate.
func trend(ctx context.Context, r *runner, interval time.Duration, bytes float64) (half, stale float64, err error) {
	result, err := r.run(ctx, gervais(r.pick(500, 1000), r.pick(20_000, 40_000), interval, bytes), seed(fmt.Sprintf("%s %g", interval, bytes)))
	if err != nil {
		return 0, 0, err
	}
	return result.Reach[0].Mean().Seconds(), result.StaleRate(), nil
}

func trendRows(what string, half, stale, theirHalf, theirStale float64) []Row {
	reach := byFactor(Row{What: what + ": seconds to half of the nodes", Ours: half, Half: math.NaN(), Theirs: theirHalf, Digits: 2}, 2)
	if theirHalf <= 1 && half < theirHalf { // latencies only
		reach = explained(reach)
	}
	return []Row{
		reach,
		byFactor(Row{What: what + ": stale, %", Ours: stale, Half: math.NaN(), Theirs: theirStale, Percent: true, Digits: 2}, 2),
	}
}

func intervalRows(ctx context.Context, r *runner) (rows []Row, err error) {
	for _, c := range []struct {
		interval    time.Duration
		half, stale float64
	}{
		{25 * time.Minute, 35.73, 0.0172},
		{10 * time.Minute, 14.7, 0.0151},
		{150 * time.Second, 4.18, 0.0182},
		{time.Minute, 2.08, 0.0215},
		{30 * time.Second, 1.43, 0.0254},
		{10 * time.Second, 1.00, 0.0477},
		{5 * time.Second, 0.89, 0.0864},
		{time.Second, 0.82, 0.2674},
	} {
		half, stale, err := trend(ctx, r, c.interval, typicalBytes*c.interval.Seconds()/600)
		if err != nil {
			return nil, err
		}
		rows = append(rows, trendRows(fmt.Sprintf("interval %g s", c.interval.Seconds()), half, stale, c.half, c.stale)...)
	}
	return rows, nil
}

func sizeRows(ctx context.Context, r *runner) (rows []Row, err error) {
	for _, c := range []struct{ megabytes, half, stale float64 }{
		{0.25, 7.03, 0.0088}, {0.5, 13.62, 0.0163}, {1, 27.67, 0.0317}, {2, 57.79, 0.0624},
	} {
		half, stale, err := trend(ctx, r, 10*time.Minute, c.megabytes*1e6)
		if err != nil {
			return nil, err
		}
		rows = append(rows, trendRows(fmt.Sprintf("%g MB", c.megabytes), half, stale, c.half, c.stale)...)
	}
	return rows, nil
}

func bitcoinRows(ctx context.Context, r *runner) ([]Row, error) {
	const stale, heights = 69.0, 937_404 - 856_689 + 1
	n := r.pick(500_000, 2_000_000)
	result, err := r.run(ctx, poolExperiment(n, 630*time.Millisecond), seed("bitcoin"))
	if err != nil {
		return nil, err
	}
	theirs := stale / heights
	se := math.Hypot(binomialError(theirs, float64(n)), binomialError(theirs, heights))
	row := byErrors(Row{What: "stale blocks for each block of the chain, %", Ours: float64(result.Stale) / float64(result.Main), Theirs: theirs, Percent: true, Digits: 4}, se, 3.5)
	return []Row{row}, nil
}
