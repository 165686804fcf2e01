package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // assembly reads better so
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// General registers, the same in all kernels.
var (
	job      = reg.RAX  // points to the constants of the job
	versions = reg.RBX  // points to the constants of the current version
	scratch  = reg.RCX  // points to the middle of aligned memory for vectors
	rounds   = reg.R14  // in a loop, points to the words of the turn's rounds, and moves; see bias. Outside of loops, the register is some
	words    = reg.R15  // in a loop, points to the words that the turn computes, and moves
	series   = reg.R12  // points to the constants of the current turn of a loop; outside of loops, the register is mask
	first    = reg.R8L  // first nonce of the group
	groups   = reg.R9   // number of groups to hash
	done     = reg.R10  // number of groups hashed
	limit    = reg.R11L // largest word of a candidate
)

// emitter turns instructions with assigned registers into Go assembly.
type emitter struct {
	m     *machine
	table *table
	iota_ operand.Mem // the numbers of the lanes, 0, 1, 2, ..., in a vector for each stream
	swap  operand.Mem // control of a shuffle that reverses the bytes of each word
	turns operand.Mem // the constants of all turns of a loop
	bias  [3]int      // vectors to which the pointers of a loop point in its first turn
}

// newEmitter returns an emitter and emits the constant vectors that turn the first
// nonce of a group into the message words of all lanes.
func newEmitter(m *machine, t *table) *emitter {
	e := &emitter{m: m, table: t, bias: [3]int{middle, middle, middle}}
	e.iota_ = GLOBL(m.name+"Lanes", RODATA|NOPTR)
	for i := range m.lanes * m.streams {
		DATA(4*i, operand.U32(i))
	}
	e.swap = GLOBL(m.name+"Swap", RODATA|NOPTR)
	for i := range m.lanes {
		DATA(4*i, operand.U32(0x00010203+0x04040404*(i%4)))
	}
	e.turns = GLOBL(m.name+"Turns", RODATA|NOPTR)
	at := 0
	for turn := range turns {
		for _, k := range turnConstants(turn) {
			for range m.constantBytes() / 4 {
				DATA(at, operand.U32(k))
				at += 4
			}
		}
	}
	return e
}

// number returns the location of a number in the job's table of constants.
func (e *emitter) number(n uint32) operand.Mem {
	return operand.Mem{Base: job, Disp: e.m.constantBytes() * e.table.index[number(n)]}
}

func (e *emitter) operand(p place) operand.Op {
	switch p.in {
	case inRegister:
		return e.m.vector(p.reg)
	case inSeries:
		return operand.Mem{Base: series, Disp: e.m.constantBytes() * p.reg}
	case inScratch:
		pointers := [...]reg.Register{atScratch: scratch, atRounds: rounds, atWords: words}
		return operand.Mem{Base: pointers[p.at.base], Disp: e.m.vectorBytes() * (p.at.vector - e.bias[p.at.base])}
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
		broadcast := e.m.broadcasts && (i.b.in == inTable || i.b.in == inSeries)
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

// broadcast emits the copy of a general register to all lanes of a vector.
func (e *emitter) broadcast(from reg.GPPhysical, to int) {
	if e.m.lanes == 16 {
		VPBROADCASTD(from, e.m.vector(to))
		return
	}
	x := e.m.vector(to).AsX()
	VMOVD(from, x)
	VPBROADCASTD(x, e.m.vector(to))
}

// middle is the position of the vector that scratch points to. A displacement of eight bits
// counts vectors with AVX-512, so it reaches the first 256 of them.
const middle = 128

// begin emits the loads of the parameters that every mining kernel has, and the alignment
// of the scratch memory.
func (e *emitter) begin() {
	Load(Param("job"), job)
	Load(Param("versions"), versions)
	Load(Param("first"), first)
	Load(Param("groups"), groups)
	Load(Param("limit"), limit)
	Load(Param("memory"), scratch)
	e.align()
	XORL(reg.R10L, reg.R10L)
}

// align emits the alignment of the scratch memory, whose address is in the register.
func (e *emitter) align() {
	ADDQ(operand.U8(alignment-1), scratch)
	ANDQ(operand.I8(-alignment), scratch)
	ADDQ(operand.I32(e.m.vectorBytes()*middle), scratch)
}

// alignment is that of the scratch memory, in bytes: the size of a line of the cache.
const alignment = 64

// nonces emits the computation of the group's nonces, as message words, in the first vector
// registers. Every pass does it: if the first pass of a group stored them for the others,
// Zen 5 would lose some 400 cycles at the beginning of each group with several versions,
// presumably because it cannot foretell whether a load takes a value that has just been
// stored.
func (e *emitter) nonces() {
	last := e.m.streams - 1
	e.broadcast(first, last)
	for stream := range e.m.streams {
		z := e.m.vector(stream)
		lanes := e.iota_
		lanes.Disp += stream * e.m.vectorBytes()
		VPADDD(lanes, e.m.vector(last), z)
		VPSHUFB(e.swap, z, z)
	}
}

// compare emits the comparison that turns the results, in the first registers, into a mask
// of lanes. If the limit is zero, as it is for any target of difficulty 1 or more, one
// comparison for each stream decides. For other limits the word is needed as a number; see
// compareNumbers.
func (e *emitter) compare(label string) {
	TESTL(limit, limit)
	JNE(operand.LabelRef(label + "Number"))
	for stream := range e.m.streams {
		z := e.m.vector(stream)
		if e.m.lanes == 16 {
			VPCMPEQD_BCST(e.number(-decides&0xffffffff), z, maskOf(stream))
		} else {
			VPCMPEQD(e.number(-decides&0xffffffff), z, z)
		}
	}
	Label(label + "Compared")
	for stream := range e.m.streams {
		to := some
		if stream == 0 {
			to = mask
		}
		if e.m.lanes == 16 {
			KMOVW(maskOf(stream), to.As32())
		} else {
			VMOVMSKPS(e.m.vector(stream), to.As32())
		}
		if stream > 0 {
			SHLQ(operand.U8(stream*e.m.lanes), some)
			ORQ(some, mask)
		}
	}
}

// maskOf returns the mask register of a stream.
func maskOf(stream int) reg.OpmaskPhysical {
	return [...]reg.OpmaskPhysical{reg.K1, reg.K2, reg.K3, reg.K4}[stream]
}

// compareNumbers emits the comparison for limits other than zero. It comes after the
// loops, so that they stay small.
func (e *emitter) compareNumbers(label string) {
	Label(label + "Number")
	for stream := range e.m.streams {
		z, bound := e.m.vector(stream), e.m.streams
		e.broadcast(limit, bound)
		if e.m.lanes == 16 {
			VPADDD_BCST(e.number(decides&0xffffffff), z, z)
			VPSHUFB(e.swap, z, z)
			VPCMPUD(operand.U8(2), e.m.vector(bound), z, maskOf(stream)) // less than or equal
		} else {
			VPADDD(e.number(decides&0xffffffff), z, z)
			VPSHUFB(e.swap, z, z)
			VPMINUD(e.m.vector(bound), z, e.m.vector(bound)) // equals the number if that is at most the limit
			VPCMPEQD(e.m.vector(bound), z, z)
		}
	}
	JMP(operand.LabelRef(label + "Compared"))
}
