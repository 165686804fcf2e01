package nodes

import (
	"slices"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
)

// selfish is the block-withholding strategy of Eyal and Sirer, "Majority is not
// Enough: Bitcoin Mining is Vulnerable", 2014, algorithm 1. The miner hides the
// blocks that it finds while it is ahead. When the others find a block, it publishes
// just as many of its own as it takes to make theirs worthless.
type selfish struct {
	node   *Node
	chain  *chain.Chain  // the public blocks and the hidden ones; the miner mines on its tip
	hidden []block.Block // found but not published, lowest first
	race   bool          // two public branches have the same length, and one of them is ours
}

// MineSelfishly makes the node follow the selfish strategy from now on. The node must
// be up, and must stay up.
func (n *Node) MineSelfishly() {
	c, err := chain.Open(chain.Config{Params: n.net.config.Params, Store: n.net.bodies.newStore(), Now: n.clock})
	if err != nil {
		panic(err)
	}
	n.selfish = &selfish{node: n, chain: c}
	n.selfish.copy()
	n.mine()
}

// copy adds the blocks of the public branch to the miner's chain.
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

// onFound hides a block that the miner has found. If a race is on, the block decides
// it, and all hidden blocks are published.
func (s *selfish) onFound(b block.Block) {
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

// react publishes what the strategy asks for after the public branch has changed by
// a block of another miner.
func (s *selfish) react() {
	s.copy()
	tip, public := s.chain.Tip(), s.node.chain.Tip()
	if tip.Hash == public.Hash { // the others have overtaken us, or nothing is hidden
		s.hidden, s.race = nil, false
		return
	}
	switch lead := tip.Height - public.Height; lead {
	case 0: // The lead was one block: publish it and let the network decide.
		s.race = true
		s.publish(len(s.hidden))
	case 1: // The lead was two blocks: publish both and win.
		s.publish(len(s.hidden))
	default:
		s.publish(1)
	}
}

// publish moves the count lowest hidden blocks to the public chain.
func (s *selfish) publish(count int) {
	blocks := s.hidden[:min(count, len(s.hidden))]
	s.hidden = slices.Clone(s.hidden[len(blocks):])
	for _, b := range blocks {
		s.node.Put(b)
	}
}
