// Package perses tests the dashboards for Grafana with a program that we did not write:
// percli of Perses, which reads Grafana's files and turns them into dashboards of
// Perses. There is no code in this package but the test.
package perses
