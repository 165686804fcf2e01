// Package dashboards holds what Grafana and Prometheus show of nodes: the
// dashboards as data, from which the files in grafana/ are written, and beside
// them Prometheus's configuration, its rules and alerts. docs/monitoring.md says
// how to use them.
package dashboards

import "embed"

//go:generate go run ./generate grafana

// PrometheusFiles holds the folder prometheus: configuration, rules, alerts.
//
//go:embed prometheus/*.yml
var PrometheusFiles embed.FS
