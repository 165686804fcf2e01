// Package chain holds what a chain is made of, and its rules.
//
// A [Tx] is a signed or unsigned JSON object, kept in one form only, so that
// every node computes the same id for it.
package chain
