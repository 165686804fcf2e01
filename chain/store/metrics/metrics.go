// Package metrics exports the numbers of a [store.Store] to Prometheus.
package metrics

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/chain/store"
)

// Register registers the metrics of a store and attaches an observer to it. The
// counters include everything since the store was opened. The histogram includes
// only commits from now on.
//
// A store can be registered once in a registry. The error is the registry's, and
// then nothing is registered or attached.
func Register(reg prometheus.Registerer, s *store.Store) error { return register(reg, s) }

// source is the part of a store that the metrics need.
type source interface {
	Stats() store.Stats
	Observe(store.Observer)
}

func register(reg prometheus.Registerer, s source) error {
	m := newMetrics(s)
	if err := reg.Register(m); err != nil {
		return err
	}
	s.Observe(store.Observer{
		Committed: func(_ int, took time.Duration) { m.commits.Observe(took.Seconds()) },
	})
	return nil
}

// metrics is one collector for the whole store, which reads [store.Stats] once
// for each collection.
type metrics struct {
	source  source
	commits prometheus.Histogram

	changes, failures, broken, size, free *prometheus.Desc
}

func newMetrics(s source) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &metrics{
		source: s,
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lode_store_commit_duration_seconds",
			Help: "Time to write a group of changes in one transaction and to sync it.",
			// From a disk in memory to a disk that is in trouble.
			Buckets: []float64{.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5},
		}),
		changes:  desc("lode_store_changes_total", "Changes made durable; several share a transaction."),
		failures: desc("lode_store_failures_total", "Changes that were not made, by reason.", "reason"),
		broken:   desc("lode_store_broken", "1 if the store takes no changes until it is opened again."),
		size:     desc("lode_store_size_bytes", "Size of the store's file."),
		free:     desc("lode_store_free_bytes", "Free space on the store's disk, quotas and limits aside; NaN where it is not known."),
	}
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	m.commits.Describe(ch)
	for _, d := range []*prometheus.Desc{m.changes, m.failures, m.broken, m.size, m.free} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	m.commits.Collect(ch)
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, value float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	stats := m.source.Stats()
	counter(m.changes, stats.Changes)
	counter(m.failures, stats.NoSpace, "no-space")
	counter(m.failures, stats.Broken, "broken")
	counter(m.failures, stats.Refused, "refused")
	broken := 0.0
	if stats.GivenUp {
		broken = 1
	}
	gauge(m.broken, broken)
	gauge(m.size, bytes(stats.Size))
	gauge(m.free, bytes(stats.Free))
}

// bytes returns a size as the value of a gauge: NaN if it is not known.
func bytes(n int64) float64 {
	if n < 0 {
		return math.NaN()
	}
	return float64(n)
}
