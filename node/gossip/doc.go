// Package gossip decides what a node does in a network: which nodes it connects
// with, what it asks them for, what it announces to them, how it catches up with
// them, and which of them it bans.
//
// All of this is one state machine. [Gossip.Step] takes an [Event], such as the
// answer to a request or a change of the chain, and returns [Effect] values, such
// as requests to send or blocks to hand to the chain. The machine has no
// goroutines, no timers of the system and no I/O; the time is an argument, and
// random numbers come from a source in the [Config]. So the same events always
// have the same effects. Package node/p2p drives the machine with HTTP, package
// lab/nodes with a simulated network.
//
// # How two nodes connect
//
// A node that wants to connect with an address sends a [Hello] there. The answer,
// a [Welcome], proves that a node listens at the address, and which one. The
// Hello proves nothing to its receiver, because anybody can claim an address. The
// receiver therefore sends its own Hello to the claimed address. Every Hello
// carries a [Session], which only the node at that address has seen. By sending
// the session along, that node later proves who it is. An [Announce] needs a
// session, while requests that only read need none.
//
// Node ids prove nothing. A connection is given up as a duplicate of another one only
// if the node itself says that its address is that of the other one.
//
// Connected nodes repeat their hellos. A Hello contains the sender's tip, so a
// node learns of more work even if no announcement reaches it.
//
// # How blocks and transactions travel
//
// A node announces them by id to each peer that is not known to have them, and a
// peer fetches those that it does not have. One announcement to a peer is under
// way at a time; ids that are new meanwhile go into the next one. A block whose
// parent is not known is not kept, and a sync fetches it together with its
// ancestors.
//
// # How a node catches up
//
// When a peer claims more work than this node's tip has, a sync begins. The node
// asks the peer for headers, page by page, and checks them by the rules of the
// chain. Until the headers have more work than the tip, it keeps only the last of
// them. Then it collects the hashes of the branch, fetches the blocks in batches
// from every peer that has them, and hands them to the chain in order. Peers of this
// node's choice come first, and a sync of which no block is taken for some time ends
// and charges the peers that owe blocks.
//
// # The parts
//
// The parts of the machine are types with their own state: the greeter, the
// announcer, the relay of blocks, the transactions, the syncer and the intake.
// Each keeps what it knows of a peer in a field of the peer that no other part
// changes. All of them embed the host, through which they send requests, set
// timers, read the tip and report a peer that broke the protocol.
package gossip
