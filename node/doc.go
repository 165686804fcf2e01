// Package node runs a node: it opens a chain on disk, mines, connects with other
// nodes, and serves the HTTP API and the metrics.
package node
