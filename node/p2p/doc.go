// Package p2p connects a node with others over HTTP. It drives the state machine
// of package gossip, which decides: it sends what that wants sent, serves the
// routes under /p2p/ to other nodes, hands blocks and transactions to the chain,
// and keeps the address book in a file.
//
// The messages are described in docs/network.md, with all limits.
package p2p
