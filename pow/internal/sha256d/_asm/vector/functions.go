package main

import "github.com/lodepow/lode/pow/internal/sha256d/_asm/sha256"

// This file expresses the functions of SHA-256 in operations of the machine.

// Truth tables of functions of three bits x, y and z. Bit number 4x+2y+z of a table is
// the value of the function.
const (
	tableXor = 0x96
	tableCh  = 0xca
	tableMaj = 0xe8
)

func (g *graph) ternary(table int, x, y, z value) value {
	return value{n: g.node(opTern, table, g.vector(x), g.vector(y), g.vector(z))}
}

// xor returns the exclusive or of x and y. If it is asked for the same pair again, it
// returns the same node, so the operation is executed once.
func (g *graph) xor(x, y value) value {
	if x.isConst() && y.isConst() {
		return constant(call("xor", func(x, y, _ uint32) uint32 { return x ^ y }, x.k, y.k))
	}
	pair := [2]*node{g.vector(x), g.vector(y)}
	if g.xors[pair].n == nil {
		g.xors[pair] = value{n: g.node(opXor, 0, pair[:]...)}
	}
	return g.xors[pair]
}

func (g *graph) and(x, y value) value { return value{n: g.node(opAnd, 0, g.vector(x), g.vector(y))} }

// mix returns the exclusive or of three rotations of x. The third is a shift instead
// if last is opShr. On a machine without rotations, each of them is made of two
// shifts.
func (g *graph) mix(x value, r1, r2 int, last op, r3 int) value {
	n := g.vector(x)
	if g.m.ternary {
		return value{n: g.node(opTern, tableXor, g.node(opRor, r1, n), g.node(opRor, r2, n), g.node(last, r3, n))}
	}
	shift := func(o op, by int) value { return value{n: g.node(o, by, n)} }
	right := g.xor(g.xor(shift(opShr, r1), shift(opShr, r2)), shift(opShr, r3))
	left := g.xor(shift(opShl, 32-r1), shift(opShl, 32-r2))
	if last == opRor {
		left = g.xor(left, shift(opShl, 32-r3))
	}
	return g.xor(right, left)
}

func (g *graph) sigma0(x value) value {
	if x.isConst() {
		return constant(call("sigma0", func(x, _, _ uint32) uint32 { return sha256.SmallSigma0(x) }, x.k))
	}
	return g.mix(x, 7, 18, opShr, 3)
}

func (g *graph) sigma1(x value) value {
	if x.isConst() {
		return constant(call("sigma1", func(x, _, _ uint32) uint32 { return sha256.SmallSigma1(x) }, x.k))
	}
	return g.mix(x, 17, 19, opShr, 10)
}

func (g *graph) bigSigma0(x value) value {
	if x.isConst() {
		return constant(call("bigSigma0", func(x, _, _ uint32) uint32 { return sha256.BigSigma0(x) }, x.k))
	}
	return g.mix(x, 2, 13, opRor, 22)
}

func (g *graph) bigSigma1(x value) value {
	if x.isConst() {
		return constant(call("bigSigma1", func(x, _, _ uint32) uint32 { return sha256.BigSigma1(x) }, x.k))
	}
	return g.mix(x, 6, 11, opRor, 25)
}

func (g *graph) ch(x, y, z value) value {
	switch {
	case x.isConst() && y.isConst() && z.isConst():
		return constant(call("ch", sha256.Ch, x.k, y.k, z.k))
	case g.m.ternary:
		return g.ternary(tableCh, x, y, z)
	}
	return g.xor(z, g.and(x, g.xor(y, z)))
}

// maj returns the majority. Without a ternary operation, it uses the exclusive or of x
// and y and that of y and z. In the next round x and y will be y and z, so one of the
// two is already known there.
func (g *graph) maj(x, y, z value) value {
	switch {
	case x.isConst() && y.isConst() && z.isConst():
		return constant(call("maj", sha256.Maj, x.k, y.k, z.k))
	case g.m.ternary:
		return g.ternary(tableMaj, x, y, z)
	}
	return g.xor(y, g.and(g.xor(x, y), g.xor(y, z)))
}
