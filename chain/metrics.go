package chain

import (
	"errors"

	"github.com/lodepow/lode/chain/block"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	gauges     gauges
	blocks     *prometheus.CounterVec
	refused    *prometheus.CounterVec
	heldBlocks prometheus.Gauge
	reorgDepth prometheus.Histogram
	interval   prometheus.Histogram
	verify     prometheus.Histogram
	accept     prometheus.Histogram
	txs        *prometheus.CounterVec
	txRefused  *prometheus.CounterVec
}

// Outcomes of posts beside those of TxOutcome.
const (
	txFull    = "full"
	txRefused = "refused"
	txFailed  = "failed"
)

func newMetrics() metrics {
	counters := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	}
	m := metrics{
		gauges: newGauges(),
		blocks: counters("lode_chain_blocks_total",
			"Blocks taken in, by outcome. One that is held counts again when it is placed.", "outcome"),
		refused: counters("lode_chain_refused_total", "Blocks refused, by reason.", "reason"),
		heldBlocks: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lode_chain_held_blocks",
			Help: "Blocks held until their parent or their time comes.",
		}),
		reorgDepth: histogram("lode_chain_reorg_depth_blocks", "Blocks that a reorg disconnected.",
			1, 2, 3, 4, 6, 10, 20, 50, 100, 1000),
		// Header times are whole seconds, and need not ascend.
		interval: histogram("lode_chain_block_interval_seconds",
			"Seconds from the time of its parent to that of a block, for every block connected since the start; 0 if the parent's is later, or genesis's.",
			1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600),
		// From an empty block to one full of signatures.
		verify: histogram("lode_chain_verify_duration_seconds",
			"Time to check a block by itself: proof of work, merkle root, transactions and their signatures.",
			.00001, .00002, .00005, .0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .5),
		accept: histogram("lode_chain_accept_duration_seconds",
			"Time from a block's coming in to its being on disk and on its branch, for every block taken in as best or side.",
			.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5),
		txs:       counters("lode_mempool_received_total", "Transactions received, by outcome.", "outcome"),
		txRefused: counters("lode_mempool_refused_total", "Transactions refused, by reason.", "reason"),
	}
	// All labels are there from the start, so that rates start from 0.
	for _, outcome := range []Outcome{Best, Side, Known, Held} {
		m.blocks.WithLabelValues(outcome.String())
	}
	for _, reason := range block.Reasons() {
		m.refused.WithLabelValues(string(reason))
	}
	for _, outcome := range []string{TxAdded.String(), TxKnown.String(), txFull, txRefused, txFailed} {
		m.txs.WithLabelValues(outcome)
	}
	for _, reason := range []block.Reason{block.TxOversize, block.TxUnsigned, block.TxAlreadyMined} {
		m.txRefused.WithLabelValues(string(reason))
	}
	return m
}

func (m *metrics) countBlock(outcome Outcome, err error) {
	if err == nil {
		m.countBlocks(outcome, 1)
		return
	}
	m.countRefused(err)
}

func (m *metrics) countBlocks(outcome Outcome, count int) {
	m.blocks.WithLabelValues(outcome.String()).Add(float64(count))
}

// countRefused counts a block, if the error is the verdict on one.
func (m *metrics) countRefused(err error) {
	var rule block.RuleError
	if errors.As(err, &rule) {
		m.refused.WithLabelValues(string(rule.Reason)).Inc()
	}
}

func (m *metrics) countTx(outcome TxOutcome, err error) {
	var rule block.RuleError
	label := txFailed
	switch {
	case err == nil:
		label = outcome.String()
	case errors.Is(err, ErrPoolFull):
		label = txFull
	case isRule(err) && errors.As(err, &rule):
		label = txRefused
		m.txRefused.WithLabelValues(string(rule.Reason)).Inc()
	}
	m.txs.WithLabelValues(label).Inc()
}

// observeMove notes a move of the tip.
func (c *Chain) observeMove(disconnected int, connected []int32) {
	if disconnected > 0 {
		c.metrics.reorgDepth.Observe(float64(disconnected))
	}
	for _, i := range connected {
		n := c.tree.at(i)
		before := c.tree.at(n.parent)
		if before.height == 0 { // its time is the network's, and no clock's
			c.metrics.interval.Observe(0)
			continue
		}
		c.metrics.interval.Observe(max(0, float64(n.time)-float64(before.time)))
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.blocks, m.refused, m.heldBlocks, m.reorgDepth, m.interval, m.verify, m.accept, m.txs, m.txRefused,
	}
}

var _ prometheus.Collector = (*Chain)(nil)

// Describe implements [prometheus.Collector].
func (c *Chain) Describe(ch chan<- *prometheus.Desc) {
	c.metrics.gauges.describe(ch)
	for _, m := range c.metrics.all() {
		m.Describe(ch)
	}
}

// Collect implements [prometheus.Collector].
func (c *Chain) Collect(ch chan<- prometheus.Metric) {
	c.collectGauges(ch)
	for _, m := range c.metrics.all() {
		m.Collect(ch)
	}
}
