package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in what the caller prepares: shaniJob and shaniVersion.
const (
	words16to19 = 0  // words 16 to 19 of the first hash, but for the nonce
	words20to23 = 16 // what words 20 to 23 add to their sigma1
	words28to31 = 32 // constant part of words 28 to 31

	round3ABEF  = 0  // state after round 3 of the first hash, but for the nonce
	round3CDGH  = 16 //
	midABEF     = 32 // midstate, in the order of the state
	midCDGH     = 48 //
	versionSize = 64
)

// Four streams leave no registers for the message words, except for each stream's
// last quad: the next one waits for it. The rest lies in memory, for each stream a
// ring of four quads, and where versions share the words of the first hash, these
// with the round constants added.
const (
	ringSlot    = 0
	nonceSlot   = 4
	w16Slot     = 5
	sharedSlot  = 6  // quads 4 to 15
	sharedRing  = 18 // while these are computed
	perStream   = 22 * 16
	firstShared = 4
)

func slot(stream, i int) Mem { return Mem{Base: scratch, Disp: stream*perStream + 16*i} }

// vectors are the registers that hold neither a state nor, for now, anything else.
var vectors = pool{X9, X10, X11, X12, X13, X14, X15}

type pool []VecPhysical

func (p *pool) take() VecPhysical {
	x := (*p)[0]
	*p = (*p)[1:]
	return x
}

func (p *pool) give(x VecPhysical) { *p = append(*p, x) }

// lanes is the immediate of a shuffle: where lanes 0 to 3 come from.
func lanes(from ...int) int { return from[0] | from[1]<<2 | from[2]<<4 | from[3]<<6 }

// stream is one nonce on its way. The state lies as the instructions want it:
// from the lowest lane f, e, b, a in one register and h, g, d, c in the other.
type stream struct {
	id         int
	abef, cdgh VecPhysical
	last       VecPhysical // the quad of words computed last: the next one waits for it
	ring       int         // slot of its last four quads of words
	midOf      GPPhysical  // the version whose midstate completes the first hash
}

// follow makes w the stream's last quad, and frees the one before.
func (s *stream) follow(w VecPhysical) {
	if s.last != nil {
		vectors.give(s.last)
	}
	s.last = w
}

func newStream(id int) *stream {
	regs := []VecPhysical{X1, X2, X3, X4, X5, X6, X7, X8}
	return &stream{id: id, abef: regs[2*id], cdgh: regs[2*id+1], ring: ringSlot, midOf: version}
}

func (s *stream) word(quad int) Mem { return slot(s.id, s.ring+quad%4) }

func (s *stream) shared(quad int) Mem { return slot(s.id, sharedSlot+quad-firstShared) }

// hash returns the code of one hash in pieces of four rounds. A piece adds the
// round constants to its message words, computes the words of the next piece, and
// runs its rounds.
//
// In the first hash, quad q has words 4q to 4q+3. In the second, words 4q-3 to
// 4q: its round 0 is done by addition, like round 3 of the first, and the last
// round of quad 15 is 60, after which the deciding word is known.
func (s *stream) hash() []func() {
	pieces := []func(){s.begin}
	for q := 1; q <= 15; q++ {
		pieces = append(pieces, func() {
			if q < 4 {
				s.firstWords(q + 1)
				s.readyRounds(constant(firstPadding[q-1]))
				return
			}
			VPADDD(constant(kQuad(4*q)), s.last, X0)
			s.firstWords(q + 1)
			s.rounds()
		})
	}
	return append(pieces, s.secondHash()...)
}

// schedule is the code, in pieces, that leaves the words of the first hash in
// memory for all versions.
func (s *stream) schedule() (pieces []func()) {
	for q := firstShared; q <= 15; q++ {
		pieces = append(pieces, func() {
			s.firstWords(q)
			VPADDD(constant(kQuad(4*q)), s.last, X0)
			VMOVDQA(X0, s.shared(q))
		})
	}
	return append(pieces, func() { s.follow(nil) })
}

// version is hash with the words that schedule left.
func (s *stream) version() []func() {
	pieces := []func(){s.begin}
	for q := 1; q <= 15; q++ {
		pieces = append(pieces, func() {
			if q < firstShared {
				s.readyRounds(constant(firstPadding[q-1]))
			} else {
				s.readyRounds(s.shared(q))
			}
		})
	}
	return append(pieces, s.secondHash()...)
}

func (s *stream) secondHash() (pieces []func()) {
	pieces = append(pieces, s.second)
	for q := 1; q <= 15; q++ {
		pieces = append(pieces, func() {
			switch {
			case q < 3:
				VMOVDQA(s.word(q), X0)
				VPADDD(constant(kQuad(4*q-3)), X0, X0)
			case q == 3:
				s.secondWords(q + 1)
				s.readyRounds(constant(kQuad(9)))
				return
			default:
				VPADDD(constant(kQuad(4*q-3)), s.last, X0)
			}
			s.secondWords(q + 1)
			s.rounds()
			if q == 15 {
				s.follow(nil)
			}
		})
	}
	return pieces
}

