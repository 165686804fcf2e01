package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // assembly reads better so
	"github.com/mmcloughlin/avo/operand"
)

// This file writes the compression function of SHA-256 for a different message in each
// lane. It has none of the shortcuts of mining, because every word may be different.
//
// A turn of its first loop runs four rounds and computes the four words that are used
// 16 rounds later. A turn of its second loop runs four of the last 16 rounds, after
// which no words are needed. All 64 words are in memory, one after another.
const (
	blockWords = 16
	allRounds  = 64
	wordTurns  = (allRounds - blockWords) / roundsATurn
	lastTurns  = blockWords / roundsATurn
)

// blockSections returns the sections of the compression function. At its beginning and
// its end, the pointer atRounds is that of the state.
func blockSections() []section {
	return []section{
		{name: "load", turns: 1, graph: loadBlock},
		{name: "rounds with words", turns: wordTurns, graph: blockTurn(true)},
		{name: "last rounds", turns: lastTurns, graph: blockTurn(false)},
		{name: "store", turns: 1, graph: storeState},
	}
}

// loadBlock copies the words of the block, to which the pointer atWords points, to the
// scratch memory, and loads the state.
func loadBlock(g *graph) {
	for i := range blockWords {
		g.store(address{vector: i}, g.memory(address{atWords, i}))
	}
	var s state
	for i := range s {
		s[i] = g.memory(address{atRounds, i})
	}
	g.leaveAll(s)
}

// enterAll returns a state that is in registers as a whole.
func (g *graph) enterAll() (s state) {
	for i := range s {
		s[i] = g.input(i)
	}
	if !g.m.ternary {
		g.xors[pair(s[1], s[2])] = g.input(len(s))
	}
	return s
}

// leaveAll leaves a whole state in registers.
func (g *graph) leaveAll(s state) {
	for i := range s {
		g.output(i, s[i])
	}
	if !g.m.ternary {
		g.output(len(s), g.xor(s[1], s[2]))
	}
}

// blockTurn returns a turn of one of the loops.
func blockTurn(withWords bool) func(*graph) {
	return func(g *graph) {
		var w message
		for i := range blockWords {
			w[i] = g.memory(address{atWords, i})
		}
		s := g.enterAll()
		for i := range roundsATurn {
			g.step = i
			s = g.round(s, g.add(w[i], value{n: g.series(i)}))
			if withWords {
				g.expand(&w, blockWords+i)
				g.store(address{atWords, blockWords + i}, w[blockWords+i])
			}
		}
		g.leaveAll(s)
	}
}

// storeState adds the state from before the block, and stores the sum in its place.
func storeState(g *graph) {
	s := g.enterAll()
	for i := range s {
		at := address{atRounds, i}
		g.store(at, g.add(s[i], g.memory(at)))
	}
}

// block emits the compression function. parts are those of blockSections.
func (e *emitter) block(name string, parts []part) {
	size := e.m.vectorBytes()
	constants := GLOBL(e.m.name+"Rounds", RODATA|NOPTR)
	for i, constant := range k {
		for lane := range e.m.constantBytes() / 4 {
			DATA(i*e.m.constantBytes()+4*lane, operand.U32(constant))
		}
	}
	vectors := 0
	for _, p := range parts {
		vectors = max(vectors, p.vectors)
	}

	TEXT(name, 0, "func(state, block *uint32)")
	Pragma("noescape")
	Doc(name+" is the compression function of SHA-256 for a different state and block in each",
		"lane. Both consist of vectors, one for each of their words. It replaces the state by the new one.")
	Load(Param("state"), rounds)
	Load(Param("block"), words)
	LEAQ(AllocLocal(e.m.vectorBytes()*vectors+alignment), scratch)
	e.align()
	ADDQ(operand.I32(size*middle), rounds)
	ADDQ(operand.I32(size*middle), words)
	LEAQ(constants, series)
	e.bias = [3]int{middle, middle, middle}
	e.emit(parts[0].code)
	MOVQ(scratch, words)
	last := 0
	for _, p := range parts[1:3] {
		last += p.turns * roundsATurn
		LEAQ(operand.Mem{Base: scratch, Disp: last * size}, end)
		label := map[int]string{wordTurns: "words", lastTurns: "rounds"}[p.turns]
		Label(label)
		e.emit(p.code)
		ADDQ(operand.I32(roundsATurn*size), words)
		ADDQ(operand.I32(roundsATurn*e.m.constantBytes()), series)
		CMPQ(words, end)
		JNE(operand.LabelRef(label))
	}
	e.emit(parts[3].code)
	VZEROUPPER()
	RET()
}
