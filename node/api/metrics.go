package api

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	streams  prometheus.GaugeFunc
}

func newMetrics(a *API) metrics {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_http_requests_total",
			Help: "Requests answered, by route and status; 499 where the client left before its answer.",
		}, []string{"route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lode_http_request_duration_seconds",
			Help: "Time from a request's header to the end of its answer, event streams aside.",
			// From an answer out of memory to a long chain or a hard block.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60, 600},
		}, []string{"route"}),
	}
	streams := a.static["/events"].slots
	m.streams = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "lode_http_event_streams",
		Help: "Event streams that are open.",
	}, func() float64 { return float64(streams.n.Load()) })
	for _, rt := range append(a.routes, a.other) {
		rt.counts = make(map[int]prometheus.Counter, len(commonCodes()))
		for _, code := range commonCodes() { // looked up once, for speed
			rt.counts[code] = m.requests.WithLabelValues(rt.pattern, strconv.Itoa(code))
		}
		if rt.pattern != "/events" {
			rt.duration = m.duration.WithLabelValues(rt.pattern)
		}
	}
	return m
}

func commonCodes() []int { return []int{200, 201} }

// statusGone counts requests whose client left, as nginx does.
const statusGone = 499

func (m *metrics) observe(w *writer, took time.Duration) {
	code := w.status
	if code == 0 {
		code = statusGone
	}
	if count := w.route.counts[code]; count != nil {
		count.Inc()
	} else {
		m.requests.WithLabelValues(w.route.pattern, strconv.Itoa(code)).Inc()
	}
	if w.route.duration != nil {
		w.route.duration.Observe(took.Seconds())
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.duration, m.streams}
}

// Describe implements [prometheus.Collector].
func (a *API) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range a.metrics.all() {
		c.Describe(ch)
	}
}

// Collect implements [prometheus.Collector].
func (a *API) Collect(ch chan<- prometheus.Metric) {
	for _, c := range a.metrics.all() {
		c.Collect(ch)
	}
}
