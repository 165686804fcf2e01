package node

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	chainmetrics "github.com/lodepow/lode/chain/metrics"
	ownmetrics "github.com/lodepow/lode/mine/own/metrics"
	apimetrics "github.com/lodepow/lode/node/api/metrics"
	p2pmetrics "github.com/lodepow/lode/node/p2p/metrics"
	powmetrics "github.com/lodepow/lode/pow/metrics"
)

// registerMetrics registers the metrics of a node's parts, of the node itself, and
// of the process. Those of the store are registered when it is opened.
func registerMetrics(c Config, n *Node, l *limitListener) error {
	for _, collector := range []prometheus.Collector{
		newBuildInfo(c.Version),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "lode_http_connections",
			Help: "Connections of clients and nodes that are open.",
		}, func() float64 {
			open, _ := l.stats()
			return float64(open)
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "lode_http_connections_refused_total",
			Help: "Connections of clients and nodes that were closed at once, since there were too many.",
		}, func() float64 {
			_, refused := l.stats()
			return float64(refused)
		}),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := c.Registry.Register(collector); err != nil {
			return err
		}
	}
	return errors.Join(
		powmetrics.Register(c.Registry, n.engine),
		chainmetrics.Register(c.Registry, n.chain),
		apimetrics.Register(c.Registry, n.api),
		p2pmetrics.Register(c.Registry, n.network),
		ownmetrics.Register(c.Registry, n.miner.source),
	)
}

// metricsHandler returns the handler of /metrics. Answers are not compressed, to
// spend little of the miner's time.
func metricsHandler(c Config) http.Handler {
	return promhttp.HandlerFor(c.Registry, promhttp.HandlerOpts{
		ErrorLog:           slog.NewLogLogger(c.Logger.Handler(), slog.LevelError),
		DisableCompression: true,
	})
}

// newBuildInfo returns a gauge that says which version runs.
func newBuildInfo(version string) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "lode_build_info",
		Help:        "What runs; the value is always 1.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	return info
}
