// Package chain follows the branch of blocks with the most work.
//
// A [Chain] keeps every valid block in a [Store] and the headers of all of them in
// memory. Beside the active branch it has a mempool of pending transactions, and it
// makes templates for miners. Blocks come in through [Chain.Accept] or, in batches,
// [Chain.AcceptAll], and transactions through [Chain.AddTx]. Whatever a chain has
// acknowledged is on disk.
//
// Every block takes the same way, in files that follow each other: it is checked
// by itself without a lock (check.go), a plan says what becomes of it and of the
// tip (plan.go, move.go), the plan is committed to the store and applied to memory
// (apply.go), and subscribers are told (events.go). accept.go ties these steps
// together and gives blocks a second try that were held.
//
// Package block has the blocks and transactions themselves, and package rules has
// the rules and the order in which they are applied. A broken rule is a
// [block.RuleError].
package chain
