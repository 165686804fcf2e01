package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // assembly reads better so
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// What the loops need beside the registers of every kernel.
var (
	found  = reg.EDX
	mask   = reg.R12L
	mask16 = reg.R12W
	left   = reg.RSI // versions
	masks  = reg.RDI
	passes = reg.R13 // versions of a job
)

func (e *emitter) text(name, about string, group, version *pass) {
	TEXT(name, 0, "func(job, versions *uint32, count int, first uint32, groups int, limit uint32, masks *uint16) (done int, found uint32)")
	Pragma("noescape")
	Doc(name+" hashes groups of nonces, one a lane, from first, with every version, up to the first group",
		"with a candidate, "+about+". It returns the groups done, that one included,",
		"and whether there is one, and leaves its candidate lanes in masks, one a version.")
	e.begin(max(group.slots, version.slots))
	Load(Param("count"), passes)
}

func (e *emitter) out() {
	Label("out")
	VZEROUPPER()
	Store(done, Return("done"))
	Store(found, Return("found"))
	RET()
}

// kernel emits the loops around a first pass for each group and one for each
// version.
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

// overlapping: a pass completes the hash that the pass before began, so the
// first pass over a group completes the group before, and the first of all
// completes nothing.
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
