// Package mine searches for blocks and shares, wherever the work comes from.
//
// A [Source] is anything that wants proof of work: the node's own chain, a Bitcoin
// node, a pool. It offers a [Work], which describes every header that it would
// accept: the halves of the coinbase around the extranonce, the merkle branch, the
// times and the versions. A [Loop] turns the work into jobs for an engine of
// package pow, rolls the extranonce and the time, stops when the source says that
// the work is stale, and hands each [Solution] back to its source.
//
// The package knows headers and coinbases but no chain: it imports package pow
// and nothing else of Lode, so that a miner for a pool does not need a chain.
// Package mine/own implements a source that offers the work of a node's own chain.
package mine
