package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	streams  prometheus.GaugeFunc
}

// answerKind is what requests are counted by, beside their route.
type answerKind struct {
	method string // see metricMethod
	code   int
}

// counters are of one route and one kind of answer.
type counters struct {
	requests prometheus.Counter
	duration prometheus.Observer // nil: not measured
}

func newMetrics(a *API) metrics {
	labels := []string{"route", "method", "code"}
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_http_requests_total",
			Help: "Requests answered, by route, method and status; 499 where the client left before its answer.",
		}, labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lode_http_request_duration_seconds",
			Help: "Time from a request's header to the end of its answer, event streams aside.",
			// From an answer out of memory to a long chain or a hard block.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60, 600},
		}, labels),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lode_http_requests_in_flight",
			Help: "Requests that are being answered, event streams aside.",
		}),
	}
	streams := a.static["/events"].slots
	m.streams = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "lode_http_event_streams",
		Help: "Event streams that are open.",
	}, func() float64 { return float64(streams.n.Load()) })
	for _, rt := range append(a.routes, a.other) {
		rt.usual = map[answerKind]counters{} // looked up once, for speed
		for method := range rt.methods {
			kind := answerKind{method, http.StatusOK}
			if method == http.MethodPost && rt.pattern != "/mine" {
				kind.code = http.StatusCreated
			}
			rt.usual[kind] = m.counters(rt, kind)
		}
	}
	return m
}

func (m *metrics) counters(rt *route, kind answerKind) counters {
	labels := []string{rt.pattern, kind.method, strconv.Itoa(kind.code)}
	c := counters{requests: m.requests.WithLabelValues(labels...)}
	if !rt.stream {
		c.duration = m.duration.WithLabelValues(labels...)
	}
	return c
}

// statusGone counts requests whose client left, as nginx does.
const statusGone = 499

func (m *metrics) begin(rt *route) {
	if !rt.stream {
		m.inFlight.Inc()
	}
}

func (m *metrics) end(w *writer, method string, took time.Duration) {
	kind := answerKind{method: metricMethod(method), code: w.status}
	if kind.code == 0 {
		kind.code = statusGone
	}
	c, ok := w.route.usual[kind]
	if !ok {
		c = m.counters(w.route, kind)
	}
	c.requests.Inc()
	if c.duration != nil {
		c.duration.Observe(took.Seconds())
	}
	if !w.route.stream {
		m.inFlight.Dec()
	}
}

// metricMethod returns the method as a label: clients may send any word.
func metricMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.duration, m.inFlight, m.streams}
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
