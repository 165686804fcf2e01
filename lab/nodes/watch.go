package nodes

import (
	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
)

// Watch is told what happens in a network, in order of time. Each function may be nil. They
// must not change the network, but Mine and StopMining may be called.
type Watch struct {
	// Found is called when a miner has found a block, before any node has it.
	Found func(miner *Node, b block.Block)

	// Published is called when a node has a block of its own, which its peers may get from
	// now on. It is called before Moved.
	Published func(node *Node, b block.Block)

	// Moved is called when the tip of a node has changed, with the event of its chain. Its
	// kind is [chain.EventTip] or [chain.EventReorg].
	Moved func(node *Node, ev chain.Event)
}

func (w *Watch) found(n *Node, b block.Block) {
	if w.Found != nil {
		w.Found(n, b)
	}
}

func (w *Watch) published(n *Node, b block.Block) {
	if w.Published != nil {
		w.Published(n, b)
	}
}

func (w *Watch) moved(n *Node, ev chain.Event) {
	if w.Moved != nil {
		w.Moved(n, ev)
	}
}
