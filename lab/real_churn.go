package lab

import (
	"math/rand/v2"
	"time"

	"github.com/lodepow/lode/lab/blocks"
	"github.com/lodepow/lode/lab/nodes"
)

// startChurn lets nodes leave and come back until the last block has been found. As with the other engines, strategists stay,
// and a node is up at the start with the probability that it has at any moment.
func (r *realRun) startChurn() {
	c := r.x.Churn
	if c == (blocks.Churn{}) {
		return
	}
	random := rand.New(rand.NewPCG(r.seed, 5)) // the streams 1 to 4 are those of the network
	stays := map[int]bool{}
	for _, s := range r.x.Strategists {
		stays[s.Node] = true
	}
	draw := func(mean time.Duration) time.Duration { return time.Duration(random.ExpFloat64() * float64(mean)) }
	var leave, back func(node *nodes.Node)
	leave = func(node *nodes.Node) {
		if !r.over() {
			node.Stop()
			r.agree() // the last one that disagreed may have left
			r.net.After(draw(c.Down), func() { back(node) })
		}
	}
	back = func(node *nodes.Node) {
		if !r.over() {
			node.Start()
			r.net.After(draw(c.Up), func() { leave(node) })
		}
	}
	for i, node := range r.net.Nodes {
		if moves := c.Share == 0 || random.Float64() < c.Share; stays[i] || !moves {
			continue
		}
		if random.Float64() < float64(c.Up)/float64(c.Up+c.Down) {
			r.net.After(draw(c.Up), func() { leave(node) })
		} else {
			leave(node)
		}
	}
}
