// Package metrics exports the numbers of a chain's miner to Prometheus.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/mine/own"
)

// Register registers the metrics of a source. A source can be registered once in a
// registry. The error is the registry's, and then nothing is registered.
func Register(reg prometheus.Registerer, s *own.Source) error {
	return reg.Register(newMetrics(s))
}

// metrics is one collector for the whole source, so that all of its metrics are
// registered or none.
type metrics struct {
	source   *own.Source
	info     *prometheus.Desc
	blocks   *prometheus.Desc
	expected *prometheus.Desc
}

func newMetrics(s *own.Source) *metrics {
	return &metrics{
		source: s,
		info: prometheus.NewDesc("lode_miner_info", "When the node mines; the value is always 1.",
			[]string{"mode"}, nil),
		blocks: prometheus.NewDesc("lode_miner_blocks_total", "Blocks that this node has solved, by what became of them.",
			[]string{"outcome"}, nil),
		expected: prometheus.NewDesc("lode_miner_expected_hashes_total",
			"Expected hashes of the blocks that this node has solved; divided by the hashes done, it is the luck.", nil, nil),
	}
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.info
	ch <- m.blocks
	ch <- m.expected
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(m.info, prometheus.GaugeValue, 1, string(m.source.Mode()))
	stats := m.source.Stats()
	for _, c := range []struct {
		outcome string
		blocks  uint64
	}{{"best", stats.Best}, {"failed", stats.Failed}, {"lost", stats.Lost}} {
		ch <- prometheus.MustNewConstMetric(m.blocks, prometheus.CounterValue, float64(c.blocks), c.outcome)
	}
	ch <- prometheus.MustNewConstMetric(m.expected, prometheus.CounterValue, stats.Expected)
}
