package main

import (
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

var initial = [8]uint32{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

var k = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

const (
	paddingBit = 1 << 31
	headerBits = 80 * 8
	digestBits = 32 * 8
)

// A quad is four words, the first in the lowest lane.
type quad [4]uint32

func (q quad) plus(r quad) quad {
	for i := range q {
		q[i] += r[i]
	}
	return q
}

func kQuad(round int) quad { return quad(k[round : round+4]) }

// The table of constants: every quad once.
var (
	table  Mem
	quads  []quad
	offset = map[quad]int{}
)

// constant returns where the quad lies. The linker aligns a symbol of this size,
// so that the SHA instructions may read it.
func constant(q quad) Mem {
	at, ok := offset[q]
	if !ok {
		panic("a constant that is not in the table")
	}
	return table.Offset(at)
}

func constants() {
	for round := 4; round < 64; round += 4 { // of the first hash
		quads = append(quads, kQuad(round))
	}
	for round := 1; round < 60; round += 4 { // of the second
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
}

var (
	// Rounds 4 to 15 of the first hash see nothing but padding: K+W.
	firstPadding = [3]quad{
		kQuad(4).plus(quad{paddingBit}),
		kQuad(8),
		kQuad(12).plus(quad{0, 0, 0, headerBits}),
	}

	zeros         = quad{}
	digestPadding = quad{0, 0, 0, paddingBit} // word 8 of the second hash, the last of its quad
	digestLength  = quad{0, 0, digestBits, 0} // words 13 to 15

	// The state of the second hash after round 0, its first word still to be
	// added to a and e.
	afterRound0   = quad{initial[4], initial[3] + t1, initial[0], t1 + t2}
	roundZeroCDGH = quad{initial[6], initial[5], initial[2], initial[1]}

	// For a byte shuffle: word a in the places of e and a, zeros in the others.
	onlyA = quad{0x80808080, 0x0f0e0d0c, 0x80808080, 0x0f0e0d0c}
)

// The two sums of round 0 of the second hash, without its word.
var t1, t2 = func() (uint32, uint32) {
	a, b, c := initial[0], initial[1], initial[2]
	e, f, g, h := initial[4], initial[5], initial[6], initial[7]
	t1 := h + k[0] + (e&f ^ ^e&g) +
		(bits.RotateLeft32(e, -6) ^ bits.RotateLeft32(e, -11) ^ bits.RotateLeft32(e, -25))
	t2 := (a&b ^ a&c ^ b&c) +
		(bits.RotateLeft32(a, -2) ^ bits.RotateLeft32(a, -13) ^ bits.RotateLeft32(a, -22))
	return t1, t2
}()
