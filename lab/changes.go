package lab

import (
	"errors"
	"math"
	"slices"

	"github.com/lodepow/lode/lab/blocks"
)

// changeKeys are the keys of a network that changes during the run.
var changeKeys = []key{
	{name: "churn.up", positive: true, help: "Mean time that a node stays in the network, exponentially distributed.", field: func(d *draft, _ int) any { return &d.x.Churn.Up }},
	{name: "churn.down", positive: true, help: "Mean time that it is away.", field: func(d *draft, _ int) any { return &d.x.Churn.Down }},
	{name: "churn.share", positive: true, fallback: "1", help: "Share of the nodes that come and go.", field: func(d *draft, _ int) any { return &d.x.Churn.Share }},
	{name: "splits[].at", fallback: "0s", help: "When the network falls into parts.", field: func(d *draft, i int) any { return &at(&d.x.Splits, i).At }},
	{name: "splits[].for", positive: true, help: "How long that lasts.", field: func(d *draft, i int) any { return &at(&d.x.Splits, i).For }},
	{name: "splits[].share", positive: true, fallback: "0.5", help: "Share of the hash rate in the first of two parts.", field: func(d *draft, i int) any { return at(&d.splitShares, i) }},
	{name: "splits[].shares", help: "Share of each part, relative to the sum, if there are more than two.", field: func(d *draft, i int) any { return &at(&d.x.Splits, i).Shares }},
	{name: "splits[].times", positive: true, fallback: "1", help: "How often that happens, each time with other nodes.", field: func(d *draft, i int) any { return &at(&d.x.Splits, i).Times }},
	{name: "splits[].every", positive: true, help: "For more than one time: the time from beginning to beginning.", field: func(d *draft, i int) any { return &at(&d.x.Splits, i).Every }},
	{name: "eclipse.victim", fallback: "0", help: "Node that hears only the blocks that the attacker has found, for a while.", field: func(d *draft, _ int) any { return &d.x.Eclipse.Victim }},
	{name: "eclipse.attacker", fallback: "0", help: "The attacker's node.", field: func(d *draft, _ int) any { return &d.x.Eclipse.Attacker }},
	{name: "eclipse.at", fallback: "0s", help: "When the eclipse begins.", field: func(d *draft, _ int) any { return &d.x.Eclipse.At }},
	{name: "eclipse.for", positive: true, help: "How long it lasts.", field: func(d *draft, _ int) any { return &d.x.Eclipse.For }},
}

// finishSplits makes the shares of splits into two parts.
func (d *draft) finishSplits(x *blocks.Experiment) error {
	x.Splits = slices.Clone(x.Splits)
	for i, share := range d.splitShares {
		switch s := at(&x.Splits, i); {
		case share == 0: // not set
		case len(s.Shares) > 0:
			return errors.New("splits: share and shares exclude each other: leave one of them out")
		case !(share > 0 && share < 1):
			return errors.New("splits: the share of the first part must be more than 0 and less than 1")
		default:
			s.Shares = []float64{share, 1 - share}
		}
	}
	return nil
}

// changeMetrics are about splits and an eclipse. Each is the mean over all that happen in a
// run.
func changeMetrics(x blocks.Experiment) []Metric {
	var list []Metric
	if x.Churn != (blocks.Churn{}) {
		list = append(list, Metric{"catch_up_seconds", "seconds", "mean time from a node's return until it had a block that it had missed", func(r *blocks.Result) float64 {
			return meanSeconds(&r.CatchUp)
		}})
	}
	if len(x.Splits) == 0 && x.Eclipse == (blocks.Eclipse{}) {
		return list
	}
	return append(list,
		Metric{"split_lost_blocks", "blocks", "blocks of a split or eclipse that are not in the main chain", healings(func(h *blocks.Healing) float64 {
			return float64(h.Lost())
		})},
		Metric{"split_part_0_lost_blocks", "blocks", "blocks of the first part of a split that are not in the main chain", healings(func(h *blocks.Healing) float64 { return float64(h.Parts[0].Lost) })},
		Metric{"split_part_1_lost_blocks", "blocks", "blocks of the second part of a split, or of the victim of an eclipse, that are not in the main chain", healings(func(h *blocks.Healing) float64 { return float64(h.Parts[1].Lost) })},
		Metric{"split_reorg_blocks", "blocks", "the most blocks that a node disconnected after a split or eclipse", healings(func(h *blocks.Healing) float64 { return float64(h.Reorg) })},
		Metric{"split_agreement_seconds", "seconds", "mean time from the end of a split or eclipse until all nodes had the same tip, if they ever had", healings(func(h *blocks.Healing) float64 {
			if h.Agreement < 0 {
				return math.NaN()
			}
			return h.Agreement.Seconds()
		})},
		Metric{"split_disagreed_rate", "1", "how often the nodes did not agree before the next split, or before the run ended; the seconds do not contain these", healings(func(h *blocks.Healing) float64 {
			if h.Agreement < 0 {
				return 1
			}
			return 0
		})},
		Metric{"split_tie_rate", "1", "how often the nodes needed more than a hundredth of the interval to agree after a split or eclipse, because both sides had found equally many blocks", healings(func(h *blocks.Healing) float64 {
			if h.Agreement < 0 || h.Agreement > x.Interval/100 {
				return 1
			}
			return 0
		})},
	)
}

