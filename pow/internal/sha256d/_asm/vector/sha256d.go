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
	return state{g.add(g.bigSigma0(s[0]), g.maj(s[0], s[1], s[2]), t), s[0], s[1], s[2], g.add(s[3], t), s[4], s[5], s[6]}
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

// firstHash runs the first hash from round 3 on and returns the digest. kw returns the
// sum of the round constant and the message word of a round. The round constant of
// the last round is not part of it, because it is added together with the midstate.
func (g *graph) firstHash(kw func(i int) value) message {
	s := round3()
	for i := 3; i < 63; i++ {
		s = g.round(s, kw(i))
		g.step++
	}
	last := constant(number(k[63]))
	t := g.add(s[7], kw(63), g.ch(s[4], s[5], s[6]), g.bigSigma1(s[4]))
	mid := func(i int) value { return constant(term(fmt.Sprintf("mid[%d]", i))) }
	var digest message
	digest[4] = g.settle(g.add(s[3], mid(4), last, t))
	digest[0] = g.settle(g.add(g.bigSigma0(s[0]), mid(0), last, g.maj(s[0], s[1], s[2]), t))
	for i := range 3 {
		digest[1+i] = g.settle(g.add(s[i], mid(1+i)))
		digest[5+i] = g.settle(g.add(s[4+i], mid(5+i)))
	}
	g.step++
	return digest
}

// secondHash hashes the digest until the deciding word is known. It returns this word
// minus two constants that the comparison takes into account instead: the round
// constant of round 60 and the initial state.
func (g *graph) secondHash(x message) *node {
	x[8], x[15] = constant(number(sha256.PaddingBit)), constant(number(sha256.DigestBits))
	var s state
	for i := range s {
		s[i] = constant(number(initial[i]))
	}
	for i := range 57 {
		if i >= 16 {
			g.expand(&x, i)
		}
		s = g.round(s, g.add(x[i], constant(number(k[i]))))
		g.step++
	}
	// The word h after round 63 is the word e after round 60, so the new a is no longer
	// needed.
	for i := 57; i <= 60; i++ {
		g.expand(&x, i)
		kw := x[i]
		if i < 60 {
			kw = g.add(kw, constant(number(k[i])))
		}
		e := g.add(s[3], s[7], kw, g.ch(s[4], s[5], s[6]), g.bigSigma1(s[4]))
		s = state{{}, s[0], s[1], s[2], e, s[4], s[5], s[6]}
		g.step++
	}
	return g.vector(s[4])
}

// decides is the sum of the constants that secondHash leaves out.
const decides = 0x90befffa + 0x5be0cd19

// Slots of the vectors that passes store for later passes: from slot 0 on, the sums of
// word and round constant for rounds 18 to 63, if versions share them; the nonces; and
// the digest of the first hash.
const (
	firstShared = 18
	nonceSlot   = 64 - firstShared
	digestSlot  = nonceSlot + 1
	slots       = digestSlot + 8
)

// nonces returns the pass that a group begins with if versions share no words. It only
// stores the nonces.
func nonces(m *machine) (*graph, []*node) {
	g := newGraph(m)
	return g, []*node{g.node(opStore, nonceSlot, g.node(opNonce, 0))}
}

// shared returns the pass that a group begins with if versions share words. It stores
// the message schedule of the first hash, which is the same for every version.
func shared(m *machine) (*graph, []*node) {
	g := newGraph(m)
	nonce := value{n: g.node(opNonce, 0)}
	w := block2(nonce)
	stores := []*node{g.node(opStore, nonceSlot, nonce.n)}
	for i := 16; i < 64; i++ {
		g.expand(&w, i)
		if i < firstShared {
			continue
		}
		kw := w[i]
		if i < 63 {
			kw = g.add(kw, constant(number(k[i])))
		}
		stores = append(stores, g.node(opStore, i-firstShared, g.vector(kw)))
		g.step++
	}
	return g, stores
}

// fixed returns the pass that computes a whole hash.
func fixed(m *machine) (*graph, []*node) {
	g := newGraph(m)
	w := block2(g.memory(nonceSlot))
	return g, g.pass(func(i int) value {
		if i >= 16 {
			g.expand(&w, i)
		}
		if i == 63 {
			return w[i]
		}
		return g.add(w[i], constant(number(k[i])))
	})
}

// rolled returns the pass that computes a hash whose message schedule has been stored by
// shared.
func rolled(m *machine) (*graph, []*node) {
	g := newGraph(m)
	w := block2(g.memory(nonceSlot))
	g.expand(&w, 16)
	g.expand(&w, 17)
	return g, g.pass(func(i int) value {
		if i >= firstShared {
			return g.memory(i - firstShared)
		}
		return g.add(w[i], constant(number(k[i])))
	})
}

// pass returns the roots of one turn of the inner loop. On a machine that overlaps,
// a turn computes the first hash of one header and the second hash of the header
// before, whose digest the previous turn has stored. The two are independent, so one
// of them can proceed while the other waits for a result, and the code is no longer
// than that of a single hash.
func (g *graph) pass(kw func(i int) value) []*node {
	if !g.m.overlaps {
		return []*node{g.secondHash(g.firstHash(kw))}
	}
	var previous message
	for i := range 8 {
		previous[i] = g.memory(digestSlot + i)
	}
	roots := []*node{g.secondHash(previous)}

	g.step = 0
	digest := g.firstHash(kw)
	for i := range 8 {
		roots = append(roots, g.node(opStore, digestSlot+i, g.vector(digest[i])))
	}
	return roots
}
