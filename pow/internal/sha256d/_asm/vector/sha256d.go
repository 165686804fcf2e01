package main

import (
	"fmt"

	"github.com/lodepow/lode/pow/internal/sha256d/_asm/sha256"
)

// This file builds the graphs of SHA-256d of a header. It is written as in FIPS 180-4,
// and the graph finds out which of the values are constant.

var (
	initial = sha256.Initial()
	k       = sha256.K()
)

// state is the words a, b, c, d, e, f, g and h.
type state [8]value

// message is a message schedule. Its words are computed when a round needs them.
type message [64]value

// expand computes word i from the words before it.
func (g *graph) expand(w *message, i int) {
	// The last operand is the one that is ready last.
	w[i] = g.add(w[i-16], g.sigma0(w[i-15]), w[i-7], g.sigma1(w[i-2]))
}

// round returns the state after a round. kw is the sum of the round constant and the
// message word.
func (g *graph) round(s state, kw value) state {
	t := g.add(s[7], kw, g.ch(s[4], s[5], s[6]), g.bigSigma1(s[4]))
	// The new e comes first, because the next round waits for it, and because it frees
	// the register of d.
	e := g.add(s[3], t)
	a := g.add(t, g.maj(s[0], s[1], s[2]), g.bigSigma0(s[0]))
	return state{a, s[0], s[1], s[2], e, s[4], s[5], s[6]}
}

// round3 returns the state before round 3, which is the first to use the nonce.
func round3() state {
	var s state
	for i := range s {
		s[i] = constant(term(fmt.Sprintf("round3[%d]", i)))
	}
	// The input has the words in the positions that they have in the midstate. After
	// three rounds, they have moved down by three.
	return state{s[5], s[6], s[7], s[0], s[1], s[2], s[3], s[4]}
}

// block2 returns the second block of the header: the tail, the nonce and padding.
func block2(nonce value) message {
	w := message{3: nonce, 4: constant(number(sha256.PaddingBit)), 15: constant(number(sha256.HeaderBits))}
	for i := range 3 {
		w[i] = constant(term(fmt.Sprintf("tail[%d]", i)))
	}
	return w
}
