package main

import "slices"

// mingle orders the operations of a round so that rotations, which fewer units can
// execute, are evenly distributed among the others. Otherwise it keeps the order of the
// source. It was measured on Zen 5: if rotations follow each other, the unit of a rotation
// has often been promised to another operation.
func mingle(nodes []*node) []*node {
	rotations, pending := 0, map[*node]bool{}
	for _, n := range nodes {
		pending[n] = true
		if n.rotates() {
			rotations++
		}
	}
	ready := func(n *node) bool {
		for _, before := range slices.Concat(n.args, n.after) {
			if pending[before] {
				return false
			}
		}
		return pending[n]
	}
	var ordered []*node
	rotated := 0
	for len(ordered) < len(nodes) {
		rotation := rotated*len(nodes) <= rotations*len(ordered)
		next := slices.IndexFunc(nodes, func(n *node) bool { return ready(n) && n.rotates() == rotation })
		if next < 0 {
			next = slices.IndexFunc(nodes, ready)
		}
		n := nodes[next]
		delete(pending, n)
		ordered = append(ordered, n)
		if n.rotates() {
			rotated++
		}
	}
	return ordered
}
