package node

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	chainmetrics "github.com/lodepow/lode/chain/metrics"
	ownmetrics "github.com/lodepow/lode/mine/own/metrics"
	stratummetrics "github.com/lodepow/lode/mine/stratum/metrics"
	apimetrics "github.com/lodepow/lode/node/api/metrics"
	p2pmetrics "github.com/lodepow/lode/node/p2p/metrics"
	powmetrics "github.com/lodepow/lode/pow/metrics"
)

// registerMetrics registers the metrics of a node's parts, of the node itself, and
// of the process. Those of the store are registered when it is opened.
func registerMetrics(r *registrations, version string, n *Node) error {
	build, _ := debug.ReadBuildInfo()
	for _, collector := range []prometheus.Collector{
		newBuildInfo(version, build),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "lode_http_connections",
			Help: "Connections of clients and nodes that are open.",
		}, func() float64 { return float64(n.listener.Stats().open) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "lode_http_connections_refused_total",
			Help: "Connections of clients and nodes that were closed at once, since there were too many.",
		}, func() float64 { return float64(n.listener.Stats().refused) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "lode_http_connections_evicted_total",
			Help: "Connections of clients and nodes that were closed to make room for others.",
		}, func() float64 { return float64(n.listener.Stats().evicted) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "lode_http_accept_failures_total",
			Help: "Attempts to accept a connection that failed because no file descriptor was left.",
		}, func() float64 { return float64(n.listener.Stats().failed) }),
	} {
		if err := r.Register(collector); err != nil {
			return err
		}
	}
	for _, collector := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		// An error means that the program has registered some of these metrics, which
		// are the same for all of the process.
		_ = r.Register(collector)
	}
	if n.stratum != nil {
		if err := stratummetrics.Register(r, n.stratum.server); err != nil {
			return err
		}
	}
	if n.miner.loop != nil { // a node that searches nothing has no rate that could be too low
		if err := powmetrics.Register(r, n.engine); err != nil {
			return err
		}
	}
	return errors.Join(
		chainmetrics.Register(r, n.chain),
		apimetrics.Register(r, n.api),
		p2pmetrics.Register(r, n.network),
		ownmetrics.Register(r, n.miner.source),
	)
}

// registrations is a [prometheus.Registerer] that remembers what it has registered, so
// that all of it can be taken out of the registry again.
type registrations struct {
	registry   prometheus.Registerer
	registered []prometheus.Collector
}

// Register implements [prometheus.Registerer].
func (r *registrations) Register(c prometheus.Collector) error {
	if err := r.registry.Register(c); err != nil {
		return err
	}
	r.registered = append(r.registered, c)
	return nil
}

// MustRegister implements [prometheus.Registerer].
func (r *registrations) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

// Unregister implements [prometheus.Registerer].
func (r *registrations) Unregister(c prometheus.Collector) bool { return r.registry.Unregister(c) }

// undo takes everything out of the registry.
func (r *registrations) undo() error {
	for _, c := range r.registered {
		r.registry.Unregister(c)
	}
	r.registered = nil
	return nil
}

// metricsHandler returns the handler of /metrics. Answers are not compressed, to
// spend little of the miner's time.
func metricsHandler(c Config) http.Handler {
	return promhttp.HandlerFor(c.Registry, promhttp.HandlerOpts{
		ErrorLog:           slog.NewLogLogger(c.Logger.Handler(), slog.LevelError),
		DisableCompression: true,
	})
}

// newBuildInfo returns a gauge that says which program runs, with one label for each
// fact. The version may be one of lode's, which go on after a space with the facts that
// have labels of their own. info is what the Go toolchain recorded in the program; it
// may be nil.
func newBuildInfo(version string, info *debug.BuildInfo) prometheus.Collector {
	version, _, _ = strings.Cut(version, " ")
	revision, modified := "", ""
	if info != nil {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = "-modified"
			}
		}
	}
	if revision != "" {
		revision = revision[:min(12, len(revision))] + modified
	}
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "lode_build_info",
		Help: "What runs; the value is always 1.",
		ConstLabels: prometheus.Labels{
			"version":   cmp.Or(version, "unknown"),
			"revision":  cmp.Or(revision, "unknown"),
			"goversion": runtime.Version(),
			"goos":      runtime.GOOS,
			"goarch":    runtime.GOARCH,
		},
	})
	gauge.Set(1)
	return gauge
}
