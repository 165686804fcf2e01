package main

// op is what one node of the graph does in every lane.
type op int

const (
	opConst  op = iota // a constant of the table, broadcast from memory: no instruction
	opMemory           // a vector that an earlier pass left in memory: no instruction
	opNonce            // the nonces of the group, in a register from the start
	opAdd
	opXor
	opAnd
	opRor
	opShr
	opShl
	opTern  // any function of three bits, by its truth table
	opStore // leaves a vector in memory for a later pass
)

// node is one value of the dataflow graph, a vector.
type node struct {
	op   op
	args []*node
	imm  int // rotation, shift, truth table, or place in memory
	k    konst

	step int // round or so: interleaved hashes are in step
}

func (n *node) inMemory() bool { return n.op == opConst || n.op == opMemory }

// value is what rounds compute with: a constant, or a node plus a constant that
// was not added yet. Constants meet others on their way and fold, so that most
// of them cost one addition where SHA-256 has three.
type value struct {
	n *node
	k konst
}

func constant(k konst) value { return value{k: k} }

func (v value) isConst() bool { return v.n == nil }

// graph is the dataflow of one pass.
type graph struct {
	m      *machine
	nodes  []*node
	consts map[konst]*node
	slots  map[int]*node
	sums   map[value]*node // values whose constant was added after all
	xors   map[[2]*node]value
	step   int
}

func newGraph(m *machine) *graph {
	return &graph{
		m: m, consts: map[konst]*node{}, slots: map[int]*node{},
		sums: map[value]*node{}, xors: map[[2]*node]value{},
	}
}

func (g *graph) node(o op, imm int, args ...*node) *node {
	n := &node{op: o, imm: imm, args: args, step: g.step}
	g.nodes = append(g.nodes, n)
	return n
}

func (g *graph) konst(k konst) *node {
	if g.consts[k] == nil {
		g.consts[k] = &node{op: opConst, k: k}
	}
	return g.consts[k]
}

// memory is the vector that an earlier pass left in that slot.
func (g *graph) memory(slot int) value {
	if g.slots[slot] == nil {
		g.slots[slot] = &node{op: opMemory, imm: slot}
	}
	return value{n: g.slots[slot]}
}

// vector returns the value as one node.
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

// settle adds a value's constant now.
func (g *graph) settle(v value) value {
	if v.isConst() {
		return v
	}
	return value{n: g.vector(v)}
}

// add sums values from left to right. All constants become one, added first;
// next to a single vector it stays pending.
func (g *graph) add(values ...value) value {
	var sum konst
	var vectors []*node
	for _, v := range values {
		if v.n != nil && g.sums[v] != nil {
			v = value{n: g.sums[v]} // added before: free
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
