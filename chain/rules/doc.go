// Package rules implements the rules of a network: which blocks and transactions are
// valid, and how hard it is to find a block.
//
// [Params] describe a network. A [State] holds all that the rules need to know about
// a branch in order to judge its next block. Everything here is a pure function of
// its arguments: the package has no clock, no storage and no goroutines.
package rules
