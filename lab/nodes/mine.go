package nodes

import (
	"math"
	"time"

	"github.com/lodepow/lode/chain"
)

// MineAll makes all nodes mine with equal shares of the network's hash rate. The
// hash rate is chosen so that the network finds a block every interval on average.
func (n *Net) MineAll(interval time.Duration) {
	shares := make([]float64, len(n.Nodes))
	for i := range shares {
		shares[i] = 1
	}
	n.Mine(interval, shares...)
}

// Mine gives the nodes, in order, these shares of the network's hash rate. The hash
// rate is chosen so that the network finds a block every interval on average. Shares
// are relative to their sum. Nodes beyond the list do not mine.
func (n *Net) Mine(interval time.Duration, shares ...float64) {
	var sum float64
	for _, share := range shares {
		sum += share
	}
	target, _, _ := n.config.Params.Difficulty().Bits.Decode()
	rate := target.Work().Float() / interval.Seconds()
	for i, node := range n.Nodes {
		node.rate = 0
		if i < len(shares) {
			node.rate = rate * shares[i] / sum
		}
		node.mine()
	}
}

// StopMining stops all miners.
func (n *Net) StopMining() { n.Mine(time.Second) }

// SetRate sets the node's hash rate, in hashes a second.
func (n *Node) SetRate(rate float64) {
	n.rate = rate
	n.mine()
}

// mine draws the time at which the node finds its next block. It replaces the
// previous draw, because the node now mines on another tip or at another rate.
func (n *Node) mine() {
	n.draws++
	if !n.up || n.rate <= 0 {
		return
	}
	on := n.chain
	if n.selfish != nil {
		on = n.selfish.chain
	}
	target, _, _ := on.Tip().NextBits(on.Params()).Decode()
	draw := n.draws
	n.later(n.net.solve(target.Work().Float()/n.rate), func() {
		if n.draws == draw {
			n.onFound(on)
		}
	})
}

// solve draws how long a search takes that takes mean seconds on average.
func (n *Net) solve(mean float64) time.Duration {
	const century = 100 * 365 * 24 * 3600
	seconds := min(n.mineRandom.ExpFloat64()*mean, century)
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

// onFound makes the block that the miner has found and publishes it, or hands it to
// the selfish strategy.
func (n *Node) onFound(on *chain.Chain) {
	b := n.net.makeBlock(on, n.String(), n.clock())
	n.net.config.Watch.found(n, b)
	if n.selfish != nil {
		n.selfish.onFound(b)
		return
	}
	n.Put(b)
}