// healings returns the mean of a figure over all splits and eclipses of a result that have
// it.
func healings(figure func(*blocks.Healing) float64) func(*blocks.Result) float64 {
	return func(r *blocks.Result) float64 {
		sum, n := 0.0, 0.0
		for i := range r.Healings {
			if v := figure(&r.Healings[i]); !math.IsNaN(v) {
				sum, n = sum+v, n+1
			}
		}
		return quotient(sum, n)
	}
}

// maxTheoryBlocks is the number of blocks in a split up to which its theory is computed.
// The effort grows with the number: for 2000 it is some hundredths of a second.
const maxTheoryBlocks = 2000

// splitTheory is what splits into two parts cost if messages take no time.
func splitTheory(metric string, x blocks.Experiment) (value float64, source string, ok bool) {
	if len(x.Splits) == 0 || x.Eclipse != (blocks.Eclipse{}) || x.Churn.Up != 0 || len(x.Strategists) > 0 ||
		!hasSteadyRate(x) || !isQuick(x) {
		return 0, "", false
	}
	first := x.Splits[0]
	shares := first.Shares
	if len(shares) == 0 {
		shares = []float64{1, 1}
	}
	for _, s := range x.Splits {
		if s.For != first.For || !slices.Equal(s.Shares, first.Shares) || len(shares) != 2 || !endsInTime(s, x) {
			return 0, "", false
		}
	}
	share, found := shares[0]/(shares[0]+shares[1]), first.For.Seconds()/x.Interval.Seconds()
	if found > maxTheoryBlocks {
		return 0, "", false
	}
	const poisson = "min(A, B) of two Poisson variables: the part with fewer blocks loses them"
	switch metric {
	case "split_lost_blocks", "split_reorg_blocks":
		return blocks.SplitLoss(share, found) + blocks.SplitLoss(1-share, found), poisson, true
	case "split_part_0_lost_blocks":
		return blocks.SplitLoss(share, found), poisson, true
	case "split_part_1_lost_blocks":
		return blocks.SplitLoss(1-share, found), poisson, true
	case "split_tie_rate":
		return blocks.SplitTie(share, found) - math.Exp(-found), "probability that two Poisson variables are equal and not 0", true
	}
	return 0, "", false
}

// endsInTime reports whether a split is over, each time, before the run is: by the time
// that its blocks take on average.
func endsInTime(s blocks.Split, x blocks.Experiment) bool {
	last := s.At.Seconds() + float64(max(s.Times, 1)-1)*s.Every.Seconds()
	return last+s.For.Seconds() <= float64(x.Blocks)*x.Interval.Seconds()
}

// isQuick reports whether a message takes at most a thousandth of the interval, wherever
// it goes, and none is lost.
func isQuick(x blocks.Experiment) bool {
	longest := x.Latency.Mean
	if x.Latency.Regions != nil {
		for _, row := range x.Latency.Regions.Latency {
			longest = max(longest, slices.Max(row))
		}
	}
	r := x.Relay
	return longest+x.Latency.Jitter+r.Validation <= x.Interval/1000 && r.BlockBytes.Mean == 0 && r.Loss == 0
}
