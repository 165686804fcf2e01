package nodes

import (
	"slices"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/chain"
)

// selfish is the withholding strategy of Eyal and Sirer, "Majority is not
// Enough: Bitcoin Mining is Vulnerable", 2014, algorithm 1. The miner keeps its
// blocks to itself while it is ahead, and publishes just enough to make the work
// of the others worthless.
type selfish struct {
	node   *Node
	chain  *chain.Chain  // all that the node knows, its own blocks first
	hidden []block.Block // found and not published, the lowest first
	race   bool          // two branches of one length are public, one of them ours
}

// MineSelfishly has the node withhold the blocks that it finds. It must be up,
// and stay up.
func (n *Node) MineSelfishly() {
	c, err := chain.Open(chain.Config{Params: n.net.config.Params, Store: n.net.bodies.newStore(), Now: n.clock})
	if err != nil {
		panic(err)
	}
	n.selfish = &selfish{node: n, chain: c}
	n.selfish.copy()
	n.mine()
}

// copy takes over what is on the public branch.
func (s *selfish) copy() {
	public := s.node.chain
	from := public.Tip().Height
	for ; ; from-- {
		hash, _ := public.HashAt(from)
		if _, known := s.chain.Header(hash); known {
			break
		}
	}
	for height := from + 1; height < public.Len(); height++ {
		hash, _ := public.HashAt(height)
		b, err := public.Block(hash)
		if err == nil {
			_, err = s.chain.Accept(b)
		}
		if err != nil {
			s.node.net.fault("%s, selfish: %v", s.node, err)
		}
	}
}

// found is told of a block of the miner's own.
func (s *selfish) found(b block.Block) {
	if _, err := s.chain.Accept(b); err != nil {
		s.node.net.fault("%s refuses its own block: %v", s.node, err)
	}
	s.hidden = append(s.hidden, b)
	if s.race {
		s.race = false
		s.publish(len(s.hidden))
	}
	s.node.mine()
}

// react does what the strategy wants when the public branch has changed, other
// than by the miner's own blocks.
func (s *selfish) react() {
	s.copy()
	tip, public := s.chain.Tip(), s.node.chain.Tip()
	if tip.Hash == public.Hash { // the others are ahead, or nothing is hidden
		s.hidden, s.race = nil, false
		return
	}
	switch lead := tip.Height - public.Height; lead {
	case 0: // it was one block: let the network decide
		s.race = true
		s.publish(len(s.hidden))
	case 1: // it was two: just enough
		s.publish(len(s.hidden))
	default:
		s.publish(1)
	}
}

// publish puts the lowest hidden blocks into the public chain.
func (s *selfish) publish(count int) {
	blocks := s.hidden[:min(count, len(s.hidden))]
	s.hidden = slices.Clone(s.hidden[len(blocks):])
	for _, b := range blocks {
		s.node.Put(b)
	}
}
