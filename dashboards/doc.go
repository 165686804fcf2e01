// Package dashboards defines the dashboards for monitoring nodes, as Go values. The
// JSON files for Grafana in grafana/ are generated from them. The folder prometheus/
// has a configuration for Prometheus with recording rules and alerts.
// docs/monitoring.md explains how to use them.
package dashboards

import "embed"

//go:generate go run ./generate grafana

// PrometheusFiles contains the files of the folder prometheus: the configuration,
// the recording rules with their tests, and the alerts.
//
//go:embed prometheus/*.yml
var PrometheusFiles embed.FS
