package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/chain"
)

// newBlockAge is the age up to which a block counts as new, by its header time. A miner
// renews the header time every few seconds, a block travels for less than that, and
// two clocks that differ by less than 70 seconds count as right.
const newBlockAge = 2 * time.Minute

// tipIntervals measures the times between blocks by the chain's clock.
//
// A node that catches up takes many blocks in a moment. These moments say nothing about
// the time between blocks, so an interval begins and ends only with a new block: one
// that came alone, by which the branch became one block higher, whose header is at
// most newBlockAge old, and that the chain had not held before.
type tipIntervals struct {
	histogram prometheus.Histogram

	// last is when the tip moved last, or zero if that move was not made by a new
	// block. The chain's lock guards it, because only the observer uses it.
	last time.Time
}

func newTipIntervals() *tipIntervals {
	return &tipIntervals{histogram: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "lode_chain_tip_interval_seconds",
		Help: "Time between two new blocks by this node's clock, without those that it takes while it catches up.",
		// 1 ms, 2 ms, ... 8389 s: from networks with the least difficulty to blocks that
		// take hours. A quantile from these buckets is wrong by less than a factor of 2.
		Buckets: prometheus.ExponentialBuckets(.001, 2, 24),
	})}
}

// observe measures the time since the move before this one.
func (t *tipIntervals) observe(m chain.TipMove) {
	isNew := m.Rise == 1 && !m.Waited && m.At.Sub(m.TipTime) <= newBlockAge
	last := t.last
	t.last = time.Time{}
	if !isNew {
		return
	}
	t.last = m.At
	if !last.IsZero() {
		t.histogram.Observe(max(0, m.At.Sub(last)).Seconds())
	}
}
