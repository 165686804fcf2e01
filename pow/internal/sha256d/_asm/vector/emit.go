package main

import (
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
	m           *machine
	table       *table
	iota_, swap operand.Mem
}

// newEmitter lays down the vectors that turn a nonce into the words of all lanes.
func newEmitter(m *machine, t *table) *emitter {
	e := &emitter{m: m, table: t}
	e.iota_ = GLOBL(m.name+"Lanes", RODATA|NOPTR)
	for i := range m.lanes {
		DATA(4*i, operand.U32(i))
	}
	e.swap = GLOBL(m.name+"Swap", RODATA|NOPTR)
	for i := range m.lanes {
		DATA(4*i, operand.U32(0x00010203+0x04040404*(i%4)))
	}
	return e
}

// number is a constant of the job's table.
func (e *emitter) number(n uint32) operand.Mem {
	return operand.Mem{Base: job, Disp: e.m.constantBytes() * e.table.index[number(n)]}
}

func (e *emitter) operand(p place) operand.Op {
	switch p.in {
	case inRegister:
		return e.m.vector(p.reg)
	case inScratch:
		return operand.Mem{Base: scratch, Disp: e.m.vectorBytes() * p.reg}
	}
	at := e.m.constantBytes() * e.table.index[p.k.k]
	if p.k.k.ofVersion() {
		return operand.Mem{Base: versions, Disp: at}
	}
	return operand.Mem{Base: job, Disp: at}
}

func (e *emitter) emit(code []instruction) {
	for _, i := range code {
		b, dst, imm := e.operand(i.b), e.m.vector(i.dst), operand.U8(i.imm)
		a := e.m.vector(i.a)
		broadcast := e.m.broadcasts && i.b.in == inTable
		switch i.do {
		case doAdd:
			if broadcast {
				VPADDD_BCST(b, a, dst)
			} else {
				VPADDD(b, a, dst)
			}
		case doXor:
			VPXOR(b, a, dst)
		case doAnd:
			VPAND(b, a, dst)
		case doRor:
			VPRORD(imm, b, dst)
		case doShr:
			VPSRLD(imm, b, dst)
		case doShl:
			VPSLLD(imm, b, dst)
		case doTern:
			if broadcast {
				VPTERNLOGD_BCST(imm, b, a, dst)
			} else {
				VPTERNLOGD(imm, b, a, dst)
			}
		case doMove:
			e.move(a, dst)
		case doLoad, doBroadcast:
			if broadcast {
				VPBROADCASTD(b, dst)
			} else {
				e.move(b, dst)
			}
		case doStore:
			e.move(a, b)
		}
	}
}

func (e *emitter) move(from, to operand.Op) {
	if e.m.lanes == 16 {
		VMOVDQU64(from, to)
	} else {
		VMOVDQU(from, to)
	}
}

// broadcast copies a general register to all lanes.
func (e *emitter) broadcast(from reg.GPPhysical, to int) {
	if e.m.lanes == 16 {
		VPBROADCASTD(from, e.m.vector(to))
		return
	}
	x := e.m.vector(to).AsX()
	VMOVD(from, x)
	VPBROADCASTD(x, e.m.vector(to))
}

// begin loads what every kernel gets.
func (e *emitter) begin(vectors int) {
	Load(Param("job"), job)
	Load(Param("versions"), versions)
	Load(Param("first"), first)
	Load(Param("groups"), groups)
	Load(Param("limit"), limit)
	XORL(reg.R10L, reg.R10L)
	LEAQ(AllocLocal(e.m.vectorBytes()*vectors+64), scratch)
	ADDQ(operand.U8(63), scratch)
	ANDQ(operand.I8(-64), scratch)
}

// nonces fills register 0 with the group's nonces as words of the message.
func (e *emitter) nonces() {
	e.broadcast(first, 0)
	VPADDD(e.iota_, e.m.vector(0), e.m.vector(0))
	VPSHUFB(e.swap, e.m.vector(0), e.m.vector(0))
}

// compare turns the result into a mask of lanes. Where the limit is zero, as for
// any target of difficulty 1 or harder, one comparison decides; other limits
// need the word as a number.
func (e *emitter) compare(label string, result int, mask reg.GPPhysical) {
	z := e.m.vector(result)
	TESTL(limit, limit)
	JNE(operand.LabelRef(label + "Number"))
	if e.m.lanes == 16 {
		VPCMPEQD_BCST(e.number(-decides&0xffffffff), z, reg.K1)
	} else {
		VPCMPEQD(e.number(-decides&0xffffffff), z, z)
	}
	Label(label + "Compared")
	if e.m.lanes == 16 {
		KMOVW(reg.K1, mask)
	} else {
		VMOVMSKPS(z, mask)
	}
}

// compareNumbers is the other half of compare, out of the way.
func (e *emitter) compareNumbers(label string, result int) {
	Label(label + "Number")
	z, bound := e.m.vector(result), (result+1)%e.m.registers
	e.broadcast(limit, bound)
	if e.m.lanes == 16 {
		VPADDD_BCST(e.number(decides&0xffffffff), z, z)
		VPSHUFB(e.swap, z, z)
		VPCMPUD(operand.U8(2), e.m.vector(bound), z, reg.K1) // at most
	} else {
		VPADDD(e.number(decides&0xffffffff), z, z)
		VPSHUFB(e.swap, z, z)
		VPMINUD(e.m.vector(bound), z, e.m.vector(bound)) // the number, if it is at most
		VPCMPEQD(e.m.vector(bound), z, z)
	}
	JMP(operand.LabelRef(label + "Compared"))
}
