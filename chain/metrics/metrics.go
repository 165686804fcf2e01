// Package metrics exports the numbers of a [chain.Chain] to Prometheus.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
)

// Register registers the metrics of a chain and its mempool and attaches an
// observer to the chain. The gauges show the chain at the moment of a scrape. The
// counters and histograms begin at zero, whatever the chain has done before.
//
// A chain can be registered once in a registry. The error is the registry's, and
// then nothing is registered or attached.
func Register(reg prometheus.Registerer, c *chain.Chain) error {
	m := newMetrics(c)
	if err := reg.Register(m); err != nil {
		return err
	}
	c.Observe(m.observer())
	return nil
}

// metrics is one collector for the whole chain, so that either all of its metrics
// are registered or none.
type metrics struct {
	gauges     gauges
	blocks     *prometheus.CounterVec
	refused    *prometheus.CounterVec
	reorgDepth prometheus.Histogram
	interval   prometheus.Histogram
	intervals  *tipIntervals
	verify     prometheus.Histogram
	accept     prometheus.Histogram
	txs        *prometheus.CounterVec
	txRefused  *prometheus.CounterVec
}

// Outcomes of a posted transaction besides those of [chain.TxOutcome].
const (
	txFull    = "full"
	txRefused = "refused"
	txFailed  = "failed"
)

func newMetrics(c *chain.Chain) *metrics {
	counters := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	}
	m := &metrics{
		gauges:    newGauges(c),
		intervals: newTipIntervals(),
		blocks: counters("lode_chain_blocks_total",
			"Blocks taken in, by outcome. One that is held counts again when it is placed.", "outcome"),
		refused: counters("lode_chain_refused_total", "Blocks refused, by reason.", "reason"),
		reorgDepth: histogram("lode_chain_reorg_depth_blocks", "Blocks that a reorg disconnected.",
			1, 2, 3, 4, 6, 10, 20, 50, 100, 1000),
		// Header times are whole seconds, and need not ascend.
		interval: histogram("lode_chain_block_interval_seconds",
			"Seconds from the time of its parent to that of a block, for every block connected since the start; 0 if the parent's is later, or genesis's.",
			1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600),
		// From an empty block to a block full of signatures.
		verify: histogram("lode_chain_verify_duration_seconds",
			"Time to check a block by itself: proof of work, merkle root, transactions and their signatures.",
			.00001, .00002, .00005, .0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .5),
		accept: histogram("lode_chain_accept_duration_seconds",
			"Time from a block's coming in to its being on disk and on its branch, for every block taken in as best or side.",
			.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5),
		txs:       counters("lode_mempool_received_total", "Transactions received, by outcome.", "outcome"),
		txRefused: counters("lode_mempool_refused_total", "Transactions refused, by reason.", "reason"),
	}
	// Every label is exported from the start, so that rates start from 0.
	for _, outcome := range []chain.Outcome{chain.Best, chain.Side, chain.Known, chain.Held} {
		m.blocks.WithLabelValues(outcome.String())
	}
	for _, reason := range block.Reasons() {
		m.refused.WithLabelValues(string(reason))
	}
	for _, outcome := range []string{chain.TxAdded.String(), chain.TxKnown.String(), txFull, txRefused, txFailed} {
		m.txs.WithLabelValues(outcome)
	}
	for _, reason := range []block.Reason{block.TxOversize, block.TxUnsigned, block.TxAlreadyMined} {
		m.txRefused.WithLabelValues(string(reason))
	}
	return m
}

// observer returns the functions that count and measure.
func (m *metrics) observer() chain.Observer {
	added := m.txs.WithLabelValues(chain.TxAdded.String()) // looked up once, because a node takes thousands a second
	return chain.Observer{
		BlockTaken:     func(o chain.Outcome) { m.blocks.WithLabelValues(o.String()).Inc() },
		BlockRefused:   func(r block.Reason) { m.refused.WithLabelValues(string(r)).Inc() },
		BlockChecked:   func(took time.Duration) { m.verify.Observe(took.Seconds()) },
		BlockPlaced:    func(took time.Duration) { m.accept.Observe(took.Seconds()) },
		BlockConnected: func(interval time.Duration) { m.interval.Observe(interval.Seconds()) },
		TipMoved:       m.intervals.observe,
		Reorg:          func(depth int) { m.reorgDepth.Observe(float64(depth)) },
		TxTaken: func(o chain.TxOutcome) {
			if o == chain.TxAdded {
				added.Inc()
				return
			}
			m.txs.WithLabelValues(o.String()).Inc()
		},
		TxRefused: func(r block.Reason) {
			m.txs.WithLabelValues(txRefused).Inc()
			m.txRefused.WithLabelValues(string(r)).Inc()
		},
		TxFull:   func() { m.txs.WithLabelValues(txFull).Inc() },
		TxFailed: func(error) { m.txs.WithLabelValues(txFailed).Inc() },
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.gauges, m.blocks, m.refused, m.reorgDepth, m.interval, m.intervals.histogram, m.verify, m.accept, m.txs, m.txRefused,
	}
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(ch)
	}
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(ch)
	}
}
