// Package nodes simulates networks of real nodes. Each node is a [gossip.Gossip]
// machine with a chain and a store in memory; only the wire, the disk and the clock
// are simulated. All nodes run one after the other on one goroutine, in virtual
// time. The seed and the calls of the experiment determine everything, so that the
// event log of a run can be repeated byte for byte.
//
//	net := nodes.New(seed, nodes.Config{Nodes: 8})
//	net.MineAll(10 * time.Second)
//	net.PostEvery(2 * time.Second)
//	net.RunFor(time.Minute)
//	net.Split(net.Nodes[:4], net.Nodes[4:])
//	net.RunFor(time.Minute)
//	net.Heal()
//	net.RunFor(30 * time.Second)
//	depth, a, b := net.Fork()
//
// Package nodestest asserts what has to hold of such a network.
//
// # Model
//
// Virtual time jumps from event to event. A message takes the delay of its link. It
// can be lost, held back or delivered twice, and no message passes between the
// groups of a split network. If no answer arrives, the sender gets an error when the
// timeout of its request has passed. Reads take a node no time; a write to its chain
// takes a little.
//
// Every miner has a hash rate and finds its next block after an exponentially
// distributed time. The block is made from the node's own template at that moment.
// Its proof of work is real, although the usual network of a simulation asks for
// only two hashes a block. When the tip changes, the miner draws a new time. That
// does not change the distribution, because an exponential distribution has no
// memory.
//
// Peers that break the protocol are [Script] values, which answer requests with a
// function.
package nodes
