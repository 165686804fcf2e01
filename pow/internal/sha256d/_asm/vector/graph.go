package main

import "slices"

// op is the operation of a node, applied to every lane.
type op int

const (
	opConst  op = iota // a constant of the table; no instruction, but a memory operand
	opSeries           // a constant that is another one in every turn of a loop; also a memory operand
	opMemory           // a vector that an earlier part has stored; also a memory operand
	opInput            // a vector that is in a register from the start
	opAdd
	opXor
	opAnd
	opRor
	opShr
	opShl
	opTern  // any function of three bits, given by its truth table
	opStore // stores a vector for a later part
)

// base is the pointer that a vector in memory is addressed from.
type base int

const (
	atScratch base = iota // does not move
	atRounds              // moves by roundsATurn slots in each turn of a loop
	atWords               // moves by wordsATurn slots in each turn of a loop
)

// address is the location of a vector in the scratch memory. In a loop, vector is that
// of the first turn.
type address struct {
	base   base
	vector int
}

// node is an operation of the dataflow graph. Its result is a vector.
type node struct {
	op   op
	args []*node
	imm  int     // distance of a rotation or shift, truth table, or position in the series
	k    konst   // of opConst
	at   address // of opMemory and opStore

	after []*node // operations that must come before this one, because they write what it reads, or read what it overwrites
	from  *node   // of opMemory: the store in the same part, or nil if an earlier part has stored it
	step  int     // position in the order of the source; computations that are interleaved are merged by it
}

func (n *node) isConst() bool  { return n.op == opConst || n.op == opSeries }
func (n *node) inMemory() bool { return n.isConst() || n.op == opMemory }

// value is an operand of a round: the sum of a node and a constant. The addition of
// the constant is deferred, so that constants that are added one after another fold
// into one.
type value struct {
	n *node // nil if the value is a constant
	k konst
}

func constant(k konst) value { return value{k: k} }

func (v value) isConst() bool { return v.n == nil }

// graph is the dataflow graph of one part of a kernel that has no jumps.
type graph struct {
	m      *machine
	nodes  []*node // in the order of the source; without constants and memory
	consts map[konst]*node
	slots  map[address]*node
	inputs []*node
	roots  []*node         // what the part is for: its stores and its results
	goals  []int           // registers of the results; -1 for stores
	sums   map[value]*node // the nodes of values whose constant has been added
	xors   map[[2]*node]value
	step   int // of the nodes that are added now
}

func newGraph(m *machine) *graph {
	return &graph{
		m: m, consts: map[konst]*node{}, slots: map[address]*node{},
		sums: map[value]*node{}, xors: map[[2]*node]value{},
	}
}

func (g *graph) node(o op, imm int, args ...*node) *node {
	n := &node{op: o, imm: imm, args: args, step: g.step}
	for _, a := range args {
		switch {
		case a.from != nil:
			n.after = append(n.after, a.from)
		case a.op == opMemory && g.slots[a.at] != a:
			panic("a vector in memory is read after it was overwritten")
		}
	}
	g.nodes = append(g.nodes, n)
	return n
}

func (g *graph) konst(k konst) *node {
	if g.consts[k] == nil {
		g.consts[k] = &node{op: opConst, k: k}
	}
	return g.consts[k]
}

// series returns the constant at position i of those of the loop's current turn.
func (g *graph) series(i int) *node { return &node{op: opSeries, imm: i} }

// memory returns the vector that was stored last at an address, by this part or before.
func (g *graph) memory(at address) value {
	if g.slots[at] == nil {
		g.slots[at] = &node{op: opMemory, at: at}
	}
	return value{n: g.slots[at]}
}

// reload returns the vector that a store of this part has stored at another address that
// means the same place at that time.
func (g *graph) reload(at address, store *node) value {
	return value{n: &node{op: opMemory, at: at, from: store}}
}

// store stores a vector for a later part, and returns the operation.
func (g *graph) store(at address, v value) *node {
	n := g.node(opStore, 0, g.vector(v))
	n.at = at
	if old := g.slots[at]; old != nil {
		for _, reader := range g.nodes {
			if slices.Contains(reader.args, old) {
				n.after = append(n.after, reader)
			}
		}
	}
	g.slots[at] = g.reload(at, n).n
	g.roots, g.goals = append(g.roots, n), append(g.goals, -1)
	return n
}

// input returns the vector that is in the given register at the start.
func (g *graph) input(register int) value {
	n := &node{op: opInput, imm: register}
	g.inputs = append(g.inputs, n)
	return value{n: n}
}

// output leaves the value in the given register at the end.
func (g *graph) output(register int, v value) {
	n := g.vector(v)
	if n.op == opConst {
		n = &node{op: opConst, k: n.k} // it may be the result in several registers
	}
	g.roots, g.goals = append(g.roots, n), append(g.goals, register)
}

// pair returns the nodes of two values whose constants have been added.
func pair(x, y value) [2]*node { return [2]*node{x.n, y.n} }

// vector returns a node for the value, and adds its constant if need be.
func (g *graph) vector(v value) *node {
	switch {
	case v.isConst():
		return g.konst(v.k)
	case v.k.isZero():
		return v.n
	case g.sums[v] == nil:
		g.sums[v] = g.node(opAdd, 0, v.n, g.konst(v.k))
	}
	return g.sums[v]
}

// settle returns the value with its constant added, so that it is not deferred any
// longer.
func (g *graph) settle(v value) value {
	if v.isConst() {
		return v
	}
	return value{n: g.vector(v)}
}

// add returns the sum of values, added from left to right. Their constants fold into
// one, which is added first. If there is only one vector, the addition of the
// constant is deferred.
func (g *graph) add(values ...value) value {
	var sum konst
	var vectors []*node
	for _, v := range values {
		if v.n != nil && g.sums[v] != nil {
			v = value{n: g.sums[v]} // the constant has been added already
		}
		sum = sum.plus(v.k)
		if v.n != nil {
			vectors = append(vectors, v.n)
		}
	}
	if len(vectors) == 0 {
		return constant(sum)
	}
	if len(vectors) == 1 {
		return value{vectors[0], sum}
	}
	total := g.vector(value{vectors[0], sum})
	for _, n := range vectors[1:] {
		total = g.node(opAdd, 0, total, n)
	}
	return value{n: total}
}
