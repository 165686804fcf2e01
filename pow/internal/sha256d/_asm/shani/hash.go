package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of shaniJob and shaniVersion, which the caller fills in.
const (
	words16to19 = 0  // words 16 to 19 of the first hash, for a nonce of zero
	words20to23 = 16 // constant parts of words 20 to 23
	words28to31 = 32 // constant parts of words 28 to 31

	round3ABEF  = 0 // state after round 3 of the first hash, for a nonce of zero
	round3CDGH  = 16
	midABEF     = 32 // midstate, in the same order
	midCDGH     = 48
	versionSize = 64
)

// lanes returns the immediate operand of a shuffle, given the lanes that lanes 0 to 3
// are copied from.
func lanes(from ...int) int { return from[0] | from[1]<<2 | from[2]<<4 | from[3]<<6 }

// hash returns functions that emit the code of one double hash, in pieces of four
// rounds. Each piece adds the round constants to its message words, computes the
// words of the next piece, and runs its rounds.
//
// In the first hash, quad q consists of words 4q to 4q+3. In the second hash, it
// consists of words 4q-3 to 4q. Round 0 of the second hash is a mere addition, like
// round 3 of the first, and the deciding word is known after round 60, which is the
// last round of quad 15.
func (s *stream) hash() []func() {
	pieces := []func(){s.begin}
	for q := 1; q <= 15; q++ {
		pieces = append(pieces, func() {
			if q < 4 {
				s.firstWords(q + 1)
				s.readyRounds(constant(firstPadding[q-1]))
				return
			}
			s.sumAndRounds(kQuad(4*q), func() { s.firstWords(q + 1) })
		})
	}
	return append(pieces, s.secondHash()...)
}

// schedule returns functions that emit the code that stores the shared sums of the
// first hash.
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

// version returns the same as hash, but the first hash uses the sums that schedule
// has stored.
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

// secondHash returns the pieces of the second hash.
func (s *stream) secondHash() (pieces []func()) {
	pieces = append(pieces, s.second)
	for q := 1; q <= 15; q++ {
		pieces = append(pieces, func() {
			switch {
			case q < 3:
				VMOVDQA(s.word(q), X0)
				VPADDD(constant(kQuad(4*q-3)), X0, X0)
				s.rounds()
			case q == 3:
				s.readyRounds(constant(kQuad(9)))
			default:
				s.sumAndRounds(kQuad(4*q-3), func() { s.secondWords(q + 1) })
			}
			if q == 15 {
				s.follow(nil)
			}
		})
	}
	return pieces
}

// sumAndRounds emits the sum of the last quad and its round constants, the rounds that
// need it, and the computation of the next quad.
func (s *stream) sumAndRounds(k quad, next func()) {
	if !layoutNow.compact {
		VPADDD(constant(k), s.last, X0)
		next()
		s.rounds()
		return
	}
	// With the words between the rounds, a hash takes 0.4 cycles less on Zen 5.
	s.fetch()
	VPADDD(roundConstants(k), s.last, X0)
	s.firstRounds()
	next()
	s.lastRounds()
	s.follow(nil)
}

// rounds emits four rounds. X0 contains the sums of their words and constants. The
// instruction runs two rounds and replaces c, d, g, h with the new a, b, e, f. The
// other register then contains the new c, d, g, h, so the registers swap roles.
func (s *stream) rounds() {
	s.firstRounds()
	s.lastRounds()
}

func (s *stream) firstRounds() {
	SHA256RNDS2(X0, s.abef, s.cdgh)
	VPSHUFD(U8(lanes(2, 3, 0, 0)), X0, X0)
}

func (s *stream) lastRounds() { SHA256RNDS2(X0, s.cdgh, s.abef) }

// readyRounds emits four rounds whose sums of words and constants are in memory. Each
// half is loaded, which takes no shuffle.
func (s *stream) readyRounds(sum Mem) {
	VMOVDQU(sum, X0)
	SHA256RNDS2(X0, s.abef, s.cdgh)
	VMOVQ(sum.Offset(8), X0)
	SHA256RNDS2(X0, s.cdgh, s.abef)
}

// begin emits the state after round 3: the constant state plus the nonce.
func (s *stream) begin() {
	VMOVDQU(Mem{Base: version, Disp: round3ABEF}, s.abef)
	VPADDD(slot(s.id, nonceSlot), s.abef, s.abef)
	VMOVDQU(Mem{Base: version, Disp: round3CDGH}, s.cdgh)
}

// firstWords emits the computation of a quad of the first hash. The quads up to 7
// have constant terms, and terms that are zero.
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

// secondWords emits the computation of a quad of the second hash. Quads 1, 2 and 4
// have been stored by second, and quad 3 is zero.
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

// expandFull emits the computation of a quad whose words have all four terms of the
// message schedule.
func (s *stream) expandFull(q int) {
	s.expand(q, func(w VecPhysical) {
		t := vectors.take()
		VMOVDQA(s.word(q-4), t)
		SHA256MSG1(s.word(q-3), t)
		VPADDD(t, w, w)
		vectors.give(t)
	})
}

// expand emits the computation of a quad of words. early, unless nil, emits the
// addition of the terms in the words 15 and 16 positions before.
func (s *stream) expand(q int, early func(w VecPhysical)) {
	w := vectors.take()
	VPALIGNR(U8(4), s.word(q-2), s.last, w) // the words 7 positions before
	if early != nil {
		early(w)
	}
	SHA256MSG2(s.last, w)
	s.keep(q, w)
}

// second emits the end of the first hash, which adds the midstate, and the beginning
// of the second.
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
