package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build" //nolint:revive // assembly reads better so
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// General registers, the same in all kernels.
var (
	job      = reg.RAX // its constants
	versions = reg.RBX // their constants
	scratch  = reg.RCX // aligned memory for vectors
	first    = reg.R8L // first nonce of the group
	groups   = reg.R9
	done     = reg.R10 // groups
	limit    = reg.R11L
)

// emitter turns allocated code into Go assembly.
type emitter struct {
	table       *table
	iota_, swap operand.Mem
}

var zmm = [registers]reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

var compares = []reg.OpmaskPhysical{reg.K1, reg.K2, reg.K3, reg.K4}

// newEmitter lays down the vectors that turn a nonce into the words of 16 lanes.
func newEmitter(t *table) *emitter {
	e := &emitter{table: t}
	e.iota_ = GLOBL("lanes", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, operand.U32(i))
	}
	e.swap = GLOBL("swap", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, operand.U32(0x00010203+0x04040404*(i%4)))
	}
	return e
}

// number is a constant of the job's table.
func (e *emitter) number(n uint32) operand.Mem {
	return operand.Mem{Base: job, Disp: 4 * e.table.index[number(n)]}
}

func (e *emitter) operand(p place) operand.Op {
	switch p.in {
	case inRegister:
		return zmm[p.reg]
	case inScratch:
		return operand.Mem{Base: scratch, Disp: 64 * p.reg}
	}
	i := e.table.index[p.k.k]
	if p.k.k.ofVersion() {
		return operand.Mem{Base: versions, Disp: 4 * i}
	}
	return operand.Mem{Base: job, Disp: 4 * i}
}

func (e *emitter) emit(code []instruction) {
	for _, i := range code {
		b, dst, imm := e.operand(i.b), zmm[i.dst], operand.U8(i.imm)
		constant := i.b.in == inTable
		switch i.do {
		case doAdd:
			if constant {
				VPADDD_BCST(b, zmm[i.a], dst)
			} else {
				VPADDD(b, zmm[i.a], dst)
			}
		case doRor:
			VPRORD(imm, b, dst)
		case doShr:
			VPSRLD(imm, b, dst)
		case doTern:
			if constant {
				VPTERNLOGD_BCST(imm, b, zmm[i.a], dst)
			} else {
				VPTERNLOGD(imm, b, zmm[i.a], dst)
			}
		case doMove:
			VMOVDQA64(zmm[i.a], dst)
		case doLoad:
			if constant {
				VPBROADCASTD(b, dst)
			} else {
				VMOVDQU64(b, dst)
			}
		case doStore:
			VMOVDQU64(zmm[i.a], b)
		case doBroadcast:
			VPBROADCASTD(b, dst)
		}
	}
}

// begin loads what every kernel gets.
func (e *emitter) begin(vectors int) {
	Load(Param("job"), job)
	Load(Param("versions"), versions)
	Load(Param("first"), first)
	Load(Param("groups"), groups)
	Load(Param("limit"), limit)
	XORL(reg.R10L, reg.R10L)
	LEAQ(AllocLocal(64*vectors+64), scratch)
	ADDQ(operand.U8(63), scratch)
	ANDQ(operand.I8(-64), scratch)
}

// nonces fills register 0 with the group's nonces as words of the message.
func (e *emitter) nonces() {
	VPBROADCASTD(first, reg.Z0)
	VPADDD(e.iota_, reg.Z0, reg.Z0)
	VPSHUFB(e.swap, reg.Z0, reg.Z0)
}

// compare turns results into masks, in compares. Where the limit is zero, as for
// any target of difficulty 1 or harder, one comparison decides; other limits
// need the word as a number.
func (e *emitter) compare(label string, results []int) {
	TESTL(limit, limit)
	JNE(operand.LabelRef(label + "Number"))
	for i, r := range results {
		VPCMPEQD_BCST(e.number(-decides&0xffffffff), zmm[r], compares[i])
	}
	Label(label + "Compared")
}

// compareNumbers is the other half of compare, out of the way.
func (e *emitter) compareNumbers(label string, results []int) {
	Label(label + "Number")
	spare := 0
	for slices.Contains(results, spare) {
		spare++
	}
	bound := zmm[spare]
	VPBROADCASTD(limit, bound)
	for i, r := range results {
		z := zmm[r]
		VPADDD_BCST(e.number(decides&0xffffffff), z, z)
		VPSHUFB(e.swap, z, z)
		VPCMPUD(operand.U8(2), bound, z, compares[i]) // at most
	}
	JMP(operand.LabelRef(label + "Compared"))
}

// kernel emits the loops around a first pass for each group and one for each
// version. A pass completes the hash that
// the pass before began, so the first pass over a group completes the group
// before, and the first of all completes nothing.
func (e *emitter) kernel(name, about string, group, version *pass) {
	TEXT(name, 0, "func(job, versions *uint32, count int, first uint32, groups int, limit uint32, masks *uint16) (done int, found uint32)")
	Pragma("noescape")
	Doc(name+" hashes groups of 16 nonces, from first, with every version, up to the first group with a",
		"candidate, "+about+". It returns the groups done, that one included, and whether there is one, and leaves its",
		"candidate lanes in masks, one a version.")
	e.begin(max(group.slots, version.slots))
	found, mask, left, masks, passes := reg.EDX, reg.R12L, reg.RSI, reg.RDI, reg.R13
	Load(Param("count"), passes)
	DECQ(done)
	Label("group")
	e.nonces()
	e.emit(group.code)
	Load(Param("versions"), versions)
	MOVQ(passes, left)
	Label("pass")
	e.emit(version.code)
	e.compare(name, version.results)
	KMOVW(compares[0], mask)
	CMPQ(left, passes)
	JEQ(operand.LabelRef("complete"))
	MOVW(reg.R12W, operand.Mem{Base: masks})
	ADDQ(operand.U8(2), masks)
	ORL(mask, found)
	Label("next")
	ADDQ(operand.I32(4*len(e.table.version)), versions)
	DECQ(left)
	JNE(operand.LabelRef("pass"))
	ADDL(operand.U8(16), first)
	JMP(operand.LabelRef("group"))

	Label("complete")
	INCQ(done)
	JEQ(operand.LabelRef("begin"))
	MOVW(reg.R12W, operand.Mem{Base: masks})
	ORL(mask, found)
	JNE(operand.LabelRef("out"))
	CMPQ(done, groups)
	JGE(operand.LabelRef("out"))
	Label("begin")
	XORL(found, found)
	Load(Param("masks"), masks)
	JMP(operand.LabelRef("next"))

	Label("out")
	VZEROUPPER()
	Store(done, Return("done"))
	Store(found, Return("found"))
	RET()
	e.compareNumbers(name, version.results)
}
