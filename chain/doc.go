// Package chain follows the branch of blocks with the most work.
//
// A [Chain] keeps every valid block in a [Store] and the headers of all of them in
// memory. Beside the active branch it has a mempool of pending transactions, and it
// makes templates for miners. Blocks enter through [Chain.Accept] or, in batches,
// [Chain.AcceptAll], and transactions through [Chain.AddTx]. Everything that a
// chain has acknowledged is on disk.
//
// Every block takes the same path: it is checked by itself, without a lock
// (check.go); a plan says what will become of it and of the tip (plan.go, move.go);
// the plan is committed to the store and applied to memory (apply.go); and the
// subscribers are notified (events.go). accept.go joins these steps and gives held
// blocks a second try.
//
// Package block defines blocks and transactions. Package rules defines the rules
// and the order in which they are applied. A broken rule is reported as a
// [block.RuleError].
package chain
