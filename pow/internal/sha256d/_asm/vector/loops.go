package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // assembly reads better so
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// General registers of the loops, in addition to those in emit.go.
var (
	found  = reg.EDX  // lanes of the group in which some version has a candidate
	mask   = reg.R12L // lanes in which the current version has a candidate
	mask16 = reg.R12W // the same
	left   = reg.RSI  // number of versions left, including the current one
	masks  = reg.RDI  // where the mask of the current version is stored
	passes = reg.R13  // number of versions of the job
)

// text emits the beginning of a kernel.
func (e *emitter) text(name, about string, group, version *pass) {
	TEXT(name, 0, "func(job, versions *uint32, count int, first uint32, groups int, limit uint32, masks *uint16) (done int, found uint32)")
	Pragma("noescape")
	Doc(name+" hashes groups of nonces, one in each lane, from first on, with every version, until a group has",
		"a candidate. "+about+" It returns the number of groups that",
		"were hashed, including that one, and in found a bit for each lane with a candidate. For each",
		"version, it stores the bits of its candidates in masks.")
	e.begin(max(group.slots, version.slots))
	Load(Param("count"), passes)
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
func (e *emitter) kernel(name, about string, group, version *pass) {
	e.text(name, about, group, version)
	if e.m.overlaps {
		e.overlapping(name, group, version)
	} else {
		e.plain(name, group, version)
	}
	e.out()
	e.compareNumbers(name, version.result)
}

// plain emits the loops around passes that compute a whole hash.
func (e *emitter) plain(name string, group, version *pass) {
	XORL(found, found)
	Label("group")
	e.nonces()
	e.emit(group.code)
	Load(Param("versions"), versions)
	Load(Param("masks"), masks)
	MOVQ(passes, left)
	Label("pass")
	e.emit(version.code)
	e.compare(name, version.result, mask)
	MOVW(mask16, operand.Mem{Base: masks})
	ADDQ(operand.U8(2), masks)
	ORL(mask, found)
	ADDQ(operand.I32(e.m.constantBytes()*len(e.table.version)), versions)
	DECQ(left)
	JNE(operand.LabelRef("pass"))
	ADDL(operand.U8(e.m.lanes), first)
	INCQ(done)
	TESTL(found, found)
	JNE(operand.LabelRef("out"))
	CMPQ(done, groups)
	JLT(operand.LabelRef("group"))
}

// overlapping emits the loops around passes that begin one hash and complete the hash
// that the previous pass has begun. So the first pass of a group completes the last
// hash of the previous group, and the very first pass completes nothing.
func (e *emitter) overlapping(name string, group, version *pass) {
	DECQ(done)
	Label("group")
	e.nonces()
	e.emit(group.code)
	Load(Param("versions"), versions)
	MOVQ(passes, left)
	Label("pass")
	e.emit(version.code)
	e.compare(name, version.result, mask)
	CMPQ(left, passes)
	JEQ(operand.LabelRef("complete"))
	MOVW(mask16, operand.Mem{Base: masks})
	ADDQ(operand.U8(2), masks)
	ORL(mask, found)
	Label("next")
	ADDQ(operand.I32(e.m.constantBytes()*len(e.table.version)), versions)
	DECQ(left)
	JNE(operand.LabelRef("pass"))
	ADDL(operand.U8(e.m.lanes), first)
	JMP(operand.LabelRef("group"))

	Label("complete")
	INCQ(done)
	JEQ(operand.LabelRef("begin"))
	MOVW(mask16, operand.Mem{Base: masks})
	ORL(mask, found)
	JNE(operand.LabelRef("out"))
	CMPQ(done, groups)
	JGE(operand.LabelRef("out"))
	Label("begin")
	XORL(found, found)
	Load(Param("masks"), masks)
	JMP(operand.LabelRef("next"))
}
