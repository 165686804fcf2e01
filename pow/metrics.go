package pow

import (
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	hashes      prometheus.CounterFunc
	searches    *prometheus.CounterVec
	timeToBlock prometheus.Histogram
	kernelInfo  prometheus.Gauge
}

// How a search can end, as the label outcome.
const (
	outcomeFound     = "found"
	outcomeExhausted = "exhausted"
	outcomeCancelled = "cancelled"
)

func newMetrics(e *Engine) metrics {
	m := metrics{
		hashes: prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "lode_hashes_total",
			Help:        "SHA-256d hashes computed by searches.",
			ConstLabels: prometheus.Labels{"kernel": e.kernel.name},
		}, func() float64 { return float64(e.Hashes()) }),
		searches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_searches_total",
			Help: "Searches that ended, by outcome.",
		}, []string{"outcome"}),
		timeToBlock: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lode_time_to_block_seconds",
			Help: "Time from the start of mining to a solved header.",
			// From a tutorial's block to an hour: 1 ms, 4 ms, ... 4194 s.
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 12),
		}),
		kernelInfo: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lode_kernel_info",
			Help: "The kernel in use; the value is always 1.",
			ConstLabels: prometheus.Labels{
				"kernel":  e.kernel.name,
				"lanes":   strconv.Itoa(e.kernel.lanes),
				"workers": strconv.Itoa(e.workers),
			},
		}),
	}
	m.kernelInfo.Set(1)
	for _, outcome := range []string{outcomeFound, outcomeExhausted, outcomeCancelled} {
		m.searches.WithLabelValues(outcome) // so that rates start from 0
	}
	return m
}

func (m *metrics) countSearch(err error) {
	outcome := outcomeCancelled
	switch {
	case err == nil:
		outcome = outcomeFound
	case errors.Is(err, ErrExhausted):
		outcome = outcomeExhausted
	}
	m.searches.WithLabelValues(outcome).Inc()
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.hashes, m.searches, m.timeToBlock, m.kernelInfo}
}

// Describe implements [prometheus.Collector].
func (e *Engine) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range e.metrics.all() {
		c.Describe(ch)
	}
}

// Collect implements [prometheus.Collector].
func (e *Engine) Collect(ch chan<- prometheus.Metric) {
	for _, c := range e.metrics.all() {
		c.Collect(ch)
	}
}
