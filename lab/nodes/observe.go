package nodes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// Faults returns what happened that must never happen, such as an honest node
// that bans another one, or a machine that asks to be woken endlessly. A sound
// network has none.
func (n *Net) Faults() []string { return slices.Clone(n.faults) }

// Up returns the nodes that are running.
func (n *Net) Up() []*Node {
	var up []*Node
	for _, node := range n.Nodes {
		if node.up {
			up = append(up, node)
		}
	}
	return up
}

// Tips returns one running node for each tip, in the order of n.Nodes.
func (n *Net) Tips() []*Node {
	var nodes []*Node
	seen := map[pow.Hash]bool{}
	for _, node := range n.Up() {
		if tip := node.chain.Tip().Hash; !seen[tip] {
			seen[tip] = true
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// Fork returns the pair of running nodes whose branches differ most. The depth is
// the number of blocks that the higher of their tips is above their last common
// block. If all nodes have the same tip, the depth is 0 and the nodes are nil.
func (n *Net) Fork() (depth int64, a, b *Node) {
	tips := n.Tips()
	for i, x := range tips {
		for _, y := range tips[:i] {
			if d := max(x.chain.Tip().Height, y.chain.Tip().Height) - CommonHeight(x.chain, y.chain); d > depth {
				depth, a, b = d, y, x
			}
		}
	}
	return depth, a, b
}

// CommonHeight returns the height of the last block that two active branches have
// in common.
func CommonHeight(a, b *chain.Chain) int64 {
	for height := min(a.Tip().Height, b.Tip().Height); ; height-- {
		x, _ := a.HashAt(height)
		if y, _ := b.HashAt(height); x == y {
			return height
		}
	}
}

// BreakTie lets time pass while the tips differ but have the same work, for at
// most the given time, and then five seconds in which all follow. A node stays with the tip that it saw first, so only the
// next block decides such a tie.
func (n *Net) BreakTie(most time.Duration) {
	tie := func() bool {
		tips := n.Tips()
		for _, node := range tips {
			if node.chain.Tip().Work != tips[0].chain.Tip().Work {
				return false
			}
		}
		return len(tips) > 1
	}
	if len(n.Tips()) > 1 { // a tie that has just been broken needs the time as well
		n.RunUntil(most, func() bool { return !tie() })
		n.RunFor(5 * time.Second)
	}
}

// TipText returns the height of the node's tip and the first digits of its hash.
// The node must be up.
func (n *Node) TipText() string {
	tip := n.chain.Tip()
	return fmt.Sprintf("%d %.8s", tip.Height, tip.Hash)
}

// String returns a line for each node: its tip, how many transactions are pending,
// and its peers.
func (n *Net) String() string {
	var text strings.Builder
	for _, node := range n.Nodes {
		if !node.up {
			fmt.Fprintf(&text, "%s is down\n", node)
			continue
		}
		txs, _ := node.chain.PendingCount()
		fmt.Fprintf(&text, "%s: tip %s, %d pending, peers", node, node.TipText(), txs)
		for _, p := range node.machine.Peers() {
			direction := "from"
			if p.Out {
				direction = "to"
			}
			fmt.Fprintf(&text, " %s %s", direction, n.nameOf(p.Address))
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// nameOf returns the number of the node or script at the address, or the address
// if nothing in the network has it.
func (n *Net) nameOf(addr gossip.Address) string {
	if h := n.hosts[addr]; h != nil {
		return fmt.Sprint(h.index)
	}
	return addr.String()
}
