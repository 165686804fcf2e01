package lab

import (
	"github.com/lodepow/lode/lab/blocks"
	"github.com/lodepow/lode/lab/nodes"
)

// startSplits lets the network fall into parts and heal, until the last block has been found.
func (r *realRun) startSplits() {
	for i, o := range r.x.Outages(r.seed) {
		var groups [][]*nodes.Node
		parts := make([]int, r.x.Nodes)
		for p, part := range o.Parts {
			var group []*nodes.Node
			for _, v := range part {
				parts[v] = p
				group = append(group, r.net.Nodes[v])
			}
			groups = append(groups, group)
		}
		r.net.After(o.From, func() {
			if !r.over() {
				r.healing, r.parts = nil, parts
				r.net.Split(groups...)
			}
		})
		r.net.After(o.Until, func() {
			if !r.over() {
				r.net.Heal()
				r.parts = nil
				r.healing, r.healed = r.tree.record.Healing(i), r.net.Now()
				r.agree()
			}
		})
	}
}

// over reports whether the last block has been found.
func (r *realRun) over() bool { return r.found >= r.x.Blocks }

// agree ends a healing if all honest nodes that are up have the same tip.
func (r *realRun) agree() {
	if r.healing == nil {
		return
	}
	var first *nodes.Node
	for i, node := range r.net.Nodes {
		switch {
		case !node.Up() || r.isStrategist(i):
		case first == nil:
			first = node
		case node.Chain().Tip().Hash != first.Chain().Tip().Hash:
			return
		}
	}
	if first == nil {
		return
	}
	r.healing.Agreement = r.net.Now() - r.healed
	r.healing = nil
}

func (r *realRun) isStrategist(node int) bool {
	for _, s := range r.x.Strategists {
		if s.Node == node {
			return true
		}
	}
	return false
}

// noteReorg notes how many blocks a node has disconnected before the nodes agree after a split.
func (r *realRun) noteReorg(depth int) {
	if r.healing != nil {
		r.healing.Reorg = max(r.healing.Reorg, depth)
	}
}

// checkRealSplits refuses splits after which the parts would connect themselves anew: the links
// of real nodes are those of the topology.
func checkRealSplits(x blocks.Experiment, refuse func(string, ...any) error) error {
	switch x.Topology.Shape {
	case blocks.Clique, blocks.Listed, blocks.Own:
		return nil
	}
	if len(x.Splits) == 0 {
		return nil
	}
	return refuse("splits: the parts of a network of the shape %q find new neighbours, and real nodes keep those of the topology: take the shape %q, or %q", x.Topology.Shape, blocks.Clique, blocks.Listed)
}
