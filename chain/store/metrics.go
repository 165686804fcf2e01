package store

import (
	"errors"
	"math"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/chain"
)

type metrics struct {
	commits  prometheus.Histogram
	changes  prometheus.Counter
	failures *prometheus.CounterVec
	broken   prometheus.Gauge
	disk     []prometheus.Collector
}

// Why a change was not made, as the label reason.
const (
	failedNoSpace = "no-space" // the disk, a quota or a limit; the next one may do
	failedBroken  = "broken"   // nor will any other until the store is opened again
	failedRefused = "refused"  // it does not fit what is stored
)

func newMetrics(path string) metrics {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	m := metrics{
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lode_store_commit_duration_seconds",
			Help: "Time to write a group of changes in one transaction and to sync it.",
			// From a disk in memory to one that is in trouble.
			Buckets: []float64{.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5},
		}),
		changes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lode_store_changes_total",
			Help: "Changes made durable; several share a transaction.",
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_store_failures_total",
			Help: "Changes that were not made, by reason.",
		}, []string{"reason"}),
		broken: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lode_store_broken",
			Help: "1 if the store takes no changes until it is opened again.",
		}),
		disk: []prometheus.Collector{
			gauge("lode_store_size_bytes", "Size of the store's file.", func() float64 {
				info, err := os.Stat(path)
				if err != nil {
					return math.NaN()
				}
				return float64(info.Size())
			}),
			gauge("lode_store_free_bytes", "Free space on the store's disk, quotas and limits aside; NaN where it is not known.",
				func() float64 { return freeBytes(filepath.Dir(path)) }),
		},
	}
	for _, reason := range []string{failedNoSpace, failedBroken, failedRefused} {
		m.failures.WithLabelValues(reason) // so that rates start from 0
	}
	return m
}

// countFailure notes that a change was not made.
func (s *Store) countFailure(err error) {
	reason := failedRefused
	switch {
	case s.broken != nil:
		reason = failedBroken
	case errors.Is(err, chain.ErrNoSpace):
		reason = failedNoSpace
	}
	s.metrics.failures.WithLabelValues(reason).Inc()
}

func (m *metrics) all() []prometheus.Collector {
	return append([]prometheus.Collector{m.commits, m.changes, m.failures, m.broken}, m.disk...)
}

var _ prometheus.Collector = (*Store)(nil)

// Describe implements [prometheus.Collector].
func (s *Store) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.metrics.all() {
		c.Describe(ch)
	}
}

// Collect implements [prometheus.Collector].
func (s *Store) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.metrics.all() {
		c.Collect(ch)
	}
}
