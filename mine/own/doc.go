// Package own makes the chain of a node a source of work.
//
// A [Source] turns templates of the chain into work, follows the chain's events to
// say when work is outdated or stale, and gives solved blocks to the chain. When
// there is work depends on the [Mode].
package own
