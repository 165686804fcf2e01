package pow

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	hashes      prometheus.CounterFunc
	refused     prometheus.CounterFunc
	searches    *prometheus.CounterVec
	active      prometheus.Gauge
	timeToBlock prometheus.Histogram
	cancelTime  prometheus.Histogram
	workers     prometheus.Gauge
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
		refused: prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "lode_candidates_refused_total",
			Help:        "Candidates of the kernel whose whole hash did not meet the target.",
			ConstLabels: prometheus.Labels{"kernel": e.kernel.name},
		}, func() float64 { return float64(e.Refused()) }),
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
		active: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lode_searches_active",
			Help: "Searches under way.",
		}),
		cancelTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lode_search_cancel_seconds",
			Help: "Time from the end of a search's context to the end of the search. Short searches are not measured.",
			// A chunk is worth at most 0.4 ms; more is the scheduler's.
			Buckets: []float64{.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, 1},
		}),
		workers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lode_workers",
			Help: "Goroutines that a search hashes on.",
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
	m.workers.Set(float64(e.workers))
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

// observeCancel notes how long a search went on after its context had ended. If
// it was over before anything had looked at the clock, it was at once.
func (m *metrics) observeCancel(now time.Time, ended *time.Time) {
	var took time.Duration
	if ended != nil {
		took = max(0, now.Sub(*ended))
	}
	m.cancelTime.Observe(took.Seconds())
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.hashes, m.refused, m.searches, m.active, m.timeToBlock, m.cancelTime, m.workers, m.kernelInfo}
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
