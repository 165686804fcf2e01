// Package rules has the rules of a network: what its blocks and transactions must be
// like, and how hard a block is.
//
// [Params] are a network. A [State] is the little that the rules need to know of a
// branch in order to judge its next block. Everything here is a pure function of its
// arguments: the package has no clock, no storage and no goroutines.
package rules
