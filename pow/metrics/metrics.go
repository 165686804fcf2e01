// Package metrics exports the numbers of a [pow.Engine] to Prometheus.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/pow"
)

// Register registers the metrics of an engine and attaches an observer to it. The
// counters include what the engine has done before. The two histograms only include
// what happens from now on.
//
// A registry takes one engine. If it refuses the metrics, Register returns its error
// and attaches nothing.
func Register(reg prometheus.Registerer, e *pow.Engine) error {
	m := newMetrics(e)
	if err := reg.Register(m); err != nil {
		return err
	}
	e.Observe(pow.Observer{
		BlockFound: func(took time.Duration) { m.timeToBlock.Observe(took.Seconds()) },
		Cancelled:  func(latency time.Duration) { m.cancelTime.Observe(latency.Seconds()) },
	})
	return nil
}

// metrics is a single collector for all metrics of an engine, so that the registry
// takes either all of them or none.
type metrics struct {
	kernels     kernels
	searches    []prometheus.CounterFunc // one for each outcome
	active      prometheus.GaugeFunc
	timeToBlock prometheus.Histogram
	cancelTime  prometheus.Histogram
	workers     prometheus.Gauge
}

func newMetrics(e *pow.Engine) *metrics {
	m := &metrics{
		kernels: newKernels(e),
		timeToBlock: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lode_time_to_block_seconds",
			Help: "Time from the start of mining to a solved header.",
			// 5 µs, 10 µs, ... 10737 s: from the block of a tutorial, which takes less than
			// starting the workers, to one that takes three hours. A quantile from these
			// buckets is wrong by less than a factor of 2.
			Buckets: prometheus.ExponentialBuckets(5e-6, 2, 32),
		}),
		active: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "lode_searches_active",
			Help: "Searches under way.",
		}, func() float64 { return float64(e.Stats().Active) }),
		cancelTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lode_search_cancel_seconds",
			Help: "Time from the end of a search's context to the end of the search. Short searches are not measured.",
			// Workers finish their chunks first, which takes at most 0.4 ms. Any longer
			// delay is due to the scheduler.
			Buckets: []float64{.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, 1},
		}),
		workers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lode_workers",
			Help: "Goroutines that a search hashes on.",
		}),
	}
	m.workers.Set(float64(e.Workers()))
	for _, s := range []struct {
		outcome string
		count   func(pow.Stats) uint64
	}{
		{"found", func(s pow.Stats) uint64 { return s.Found }},
		{"exhausted", func(s pow.Stats) uint64 { return s.Exhausted }},
		{"cancelled", func(s pow.Stats) uint64 { return s.Cancelled }},
	} {
		m.searches = append(m.searches, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "lode_searches_total",
			Help:        "Searches that ended, by outcome.",
			ConstLabels: prometheus.Labels{"outcome": s.outcome},
		}, func() float64 { return float64(s.count(e.Stats())) }))
	}
	return m
}

func (m *metrics) all() []prometheus.Collector {
	all := []prometheus.Collector{m.kernels, m.active, m.timeToBlock, m.cancelTime, m.workers}
	for _, s := range m.searches {
		all = append(all, s)
	}
	return all
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
