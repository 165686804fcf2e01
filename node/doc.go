// Package node is the running node: a chain on disk, a miner, and the HTTP API
// before them.
package node
