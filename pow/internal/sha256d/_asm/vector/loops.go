package main

import (
	"slices"
	"strconv"

	. "github.com/mmcloughlin/avo/build" //nolint:revive // assembly reads better so
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// General registers of the loops, in addition to those in emit.go.
var (
	found = reg.RDX // lanes of the group in which some version has a candidate
	mask  = reg.R12 // lanes in which the current version has a candidate
	some  = reg.R14 // the same for one of the streams; in loops, the register is rounds
	left  = reg.RSI // number of versions left, including the current one
	end   = reg.R13 // the end of the loop's words
	masks = reg.RDI // where the mask of the current version is stored
)

// kernel is the code of a kernel: what it does once in a call, once for each group, and
// once for each version of each group.
type kernel struct{ start, group, version []part }

// vectors returns the number of vectors that a kernel needs in the scratch memory.
func (k kernel) vectors() (n int) {
	for _, p := range slices.Concat(k.start, k.group, k.version) {
		n = max(n, p.vectors)
	}
	return n
}

// text emits the beginning of a kernel.
func (e *emitter) text(name, about string, k kernel) {
	TEXT(name, 0, "func(job, versions *uint32, count int, first uint32, groups int, limit uint32, masks *uint64, memory *byte) (done int, found uint64)")
	Pragma("noescape")
	Doc(name+" hashes groups of nonces, one in each lane of "+e.m.vectorsOfGroup()+", from first on, with every version,",
		"until a group has a candidate. "+about+" It returns the number of groups that",
		"were hashed, including that one, and in found a bit for each lane with a candidate. For each",
		"version, it stores the bits of its candidates in masks. memory is the scratch memory.")
	e.begin()
	e.parts("start", k.start)
}

// parts emits parts one after another, with the loops around those that have several
// turns.
func (e *emitter) parts(label string, parts []part) {
	for i, p := range parts {
		if p.turns == 1 {
			e.emit(p.code)
			continue
		}
		label := label + strconv.Itoa(i)
		size := e.m.vectorBytes()
		LEAQ(e.turns, series)
		e.bias = p.bias(e.m)
		LEAQ(operand.Mem{Base: scratch, Disp: size * (e.bias[atWords] - middle)}, words)
		LEAQ(operand.Mem{Base: scratch, Disp: size * (e.bias[atRounds] - middle)}, rounds)
		LEAQ(operand.Mem{Base: words, Disp: turns * wordsATurn * size * e.m.streams}, end)
		Label(label)
		e.emit(p.code)
		ADDQ(operand.I32(roundsATurn*size*e.m.streams), rounds)
		ADDQ(operand.I32((2*roundsATurn+wordsATurn)*e.m.constantBytes()), series)
		ADDQ(operand.I32(wordsATurn*size*e.m.streams), words)
		CMPQ(words, end)
		JNE(operand.LabelRef(label))
	}
}

// out emits the end of a kernel.
func (e *emitter) out() {
	Label("out")
	VZEROUPPER()
	Store(done, Return("done"))
	Store(found, Return("found"))
	RET()
}

// kernel emits a kernel: for each group, one pass that its versions share, and then
// one pass for each version.
func (e *emitter) kernel(name, about string, k kernel) {
	e.text(name, about, k)
	e.passes(name, k)
	e.out()
	e.compareNumbers(name)
}

// passes emits the loops around the passes.
func (e *emitter) passes(name string, k kernel) {
	XORL(reg.EDX, reg.EDX)
	Label("group")
	if len(k.group) > 0 {
		e.nonces()
		e.parts("group", k.group)
	}
	Load(Param("versions"), versions)
	Load(Param("masks"), masks)
	Load(Param("count"), left)
	Label("pass")
	e.nonces()
	e.parts("pass", k.version)
	e.compare(name)
	MOVQ(mask, operand.Mem{Base: masks})
	ADDQ(operand.U8(8), masks)
	ORQ(mask, found)
	ADDQ(operand.I32(e.m.constantBytes()*len(e.table.version)), versions)
	DECQ(left)
	JNE(operand.LabelRef("pass"))
	ADDL(operand.U8(e.m.lanes*e.m.streams), first)
	INCQ(done)
	TESTQ(found, found)
	JNE(operand.LabelRef("out"))
	CMPQ(done, groups)
	JLT(operand.LabelRef("group"))
}
