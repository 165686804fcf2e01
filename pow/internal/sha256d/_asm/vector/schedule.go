package main

// Fewer units take a rotate or shift than take anything else.
func (n *node) rotates() bool { return n.op == opRor || n.op == opShr || n.op == opShl }

// schedule orders the operations so that all units have work all the time: a
// greedy list scheduler. In each cycle it issues as many rotates as there are
// units for them, and fills up with other operations, of those that are ready
// the first in the order of the source. It looks no further ahead than the
// window, and not for anything new while as many values as the limit are alive,
// so that few go through memory.
func schedule(order []*node, m *machine) []*node {
	window, limit := m.window, m.alive
	uses := map[*node]int{}
	for _, n := range order {
		for _, a := range n.args {
			uses[a]++
		}
	}
	issued := map[*node]int{} // cycle, from 1
	alive := 0
	left := order
	var scheduled []*node

	ready := func(n *node, cycle int) bool {
		for _, a := range n.args {
			if a.inMemory() || a.op == opNonce {
				continue
			}
			if at, done := issued[a]; !done || at >= cycle {
				return false
			}
		}
		return true
	}
	grows := func(n *node) bool { // needs a register more than it frees
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
