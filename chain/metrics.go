package chain

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	blocks     *prometheus.CounterVec
	refused    *prometheus.CounterVec
	reorgDepth prometheus.Histogram
	heldBlocks prometheus.Gauge
	txs        *prometheus.CounterVec
	gauges     []prometheus.Collector
}

// Outcomes of posts beside those of TxOutcome.
const (
	txFull    = "full"
	txRefused = "refused"
	txFailed  = "failed"
)

func newMetrics(c *Chain) metrics {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	m := metrics{
		blocks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_chain_blocks_total",
			Help: "Blocks taken in, by outcome. One that is held counts again when it is placed.",
		}, []string{"outcome"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_chain_refused_total",
			Help: "Blocks refused, by reason.",
		}, []string{"reason"}),
		reorgDepth: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "lode_chain_reorg_depth_blocks",
			Help:    "Blocks that a reorg disconnected.",
			Buckets: []float64{1, 2, 3, 4, 6, 10, 20, 50, 100, 1000},
		}),
		heldBlocks: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lode_chain_held_blocks",
			Help: "Blocks held until their parent or their time comes.",
		}),
		txs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_mempool_received_total",
			Help: "Transactions received, by outcome.",
		}, []string{"outcome"}),
		gauges: []prometheus.Collector{
			gauge("lode_chain_height", "Height of the tip.", func() float64 { return float64(c.Tip().Height) }),
			gauge("lode_chain_work_hashes", "Expected hashes to make the active branch, the chainwork.",
				func() float64 { return c.Tip().Work.Float() }),
			gauge("lode_chain_difficulty", "Difficulty of the next block, in units of bits 1d00ffff.", func() float64 {
				target, _, _ := c.Tip().NextBits(c.params).Decode()
				return target.Difficulty()
			}),
			gauge("lode_chain_tip_timestamp_seconds", "Time in the header of the tip.", func() float64 { return float64(c.Tip().Time) }),
			gauge("lode_mempool_transactions", "Transactions that wait for a block.", func() float64 {
				txs, _ := c.PendingCount()
				return float64(txs)
			}),
			gauge("lode_mempool_bytes", "Bytes of the transactions that wait for a block.", func() float64 {
				_, bytes := c.PendingCount()
				return float64(bytes)
			}),
		},
	}
	// All labels are there from the start, so that rates start from 0.
	for _, outcome := range []Outcome{Best, Side, Known, Held} {
		m.blocks.WithLabelValues(outcome.String())
	}
	for _, reason := range Reasons() {
		m.refused.WithLabelValues(string(reason))
	}
	for _, outcome := range []string{TxAdded.String(), TxKnown.String(), txFull, txRefused, txFailed} {
		m.txs.WithLabelValues(outcome)
	}
	return m
}

func (m *metrics) countBlock(outcome Outcome, err error) {
	var rule RuleError
	switch {
	case err == nil:
		m.blocks.WithLabelValues(outcome.String()).Inc()
	case errors.As(err, &rule):
		m.refused.WithLabelValues(string(rule.Reason)).Inc()
	}
}

func (m *metrics) countTx(outcome TxOutcome, err error) {
	label := txFailed
	switch {
	case err == nil:
		label = outcome.String()
	case errors.Is(err, ErrPoolFull):
		label = txFull
	case isRule(err):
		label = txRefused
	}
	m.txs.WithLabelValues(label).Inc()
}

func (m *metrics) all() []prometheus.Collector {
	return append([]prometheus.Collector{m.blocks, m.refused, m.reorgDepth, m.heldBlocks, m.txs}, m.gauges...)
}

var _ prometheus.Collector = (*Chain)(nil)

// Describe implements [prometheus.Collector].
func (c *Chain) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range c.metrics.all() {
		m.Describe(ch)
	}
}

// Collect implements [prometheus.Collector].
func (c *Chain) Collect(ch chan<- prometheus.Metric) {
	for _, m := range c.metrics.all() {
		m.Collect(ch)
	}
}
