// Package p2p connects a node with others over HTTP. Package gossip decides what
// to do, as a state machine without I/O; this package does it. It sends requests
// to other nodes, serves their requests under /p2p/, hands blocks and transactions
// to the chain, and keeps the address book in a file.
//
// docs/network.md describes the messages and lists all limits.
package p2p
