// Package own implements a source of work for a node that mines its own chain.
//
// A [Source] turns templates of the chain into work, follows the chain's events to
// say when work is outdated or stale, and gives solved blocks to the chain. The
// [Mode] decides when there is work.
package own
