package main

import (
	"fmt"
	"io"

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

// The table contains every quad once, in the order in which the code asks for them.
var (
	quads  []quad
	offset = map[quad]int{}
)

// constant returns the quad's location in the table, to which it adds the quad if need
// be.
func constant(q quad) string {
	at, ok := offset[q]
	if !ok {
		at = 16 * len(quads)
		offset[q] = at
		quads = append(quads, q)
	}
	return fmt.Sprintf("%d(%s)", at, table)
}

// writeConstants writes the table.
func writeConstants(w io.Writer) {
	for i, q := range quads {
		for j, word := range q {
			fmt.Fprintf(w, "DATA sha2Constants<>+%d(SB)/4, $%#08x\n", 16*i+4*j, word)
		}
	}
	fmt.Fprintf(w, "GLOBL sha2Constants<>(SB), RODATA|NOPTR, $%d\n", 16*len(quads))
}

var (
	// The words of rounds 4 to 15 of the first hash are padding, so their sums with
	// the round constants are constant.
	firstPadding = [3]quad{
		kQuad(4).plus(quad{sha256.PaddingBit}),
		kQuad(8),
		kQuad(12).plus(quad{0, 0, 0, sha256.HeaderBits}),
	}

	// The constant parts of words 20 to 23 of the first hash: words 4 to 7, plus words
	// 13 to 15 one lane lower.
	words20to23 = quad{sha256.PaddingBit, 0, sha256.HeaderBits, 0}

	digestPadding = quad{sha256.PaddingBit}          // word 8 of the second hash
	digestLength  = quad{0, 0, 0, sha256.DigestBits} // words 12 to 15

	// The state of the second hash after round 0, except that the first word of the
	// digest must still be added to a and e.
	afterRound0ABCD = quad{t1 + t2, initial[0], initial[1], initial[2]}
	afterRound0EFGH = quad{initial[3] + t1, initial[4], initial[5], initial[6]}
)

// t1 and t2 are the sums T1 and T2 of FIPS 180-4 in round 0 of the second hash, T1
// without the first word of the digest.
var t1, t2 = func() (uint32, uint32) {
	a, b, c := initial[0], initial[1], initial[2]
	e, f, g, h := initial[4], initial[5], initial[6], initial[7]
	return h + k[0] + sha256.Ch(e, f, g) + sha256.BigSigma1(e), sha256.Maj(a, b, c) + sha256.BigSigma0(a)
}()
