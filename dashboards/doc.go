// Package dashboards defines the dashboards for monitoring nodes, as Go values. The
// recording rules and alerts are Go values too. The JSON files for Grafana in grafana/
// and the files for Prometheus in prometheus/ are generated from them.
// docs/monitoring.md explains how to use them.
package dashboards

import "embed"

//go:generate go run ./generate .

// PrometheusFiles contains the files of the folder prometheus: the configuration,
// the recording rules and the alerts.
//
//go:embed prometheus/*.yml
var PrometheusFiles embed.FS
