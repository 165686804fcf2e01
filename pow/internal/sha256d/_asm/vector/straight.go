package main

import (
	"fmt"

	"github.com/lodepow/lode/pow/internal/sha256d/_asm/sha256"
)

// This file contains the parts outside of the loops. A machine computes them for some of
// its streams side by side, and then for the next ones, because the values of all of them
// would not fit into the registers.

// constantWords stores the words that are the same for all nonces of a job, or their sums.
func constantWords(shared bool) func(*graph) {
	return func(g *graph) {
		w := block2(value{})
		g.expand(&w, 16)
		g.expand(&w, 17)
		x := message{8: constant(number(sha256.PaddingBit)), 15: constant(number(sha256.DigestBits))}
		for stream := range g.m.streams {
			first, second := g.m.first(stream, shared), g.m.second(stream)
			for i := firstRounds; i < 18; i++ {
				if shared {
					g.store(address{vector: first.sum(i)}, g.add(w[i], constant(number(k[i]))))
				} else {
					g.store(address{vector: first.word(i)}, w[i])
				}
			}
			for i := 8; i < 16; i++ {
				g.store(address{vector: second.word(i)}, x[i])
			}
		}
	}
}

// earlyWords computes and stores the words of the first hash before those of the loop.
func (g *graph) earlyWords(first hash, nonce value) {
	w := block2(nonce)
	for i := 16; i < firstWords; i++ {
		before := len(g.nodes)
		g.expand(&w, i)
		if first.summed && i >= 18 {
			g.store(address{vector: first.sum(i)}, g.add(w[i], constant(number(k[i]))))
		}
		if first.summed && i >= firstWords-16 || !first.summed && i >= 18 {
			g.store(address{vector: first.word(i)}, w[i])
		}
		spread(g.nodes[before:], g.m.turnOf(first.stream, i-16, firstWords-16), 1)
	}
}

// turnOf returns the place of round or word i of n of a stream in straight code. The streams
// that are side by side take turns.
func (m *machine) turnOf(stream, i, n int) int {
	side := m.straight // streams side by side
	return (stream/side*n+i)*side + stream%side
}

// groupWords computes the early words of the first hash for all versions. The nonces of the
// streams are in the first registers.
func groupWords(g *graph) {
	for stream := range g.m.streams {
		g.earlyWords(g.m.first(stream, true), g.input(stream))
	}
}

// beginFirst runs the first hash up to the loop. The nonces of the streams are in the first
// registers.
func beginFirst(shared bool) func(*graph) {
	return func(g *graph) {
		for stream := range g.m.streams {
			first := g.m.first(stream, shared)
			nonce := g.input(stream)
			if !shared {
				g.earlyWords(first, nonce)
			}
			s := round3()
			w := block2(nonce)
			for i := 3; i < firstRounds; i++ {
				before := len(g.nodes)
				s = g.round(s, g.add(w[i], constant(number(k[i]))))
				spread(g.nodes[before:], g.m.turnOf(stream, 4*(i-3), firstWords-16), 4*g.m.straight)
			}
			before := len(g.nodes)
			g.leave(first, s, false)
			spread(g.nodes[before:], g.m.turnOf(stream, firstWords-16, firstWords-16), 1)
		}
	}
}

// between completes the first hash and begins the second.
func between(g *graph) {
	for stream := range g.m.streams {
		g.beginSecond(g.m.second(stream), g.endFirst(g.m.first(stream, false)))
	}
}

// endFirst completes the first hash and returns its digest.
func (g *graph) endFirst(first hash) (digest message) {
	g.step = unit * g.m.turnOf(first.stream, 0, secondWords)
	s := g.enter(first)
	for i := range s {
		digest[i] = g.settle(g.add(s[i], constant(term(fmt.Sprintf("mid[%d]", i)))))
	}
	return digest
}

// beginSecond runs the second hash up to the loop.
func (g *graph) beginSecond(second hash, digest message) {
	x := digest
	x[8], x[15] = constant(number(sha256.PaddingBit)), constant(number(sha256.DigestBits))
	var s state
	for i := range s {
		s[i] = constant(number(initial[i]))
	}
	before := len(g.nodes)
	s = g.round(s, g.add(x[0], constant(number(k[0]))))
	g.leave(second, s, false)
	spread(g.nodes[before:], g.m.turnOf(second.stream, 0, secondWords), 1)
	for i := 1; i < secondWords; i++ {
		before := len(g.nodes)
		if i >= 16 {
			g.expand(&x, i)
		}
		if i < 8 || i >= 16 {
			g.store(address{vector: second.word(i)}, x[i])
		}
		spread(g.nodes[before:], g.m.turnOf(second.stream, i, secondWords), 1)
	}
}

// endSecond runs the second hash after the loop, until the deciding word is known. It
// leaves this word minus the initial state, which the comparison takes into account.
//
// The word h after round 63 is the word e after round 60, so only e is computed.
func endSecond(g *graph) {
	for stream := range g.m.streams {
		second := g.m.second(stream)
		s := g.enter(second)
		for i := lastRounds; i <= 60; i++ {
			g.step = unit * (i*g.m.streams + stream)
			e := g.add(s[3], s[7], g.memory(address{vector: second.word(i)}), constant(number(k[i])), g.ch(s[4], s[5], s[6]), g.bigSigma1(s[4]))
			s = state{{}, s[0], s[1], s[2], e, s[4], s[5], s[6]}
		}
		g.output(stream, s[4])
	}
}

// decides is the constant that endSecond leaves out.
const decides = 0x5be0cd19
