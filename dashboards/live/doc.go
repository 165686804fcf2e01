// Package live starts nodes and a Prometheus as child processes, and queries that
// Prometheus. The commands monitor and render use it, as do the tests of dashboards
// and alerts.
package live
