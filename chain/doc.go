// Package chain holds what a chain is made of, and its rules.
//
// A [Tx] is a signed or unsigned JSON object, kept in one form only, so that
// every node computes the same id for it. A block has a Bitcoin header, a
// [Coinbase] in Bitcoin's serialization, and transactions under Bitcoin's merkle
// tree. [Params] say which network's rules hold. A broken rule is a [RuleError]
// whose [Reason] is a word.
//
// [State] judges the next block of a branch, as a value. [Chain] follows the
// branch with the most work in a [Store], with a mempool beside it, and makes
// templates for miners.
package chain
