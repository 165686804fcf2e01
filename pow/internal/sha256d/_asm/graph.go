package main

import "math/bits"

// op is what one node of the graph does in every lane.
type op int

const (
	opConst  op = iota // a constant of the table, broadcast from memory: no instruction
	opMemory           // a vector that an earlier pass left in memory: no instruction
	opNonce            // the nonces of the group, in a register from the start
	opAdd
	opRor
	opShr
	opTern  // any function of three bits, by its truth table
	opStore // leaves a vector in memory for a later pass
)

// node is one value of the dataflow graph, a vector of 16 lanes.
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
	nodes  []*node
	consts map[konst]*node
	slots  map[int]*node
	sums   map[value]*node // values whose constant was added after all
	step   int
}

func newGraph() *graph {
	return &graph{consts: map[konst]*node{}, slots: map[int]*node{}, sums: map[value]*node{}}
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

// Truth tables of three bits x, y, z: bit number 4x+2y+z of the table is the
// function's value.
const (
	tableXor = 0x96
	tableCh  = 0xca
	tableMaj = 0xe8
)

func (g *graph) ternary(table int, x, y, z value) value {
	return value{n: g.node(opTern, table, g.vector(x), g.vector(y), g.vector(z))}
}

// mix xors three rotations of x, the last of them a shift if last is.
func (g *graph) mix(x value, r1, r2 int, last op, r3 int) value {
	n := g.vector(x)
	return value{n: g.node(opTern, tableXor, g.node(opRor, r1, n), g.node(opRor, r2, n), g.node(last, r3, n))}
}

func rotr(x uint32, n int) uint32 { return bits.RotateLeft32(x, -n) }

func (g *graph) sigma0(x value) value {
	if x.isConst() {
		return constant(call("sigma0", func(x, _, _ uint32) uint32 { return rotr(x, 7) ^ rotr(x, 18) ^ x>>3 }, x.k))
	}
	return g.mix(x, 7, 18, opShr, 3)
}

func (g *graph) sigma1(x value) value {
	if x.isConst() {
		return constant(call("sigma1", func(x, _, _ uint32) uint32 { return rotr(x, 17) ^ rotr(x, 19) ^ x>>10 }, x.k))
	}
	return g.mix(x, 17, 19, opShr, 10)
}

func (g *graph) bigSigma0(x value) value {
	if x.isConst() {
		return constant(call("bigSigma0", func(x, _, _ uint32) uint32 { return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22) }, x.k))
	}
	return g.mix(x, 2, 13, opRor, 22)
}

func (g *graph) bigSigma1(x value) value {
	if x.isConst() {
		return constant(call("bigSigma1", func(x, _, _ uint32) uint32 { return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25) }, x.k))
	}
	return g.mix(x, 6, 11, opRor, 25)
}

func (g *graph) ch(x, y, z value) value {
	if x.isConst() && y.isConst() && z.isConst() {
		return constant(call("ch", func(x, y, z uint32) uint32 { return x&y | ^x&z }, x.k, y.k, z.k))
	}
	return g.ternary(tableCh, x, y, z)
}

func (g *graph) maj(x, y, z value) value {
	if x.isConst() && y.isConst() && z.isConst() {
		return constant(call("maj", func(x, y, z uint32) uint32 { return x&y | x&z | y&z }, x.k, y.k, z.k))
	}
	return g.ternary(tableMaj, x, y, z)
}
