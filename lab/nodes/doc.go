// Package nodes simulates networks of nodes: many [gossip.Gossip] machines,
// each with a chain and a store in memory, on a clock of its own, one after the
// other on one goroutine. From a seed and a story everything follows, byte for
// byte of the event log.
//
// A story is a test that reads like one:
//
//	net := nodes.New(seed, nodes.Config{Nodes: 8})
//	net.MineAll(10 * time.Second)
//	net.PostEvery(2 * time.Second)
//	net.RunFor(time.Minute)
//	net.Split(net.Nodes[:4], net.Nodes[4:])
//	net.RunFor(time.Minute)
//	net.Heal()
//	net.RunFor(30 * time.Second)
//	net.MustConverge(t, 3)
//
// # Model
//
// Time is virtual and moves from event to event. A message takes the delay of
// its link; it can be lost, held back, or come twice, and none passes between the
// groups of a split. Who waits for an answer that does not come is told when the
// request's timeout is over. Reading takes a node no time, a write to its chain
// a little.
//
// Every miner has a hash rate, and finds the next block after a time that is
// exponentially distributed. The block is made of the node's own template then,
// and its proof of work is real, though the network asks for two hashes a block
// only. When its tip changes the miner draws again, which is allowed because an
// exponential time has no memory.
//
// Nodes that misbehave are a [Script], which answers with a function.
package nodes
