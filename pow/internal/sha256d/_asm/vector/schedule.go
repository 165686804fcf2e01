package main

// rotates reports whether the operation is a rotation or a shift, which fewer units
// can execute than other operations.
func (n *node) rotates() bool { return n.op == opRor || n.op == opShr || n.op == opShl }

// schedule orders the operations so that all execution units are busy. It is a greedy
// list scheduler. In each cycle it issues as many rotations as there are units for
// them, and then other operations. Among the operations that are ready, it takes the
// first in the order of the source.
//
// It looks ahead no further than the window. Once the limit of values that are alive
// is reached, it issues only the next operation of the source, or one that frees as
// many registers as it takes. So few values have to go through memory.
func schedule(order []*node, g *graph, m *machine) []*node {
	window, limit := m.window, m.alive
	uses := map[*node]int{}
	for _, n := range order {
		for _, a := range n.args {
			uses[a]++
		}
	}
	for _, r := range g.roots {
		uses[r]++ // a result stays alive until the end
	}
	issued := map[*node]int{} // the cycle of each operation, from 1
	alive := 0
	for _, n := range g.inputs {
		if uses[n] > 0 {
			alive++
		}
	}
	left := order
	var scheduled []*node

	ready := func(n *node, cycle int) bool {
		for _, b := range n.after {
			if issued[b] == 0 {
				return false
			}
		}
		for _, a := range n.args {
			if a.inMemory() || a.op == opInput {
				continue
			}
			if at, done := issued[a]; !done || at >= cycle {
				return false
			}
		}
		return true
	}
	grows := func(n *node) bool { // reports whether n takes a register and frees none
		for _, a := range n.args {
			if uses[a] == 1 && !a.inMemory() {
				return false
			}
		}
		return n.op != opStore
	}
	issue := func(n *node, cycle int) {
		issued[n] = cycle
		scheduled = append(scheduled, n)
		if n.op != opStore {
			alive++
		}
		for _, a := range n.args {
			if uses[a]--; uses[a] == 0 && !a.inMemory() {
				alive--
			}
		}
		for len(left) > 0 && issued[left[0]] > 0 {
			left = left[1:]
		}
	}
	pick := func(cycle int, fits func(n *node) bool) bool {
		for i, n := range left[:min(window, len(left))] {
			if issued[n] > 0 || !fits(n) || !ready(n, cycle) {
				continue
			}
			if i > 0 && alive >= limit && grows(n) {
				continue
			}
			issue(n, cycle)
			return true
		}
		return false
	}
	for cycle := 1; len(left) > 0; cycle++ {
		for left[0].op == opStore && ready(left[0], cycle+1) {
			issue(left[0], cycle)
			if len(left) == 0 {
				return scheduled
			}
		}
		filled := 0
		for filled < m.shifts && pick(cycle, (*node).rotates) {
			filled++
		}
		for filled < m.perCycle && pick(cycle, func(n *node) bool { return !n.rotates() }) {
			filled++
		}
	}
	return scheduled
}
