// Package blocks is the fast model of a proof-of-work network: ten thousand to a hundred
// thousand nodes on a notebook. It knows only blocks and the times at which nodes have
// them. Package lab/nodes simulates the same networks with real nodes, some hundred times
// slower; a test compares the two.
//
//	r, err := blocks.Run(ctx, blocks.Experiment{
//		Nodes:    10_000,
//		Blocks:   1_000,
//		Interval: 10 * time.Second,
//		Latency:  blocks.Latency{Regions: blocks.World2019()},
//	}, 1, blocks.Options{})
//	fmt.Println(r.StaleRate(), r.Reach[1].Mean()) // until 90 % of the nodes had a block
//
// # Model
//
// All miners together find blocks as a Poisson process. A block is made once and judged
// once by the product's own rules (chain/rules): difficulty, median time past, how far a
// header may be ahead of the clock, height. Only its proof of work is not real: a search
// is a random wait. A node has a tip: the block with the most work that it has got, and of
// several the one that it got first, or the one that the experiment's tie rule prefers. A
// node passes on what becomes its tip, to all its neighbours, and sends the ancestors with
// it that they lack. What that takes is the latency of the connection, the size of the
// block divided by the bandwidth, and the time to validate it, put together as [Mode]
// says.
//
// # What the model leaves out
//
//   - Transactions, mempools and fees. A block has a size, and compact blocks are rebuilt
//     with a probability that the experiment sets.
//   - Everything that real gossip does besides: address books, limits, bans, sync in pieces. A
//     message that is lost is sent again only if the experiment says after what time.
//   - Missing ancestors cost no time: they arrive with their descendant.
//   - TCP. Bandwidth is shared by no two blocks unless QueueUploads is set, and the
//     download side of a node never queues.
//   - Clocks whose error changes. See [Clocks] for what there is.
//   - A validation that is shorter for blocks that were seen before, and mining that goes
//     on with an old template for a moment.
//   - Connections that nodes make in the run. The network is the same from the first block
//     to the last, but for [Churn], [Split] and [Eclipse].
//
// Stale rates and propagation therefore come out too low where one of these matters. The
// model suits comparisons: of topologies, relay modes, intervals, shares of the hash rate
// and strategies.
//
// # Two engines of this package
//
// [Events] simulates arrivals one by one. [Paths] computes the shortest way of each block
// to each node on all cores. They have the same results to the last bit where Paths is
// exact, and it is chosen then; see [Engine] and [Result.Engine].
//
// # Reproducibility
//
// A result is a function of the experiment and the seed. Times are integers, random numbers
// have keys instead of an order, and logarithms are portable, so that [Result.Hash] is the
// same on any machine and with any number of threads. Replicas are runs with different
// seeds, each with a network of its own.
//
// # Memory
//
// Memory does not grow with the number of blocks: a block is counted and forgotten when no
// node can change its mind about it any more. All blocks of a split are kept until it has
// ended, a few hundred bytes each. Otherwise a run takes 16 bytes for each node and 8 for
// each arc, and with the engine Paths about 64 MiB more.
package blocks
