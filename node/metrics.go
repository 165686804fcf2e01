package node

import "github.com/prometheus/client_golang/prometheus"

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
