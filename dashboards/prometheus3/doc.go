// Package prometheus3 tests the expressions of the dashboards, rules and alerts with
// the parsers of Prometheus 3. It is a module of its own, so that those who use Lode do
// not get the many dependencies of Prometheus.
package prometheus3
