package node

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/chain"
)

// Outcomes of a block that the miner has solved.
const (
	blockBest   = "best"   // the new tip
	blockLost   = "lost"   // another block was faster
	blockFailed = "failed" // refused, or not kept
)

type minerMetrics struct {
	info   prometheus.Gauge
	blocks *prometheus.CounterVec
}

func newMinerMetrics(mode Mode) minerMetrics {
	m := minerMetrics{
		info: prometheus.NewGauge(prometheus.GaugeOpts{
			Name:        "lode_miner_info",
			Help:        "When the node mines; the value is always 1.",
			ConstLabels: prometheus.Labels{"mode": string(mode)},
		}),
		blocks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_miner_blocks_total",
			Help: "Blocks that this node has solved, by what became of them.",
		}, []string{"outcome"}),
	}
	m.info.Set(1)
	for _, outcome := range []string{blockBest, blockLost, blockFailed} {
		m.blocks.WithLabelValues(outcome) // so that rates start from 0
	}
	return m
}

func (m *minerMetrics) countBlock(outcome chain.Outcome, err error) {
	label := blockLost
	switch {
	case err != nil:
		label = blockFailed
	case outcome == chain.Best:
		label = blockBest
	}
	m.blocks.WithLabelValues(label).Inc()
}

var _ prometheus.Collector = (*Miner)(nil)

// Describe implements [prometheus.Collector].
func (m *Miner) Describe(ch chan<- *prometheus.Desc) {
	m.metrics.info.Describe(ch)
	m.metrics.blocks.Describe(ch)
}

// Collect implements [prometheus.Collector].
func (m *Miner) Collect(ch chan<- prometheus.Metric) {
	m.metrics.info.Collect(ch)
	m.metrics.blocks.Collect(ch)
}

// newBuildInfo returns a gauge that says what runs.
func newBuildInfo(version string) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "lode_build_info",
		Help:        "What runs; the value is always 1.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	return info
}
