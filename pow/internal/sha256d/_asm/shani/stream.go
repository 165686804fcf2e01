package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// layout says how many streams a function has, and where their words are. The states of
// the streams take two registers each, and leave few for message words. Memory has the
// words.
type layout struct {
	streams int

	// A stream is at most stagger-1 pieces behind another. If all streams were at the
	// same piece, all of them would pass from the first hash to the second at the same
	// time.
	stagger int

	// compact is whether pieces that are alike are in a loop, which needs the addresses
	// of all quads to be in a row. In this layout, the last quad of a stream is only in
	// memory. Otherwise it is also in a register, because the computation of the next
	// quad waits for it, and memory has a ring of the last four quads. If versions
	// share the words of the first hash, it has the sums of these words and the round
	// constants as well.
	compact bool
}

var (
	// The functions for every processor. The instruction for two rounds has a latency of
	// 4 cycles, and another one can start after 1, 2 or 3 cycles, depending on the
	// processor. Four streams hide the latency of this instruction and of those around
	// it.
	narrow = layout{streams: 4, stagger: 4}

	// The function for Zen 5, where with four streams the unit for rounds often has
	// nothing that is ready; docs/kernels.md has the figures. The other streams also hide
	// the time until a stored quad can be loaded. Versions do not share words, because
	// the rounds alone are the bound.
	wide = layout{streams: 6, stagger: 3, compact: true}

	layoutNow layout // that of the function that is being written
)

// The offsets of a stream's memory count slots of 16 bytes.
const (
	ringSlot    = 0
	nonceSlot   = 4  // the nonce, in the lanes that round 3 adds it to
	w16Slot     = 5  // words 16 to 19 of the first hash
	rowSlot     = 6  // quads 0 to 15, in a compact layout
	sharedSlot  = 6  // shared sums of quads 4 to 15
	sharedRing  = 18 // the ring for the computation of the shared words
	perStream   = 22 * 16
	firstShared = 4 // the first quad with a shared sum
)

// slot returns the location of a slot of a stream.
func slot(stream, i int) Mem { return Mem{Base: scratch, Disp: stream*perStream + 16*i} }

// registers are those of the states, two for each stream, and behind them those that
// are free. X0 has the sums of words and constants.
var registers = []VecPhysical{X1, X2, X3, X4, X5, X6, X7, X8, X9, X10, X11, X12, X13, X14, X15}

// vectors are the registers that are free.
var vectors pool

type pool []VecPhysical

func (p *pool) take() VecPhysical {
	x := (*p)[0]
	*p = (*p)[1:]
	return x
}

func (p *pool) give(x VecPhysical) { *p = append(*p, x) }

// use makes a layout that of the functions that are written from now on.
func use(l layout) {
	layoutNow = l
	vectors = append(pool(nil), registers[2*l.streams:]...)
}

// stream is the hash of one nonce. Its state is in the order of the SHA instructions:
// from the lowest lane, f, e, b, a in one register and h, g, d, c in another.
type stream struct {
	id         int
	abef, cdgh VecPhysical
	last       VecPhysical // the quad of words computed last, or nil if it is not in a register
	lastQuad   int         // its number, in a compact layout
	ring       int         // first slot of the ring of the last four quads
	midOf      GPPhysical  // points to the version that the first hash belongs to when it completes
}

func newStream(id int) *stream {
	return &stream{id: id, abef: registers[2*id], cdgh: registers[2*id+1], ring: ringSlot, midOf: version}
}

// behind returns the number of pieces by which the stream is behind the first.
func (s *stream) behind() int { return s.id % layoutNow.stagger }

// word returns the location of a quad.
func (s *stream) word(quad int) Mem {
	if !layoutNow.compact {
		return slot(s.id, s.ring+quad%4)
	}
	at := slot(s.id, rowSlot+quad)
	if inTurn {
		at.Base = rows
	}
	return at
}

// shared returns the location of the shared sum of a quad.
func (s *stream) shared(quad int) Mem { return slot(s.id, sharedSlot+quad-firstShared) }

// follow makes w the register of the stream's last quad, and frees the one before.
func (s *stream) follow(w VecPhysical) {
	if s.last != nil {
		vectors.give(s.last)
	}
	s.last = w
}

// fetch emits the load of the last quad.
func (s *stream) fetch() {
	w := vectors.take()
	VMOVDQA(s.word(s.lastQuad), w)
	s.follow(w)
}

// keep emits the store of a quad of words that later quads need, and makes it the
// last quad.
func (s *stream) keep(q int, w VecPhysical) {
	if layoutNow.compact {
		VMOVDQA(w, s.word(q))
		vectors.give(w)
		s.lastQuad = q
		return
	}
	if q < 15 {
		VMOVDQA(w, s.word(q))
	}
	s.follow(w)
}
