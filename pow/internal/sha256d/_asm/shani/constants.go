package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	"github.com/lodepow/lode/pow/internal/sha256d/_asm/sha256"
)

var (
	initial = sha256.Initial()
	k       = sha256.K()
)

// quad is a vector of four words, the first in the lowest lane.
type quad [4]uint32

func (q quad) plus(r quad) quad {
	for i := range q {
		q[i] += r[i]
	}
	return q
}

func kQuad(round int) quad { return quad(k[round : round+4]) }

// The table contains every quad once.
var (
	table  Mem
	quads  []quad // may contain a quad more than once
	offset = map[quad]int{}
)

// constant returns the quad's location in the table. The SHA instructions require
// aligned operands, and the linker aligns a symbol of this size.
func constant(q quad) Mem {
	at, ok := offset[q]
	if !ok {
		panic("the constant is not in the table")
	}
	return table.Offset(at)
}

// constants emits the table.
func constants() {
	for round := 4; round < 64; round += 4 { // for the first hash
		quads = append(quads, kQuad(round))
	}
	for round := 1; round < 60; round += 4 { // for the second hash
		quads = append(quads, kQuad(round))
	}
	quads = append(quads, firstPadding[0], firstPadding[1], firstPadding[2],
		zeros, digestPadding, digestLength, afterRound0, roundZeroCDGH, onlyA)

	table = GLOBL("shaniConstants", RODATA|NOPTR)
	for _, q := range quads {
		if _, ok := offset[q]; ok {
			continue
		}
		at := 16 * len(offset)
		offset[q] = at
		for i, word := range q {
			DATA(at+4*i, U32(word))
		}
	}
	for _, first := range []int{1, 4} {
		for round := first; round+4 < 60; round += 4 {
			if offset[kQuad(round+4)] != offset[kQuad(round)]+16 {
				panic("the constants of rounds are not in a row, as loopOver needs them")
			}
		}
	}
}

var (
	// The words of rounds 4 to 15 of the first hash are padding, so their sums with
	// the round constants are constant.
	firstPadding = [3]quad{
		kQuad(4).plus(quad{sha256.PaddingBit}),
		kQuad(8),
		kQuad(12).plus(quad{0, 0, 0, sha256.HeaderBits}),
	}

	zeros         = quad{}
	digestPadding = quad{0, 0, 0, sha256.PaddingBit} // word 8 of the second hash, the last of its quad
	digestLength  = quad{0, 0, sha256.DigestBits, 0} // words 13 to 15

	// The state of the second hash after round 0, except that the first word of the
	// digest must still be added to a and e.
	afterRound0   = quad{initial[4], initial[3] + t1, initial[0], t1 + t2}
	roundZeroCDGH = quad{initial[6], initial[5], initial[2], initial[1]}

	// The control of a byte shuffle that copies word a to the lanes of e and a, and
	// clears the other lanes.
	onlyA = quad{0x80808080, 0x0f0e0d0c, 0x80808080, 0x0f0e0d0c}
)

// t1 and t2 are the sums T1 and T2 of FIPS 180-4 in round 0 of the second hash, T1
// without the first word of the digest.
var t1, t2 = func() (uint32, uint32) {
	a, b, c := initial[0], initial[1], initial[2]
	e, f, g, h := initial[4], initial[5], initial[6], initial[7]
	return h + k[0] + sha256.Ch(e, f, g) + sha256.BigSigma1(e), sha256.Maj(a, b, c) + sha256.BigSigma0(a)
}()
