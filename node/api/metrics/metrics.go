// Package metrics exports the numbers of an [api.API] to Prometheus.
package metrics

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/node/api"
)

// Register registers the metrics of an API and attaches an observer to it, which
// counts requests from then on. An API can be registered once in a registry. The
// error is the registry's; then nothing is registered or attached.
func Register(reg prometheus.Registerer, a *api.API) error {
	m := newMetrics(a)
	if err := reg.Register(m); err != nil {
		return err
	}
	a.Observe(api.Observer{Answered: m.countAnswered})
	return nil
}

// metrics is one collector for the whole API, so that either all of its metrics
// are registered or none.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.GaugeFunc
	streams  prometheus.GaugeFunc

	usual map[kind]counters // looked up once, for speed; never changed
}

// kind is what requests are counted by: the values of their labels.
type kind struct {
	route, method string // see methodLabel
	status        int
}

// counters count the requests of one kind.
type counters struct {
	requests prometheus.Counter

	// duration returns the histogram of the durations, which is exported from the first
	// call on. It is nil for a stream, whose duration is not measured.
	duration func() prometheus.Observer
}

func newMetrics(a *api.API) *metrics {
	labels := []string{"route", "method", "code"}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lode_http_requests_total",
			Help: "Requests answered, by route, method and status; 499 where the client left before its answer.",
		}, labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lode_http_request_duration_seconds",
			Help: "Time from a request's header to the end of its answer, event streams aside.",
			// The least is an answer out of memory; the most, a long chain or a hard block.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60, 600},
		}, labels),
		inFlight: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "lode_http_requests_in_flight",
			Help: "Requests that are being answered, event streams aside.",
		}, func() float64 { return float64(a.Stats().InFlight) }),
		streams: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "lode_http_event_streams",
			Help: "Event streams that are open.",
		}, func() float64 { return float64(a.Stats().EventStreams) }),
		usual: map[kind]counters{},
	}
	// The usual answers of every route are counted from the start, so that their
	// rates begin at 0. The durations, which have a series for each bucket, are left
	// out until there is one, because most nodes use few routes. So a rate of the
	// durations misses the first request of its kind, and a rate of the requests does
	// not.
	for _, route := range a.Routes() {
		for _, method := range route.Methods {
			k := kind{route.Pattern, method, http.StatusOK}
			if method == http.MethodPost && route.Pattern != "/mine" && route.Pattern != "/miner" {
				k.status = http.StatusCreated
			}
			m.usual[k] = m.counters(k, route.Stream)
		}
	}
	return m
}

func (m *metrics) counters(k kind, stream bool) counters {
	labels := []string{k.route, k.method, strconv.Itoa(k.status)}
	c := counters{requests: m.requests.WithLabelValues(labels...)}
	if !stream {
		c.duration = sync.OnceValue(func() prometheus.Observer { return m.duration.WithLabelValues(labels...) })
	}
	return c
}

// countAnswered counts a request.
func (m *metrics) countAnswered(r api.Answered) {
	k := kind{r.Route, methodLabel(r.Method), r.Status}
	c, ok := m.usual[k]
	if !ok {
		c = m.counters(k, r.Stream)
	}
	c.requests.Inc()
	if c.duration != nil {
		c.duration().Observe(r.Took.Seconds())
	}
}

// methodLabel returns a method's value as a label. Clients may send any word,
// and each would make a series, so unusual ones share the value "other".
func methodLabel(method string) string {
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
