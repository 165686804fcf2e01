// Package nodestest tests simulated networks. Its tests run a [nodes.Net] through
// splits, losses and attacks, and use the Must methods of [Net] to assert what has to
// hold in any sound network.
package nodestest

import (
	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// Net is a simulated network, with assertions and with measures of memory.
type Net struct {
	*nodes.Net

	// largest is the size in bytes of the largest machine that was seen at the end
	// of any RunFor.
	largest int

	// invented are posts that no client has made. Only the test of the assertions
	// adds any, to check that they are reported as lost.
	invented []nodes.Post
}

// New makes a network whose machines are measured at the end of each RunFor. It
// replaces c.AfterRun.
func New(seed uint64, c nodes.Config) *Net {
	n := &Net{}
	c.AfterRun = func(*nodes.Net) { n.measure() }
	n.Net = nodes.New(seed, c)
	return n
}

// Largest returns the size in bytes of the largest machine seen so far.
func (n *Net) Largest() int { return n.largest }

// measure updates the size of the largest machine.
func (n *Net) measure() {
	for _, node := range n.Up() {
		if g, ok := node.Machine().(*gossip.Gossip); ok {
			n.largest = max(n.largest, sizeOf(g))
		}
	}
}

// posts returns all posts, and the number of each in that list by its id.
func (n *Net) posts() ([]nodes.Post, map[pow.Hash]int) {
	posts := append(n.Posts(), n.invented...)
	index := make(map[pow.Hash]int, len(posts))
	for i, p := range posts {
		index[p.ID] = i
	}
	return posts, index
}
