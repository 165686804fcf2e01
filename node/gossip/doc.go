// Package gossip decides what a node does in a network: whom it talks to, what
// it asks for and passes on, how it catches up, whom it bans.
//
// All of it is one state machine. [Gossip.Step] takes an [Event], such as the
// answer to a request or a change of the chain, and returns [Effect] values,
// such as requests to send or blocks to hand to the chain. It has no goroutine,
// no timer and no I/O, it asks nobody for the time, and its random numbers come
// from a source that it is given: the same events give the same effects.
// Package node/p2p drives it with HTTP, package lab/nodes with a simulated
// network.
//
// # Two nodes meet
//
// A node that wants to know another sends it a [Hello] and gets one back as the
// answer, a [Welcome]. That tells the first that the address is good, and whose
// it is. It tells the second nothing, since anybody can claim an address; so the
// second sends a Hello of its own to the claimed address. Every Hello carries a
// [Session]: the word by which the receiver proves from then on that it is the
// one whom the sender found there. Only what comes with a session is an
// announcement. Requests to read need none.
//
// Nodes say hello again every now and then. A Hello says what its sender's best
// chain is, so a node learns of more work even if no announcement reaches it.
//
// # How blocks and transactions travel
//
// They are announced by id, to each peer that is not known to have them, and
// fetched by whoever does not have them. One announcement to a peer is under
// way at a time, and what comes up meanwhile goes with the next one. A block
// whose parent is unknown starts a sync instead.
//
// # Sync
//
// A peer that claims more work is asked for headers, by locator and page by
// page. Each header is checked as the chain would, and until their work exceeds
// our tip's nothing of them is kept but the last. When it does the branch's
// hashes are collected, and the blocks fetched from every peer that has them,
// batch by batch in a window, and handed to the chain in order.
package gossip
