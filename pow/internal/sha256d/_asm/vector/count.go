package main

import (
	"fmt"
	"slices"
)

// live returns the nodes that the roots depend on. They are in the order of the
// source, and hashes that are interleaved are merged step by step.
func live(g *graph) []*node {
	needed := map[*node]bool{}
	var visit func(n *node)
	visit = func(n *node) {
		if needed[n] || n.inMemory() || n.op == opInput {
			return
		}
		needed[n] = true
		for _, a := range n.args {
			visit(a)
		}
	}
	for _, r := range g.roots {
		visit(r)
	}
	var order []*node
	for _, n := range g.nodes {
		if needed[n] {
			order = append(order, n)
		}
	}
	slices.SortStableFunc(order, func(a, b *node) int { return a.step - b.step })
	return settle(order)
}

// settle moves every node behind the nodes that it needs.
func settle(order []*node) []*node {
	pending := map[*node]bool{}
	for _, n := range order {
		pending[n] = true
	}
	var settled []*node
	var visit func(n *node)
	visit = func(n *node) {
		if !pending[n] {
			return
		}
		delete(pending, n)
		for _, before := range slices.Concat(n.args, n.after) {
			visit(before)
		}
		settled = append(settled, n)
	}
	for _, n := range order {
		visit(n)
	}
	return settled
}

// counts is the number of vector operations in a pass, by their kind.
type counts struct{ add, logic, rotate, shift, compare int }

// plus returns the sum of c and of d times the number of turns.
func (c counts) plus(d counts, turns int) counts {
	return counts{
		c.add + turns*d.add, c.logic + turns*d.logic, c.rotate + turns*d.rotate, c.shift + turns*d.shift,
		c.compare + turns*d.compare,
	}
}

func (c counts) total() int { return c.add + c.logic + c.rotate + c.shift + c.compare }

// count counts the operations. It leaves out loads, stores and moves between
// registers, because they do not use the execution units that limit the speed.
func count(order []*node) (c counts) {
	for _, n := range order {
		switch n.op {
		case opAdd:
			c.add++
		case opTern, opXor, opAnd:
			c.logic++
		case opRor:
			c.rotate++
		case opShr, opShl:
			c.shift++
		}
	}
	return c
}

func (c counts) text(name string) string {
	return fmt.Sprintf("%s: %d operations: %d add, %d logic, %d rotate, %d shift, %d compare",
		name, c.total(), c.add, c.logic, c.rotate, c.shift, c.compare)
}