// rounds runs four rounds; X0 has their words and constants. Two rounds take the
// register with c, d, g, h and leave the new a, b, e, f there; the other then has
// what are c, d, g, h now.
func (s *stream) rounds() {
	SHA256RNDS2(X0, s.abef, s.cdgh)
	VPSHUFD(U8(lanes(2, 3, 0, 0)), X0, X0)
	SHA256RNDS2(X0, s.cdgh, s.abef)
}

// readyRounds runs four rounds whose sums of words and constants are in memory:
// both halves are loads.
func (s *stream) readyRounds(sum Mem) {
	VMOVDQU(sum, X0)
	SHA256RNDS2(X0, s.abef, s.cdgh)
	VMOVQ(sum.Offset(8), X0)
	SHA256RNDS2(X0, s.cdgh, s.abef)
}

// begin loads the state after round 3.
func (s *stream) begin() {
	VMOVDQU(Mem{Base: version, Disp: round3ABEF}, s.abef)
	VPADDD(slot(s.id, nonceSlot), s.abef, s.abef)
	VMOVDQU(Mem{Base: version, Disp: round3CDGH}, s.cdgh)
}

// firstWords computes a quad of the first hash. Up to quad 7 much of it is
// constant.
func (s *stream) firstWords(q int) {
	switch {
	case q < 4 || q > 15:
	case q == 4:
		w := vectors.take()
		VMOVDQA(slot(s.id, w16Slot), w)
		s.keep(q, w)
	case q == 5:
		w := vectors.take()
		VMOVDQU(Mem{Base: job, Disp: words20to23}, w)
		SHA256MSG2(s.last, w)
		s.keep(q, w)
	case q == 6:
		s.expand(q, nil)
	case q == 7:
		s.expand(q, func(w VecPhysical) {
			VPADDD(Mem{Base: job, Disp: words28to31}, w, w)
		})
	default:
		s.expandFull(q)
	}
}

// secondWords computes a quad of the second hash; second has stored 1, 2 and 4,
// and quad 3 is zero.
func (s *stream) secondWords(q int) {
	switch {
	case q < 5 || q > 15:
	case q == 5:
		w := vectors.take()
		VMOVDQA(s.word(1), w)
		SHA256MSG1(s.word(2), w)
		SHA256MSG2(s.last, w)
		s.keep(q, w)
	case q == 6:
		s.expand(q, func(w VecPhysical) {
			t := vectors.take()
			VMOVDQA(s.word(2), t)
			SHA256MSG1(constant(zeros), t)
			VPADDD(t, w, w)
			vectors.give(t)
		})
	case q == 7:
		s.expand(q, nil)
	default:
		s.expandFull(q)
	}
}

// expandFull computes a quad whose words have all four terms.
func (s *stream) expandFull(q int) {
	s.expand(q, func(w VecPhysical) {
		t := vectors.take()
		VMOVDQA(s.word(q-4), t)
		SHA256MSG1(s.word(q-3), t)
		VPADDD(t, w, w)
		vectors.give(t)
	})
}

// expand computes a quad of message words. early adds what they owe to the words
// 15 and 16 before them.
func (s *stream) expand(q int, early func(w VecPhysical)) {
	w := vectors.take()
	VPALIGNR(U8(4), s.word(q-2), s.last, w) // the words 7 before
	if early != nil {
		early(w)
	}
	SHA256MSG2(s.last, w)
	s.keep(q, w)
}

// keep stores a quad of words for those that follow.
func (s *stream) keep(q int, w VecPhysical) {
	if q < 15 {
		VMOVDQA(w, s.word(q))
	}
	s.follow(w)
}

// second completes the first digest and begins the hash of it.
func (s *stream) second() {
	VPADDD(Mem{Base: s.midOf, Disp: midABEF}, s.abef, s.abef)
	VPADDD(Mem{Base: s.midOf, Disp: midCDGH}, s.cdgh, s.cdgh)

	Comment("Words 1 to 4 are b, c, d, e.")
	w1 := vectors.take()
	VPALIGNR(U8(8), s.cdgh, s.abef, w1)    // d, c, f, e
	VPBLENDD(U8(1<<2), s.abef, w1, w1)     // d, c, b, e
	VPSHUFD(U8(lanes(2, 1, 0, 3)), w1, w1) // b, c, d, e
	s.keep(1, w1)

	Comment("Words 5 to 8 are f, g, h, padding.")
	w5 := vectors.take()
	VPUNPCKLDQ(s.cdgh, s.abef, w5)         // f, h, e, g
	VPSHUFD(U8(lanes(0, 3, 1, 2)), w5, w5) // f, g, h, e
	VPBLENDD(U8(1<<3), constant(digestPadding), w5, w5)
	s.keep(2, w5)

	Comment("Words 13 to 16 are 0, 0, length, a + sigma0(b).")
	w13 := vectors.take()
	VMOVDQA(s.abef, w13)
	SHA256MSG1(s.word(1), w13)
	VPBLENDD(U8(7), constant(digestLength), w13, w13)
	s.keep(4, w13)

	Comment("Round 0.")
	VPSHUFB(constant(onlyA), s.abef, s.abef)
	VPADDD(constant(afterRound0), s.abef, s.abef)
	VMOVDQU(constant(roundZeroCDGH), s.cdgh)
}
