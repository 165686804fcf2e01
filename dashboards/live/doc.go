// Package live runs nodes and a Prometheus as processes of their own and asks
// Prometheus what it has seen: for make monitor, the renderer and the tests.
package live
