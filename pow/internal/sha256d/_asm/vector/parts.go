package main

import (
	"fmt"

	"github.com/lodepow/lode/pow/internal/sha256d/_asm/sha256"
)

// This file divides a hash into parts: loops, and code before, between and after them.
// The words of the state are in registers when one part follows another, and the
// message words are in memory.
//
// Most rounds are alike, and so are most words of the message schedule, so they are
// in a loop. Each of its turns runs four rounds of a hash, because after four rounds
// all eight words of the state are new, and can be in the registers of the old ones.
// It also computes two words of the schedule. The loop computes words 36 to 63 of the
// first hash while rounds 8 to 63 run, and words 33 to 60 of the second hash during
// its rounds 1 to 56. So each word is computed before its round. What is special is
// outside of the loop: the rounds before, the words before, which have terms that are
// constant or zero, and the last four rounds of the second hash.
const (
	turns        = 14 // of a loop
	roundsATurn  = 4
	wordsATurn   = 2
	firstRounds  = 8  // first round of the first hash in the loop
	firstWords   = 36 // first word of the first hash in the loop
	secondRounds = 1  // the same for the second hash
	secondWords  = 33
	lastRounds   = secondRounds + turns*roundsATurn // first round of the second hash after the loop
)

// turnConstants returns the round constants of the words that a turn computes: those
// of the first hash, then those of the second.
func turnConstants(turn int) []uint32 {
	i, j := firstWords+wordsATurn*turn, secondWords+wordsATurn*turn
	return []uint32{k[i], k[i+1], k[j], k[j+1]}
}

// Slots of the scratch memory. For each hash, there are the sums of word and round
// constant, which the rounds use, and the words, which later words are computed from.
const (
	firstSums   = 0                                 // of word firstRounds
	secondSums  = firstSums + 64 - firstRounds      // of word 1
	firstSlots  = secondSums + 60                   // of word firstWords - 16
	secondSlots = firstSlots + 64 - firstWords + 16 // of word secondWords - 16
	digestSlot  = secondSlots + 61 - secondWords + 16
	nonceSlot   = digestSlot + 8
	slots       = nonceSlot + 1
)

// hash says where the vectors of one of the two hashes are.
type hash struct {
	sums, firstSum   int // slot of a sum, and the word that it belongs to
	words, firstWord int // slot of a word, and the number of the word
	position         int // position of its words' round constants in those of a turn
	register         int // first register of the state
}

func (h hash) sum(i int) int  { return h.sums + i - h.firstSum }
func (h hash) word(i int) int { return h.words + i - h.firstWord }

// hashes returns the two hashes. If they overlap, each has its own registers.
func hashes(m *machine) (first, second hash) {
	first = hash{sums: firstSums, firstSum: firstRounds, words: firstSlots, firstWord: firstWords - 16}
	second = hash{sums: secondSums, firstSum: 1, words: secondSlots, firstWord: secondWords - 16, position: wordsATurn}
	if m.overlaps {
		second.register = m.stateRegisters()
	}
	return first, second
}

// enter returns the state that is in the hash's registers.
func (g *graph) enter(h hash) (s state) {
	for i := range s {
		s[i] = g.input(h.register + i)
	}
	if !g.m.ternary {
		pair := [2]*node{s[1].n, s[2].n}
		g.xors[pair] = g.input(h.register + len(s))
	}
	return s
}

// leave leaves the state in the hash's registers. Without a ternary operation, the
// next round also needs the exclusive or of b and c, which is known; see maj.
func (g *graph) leave(h hash, s state) {
	for i := range s {
		g.output(h.register+i, s[i])
	}
	if !g.m.ternary {
		g.output(h.register+len(s), g.xor(s[1], s[2]))
	}
}

// stride is the distance of steps between two rounds, so that words can be computed at
// the steps between them.
const stride = 4

// loopRounds adds the rounds of a turn of the loop. stores, unless nil, are those of
// the sums that the turn computes.
func (g *graph) loopRounds(h hash, round int, stores []*node) {
	g.step = 0
	s := g.enter(h)
	for i := range roundsATurn {
		at := address{atRounds, h.sum(round + i)}
		before := len(g.nodes)
		s = g.round(s, g.memory(at))
		// In the last turn, the last two rounds use the words that the turn computes.
		if j := i - (roundsATurn - wordsATurn); j >= 0 && stores != nil {
			for _, n := range g.nodes[before:] {
				for _, a := range n.args {
					if a == g.slots[at] {
						n.after = stores[j]
					}
				}
			}
		}
		g.step += stride
	}
	g.leave(h, s)
}

// loopWords adds the words of a turn of the loop. It returns the stores of their sums
// with the round constants.
func (g *graph) loopWords(h hash, word, step int) (stores []*node) {
	var w message
	for i := word - 16; i < word; i++ {
		w[i] = g.memory(address{atWords, h.word(i)})
	}
	for i := range wordsATurn {
		g.step = step
		g.expand(&w, word+i)
		sum := value{n: g.node(opAdd, 0, g.vector(w[word+i]), g.series(h.position+i))}
		stores = append(stores, g.store(address{atWords, h.sum(word + i)}, sum))
		g.store(address{atWords, h.word(word + i)}, w[word+i])
		step += stride
	}
	return stores
}

// firstLoop returns a turn of the loop for the first hash alone.
func firstLoop(withWords bool) func(*graph) {
	return func(g *graph) {
		first, _ := hashes(g.m)
		var stores []*node
		if withWords {
			stores = g.loopWords(first, firstWords, 0)
		}
		g.loopRounds(first, firstRounds, stores)
	}
}

// secondLoop returns a turn of the loop for the second hash alone.
func secondLoop(g *graph) {
	_, second := hashes(g.m)
	g.loopWords(second, secondWords, 2*stride)
	g.loopRounds(second, secondRounds, nil)
}

// bothLoops returns a turn of a loop that does the same as firstLoop and secondLoop.
func bothLoops(withWords bool) func(*graph) {
	return func(g *graph) {
		firstLoop(withWords)(g)
		secondLoop(g)
	}
}

// wordsLoop is a turn of a loop that computes words of the first hash only.
func wordsLoop(g *graph) {
	first, _ := hashes(g.m)
	g.loopWords(first, firstWords, 0)
}

// constantSums stores the sums that are the same for all nonces of a job.
func constantSums(g *graph) {
	first, second := hashes(g.m)
	w := block2(value{})
	g.expand(&w, 16)
	g.expand(&w, 17)
	for i := firstRounds; i < 18; i++ {
		g.store(address{slot: first.sum(i)}, g.add(w[i], constant(number(k[i]))))
	}
	x := message{8: constant(number(sha256.PaddingBit)), 15: constant(number(sha256.DigestBits))}
	for i := 8; i < 16; i++ {
		g.store(address{slot: second.sum(i)}, g.add(x[i], constant(number(k[i]))))
	}
}

// nonces stores the nonces of a group. They are in register 0.
func nonces(g *graph) { g.store(address{slot: nonceSlot}, g.input(0)) }

// nonce returns the nonces of the group.
func (g *graph) nonce() value { return g.memory(address{slot: nonceSlot}) }

// earlyWords computes and stores the words of the first hash before those of the loop.
func (g *graph) earlyWords(nonce value) {
	g.step = 0
	first, _ := hashes(g.m)
	w := block2(nonce)
	for i := 16; i < firstWords; i++ {
		g.expand(&w, i)
		if i >= 18 {
			g.store(address{slot: first.sum(i)}, g.add(w[i], constant(number(k[i]))))
		}
		if i >= firstWords-16 {
			g.store(address{slot: first.word(i)}, w[i])
		}
		g.step++
	}
}

// groupWords stores the nonces of a group, which are in register 0, and the early words
// of the first hash.
func groupWords(g *graph) {
	nonce := g.input(0)
	g.store(address{slot: nonceSlot}, nonce)
	g.earlyWords(nonce)
}

// beginFirst runs the first hash up to the loop.
func beginFirst(withWords bool) func(*graph) {
	return func(g *graph) {
		if withWords {
			g.earlyWords(g.nonce())
		}
		g.step = 0
		first, _ := hashes(g.m)
		s := round3()
		w := block2(g.nonce())
		for i := 3; i < firstRounds; i++ {
			s = g.round(s, g.add(w[i], constant(number(k[i]))))
			g.step += stride
		}
		g.leave(first, s)
	}
}

// endFirst completes the first hash and returns its digest.
func (g *graph) endFirst() (digest message) {
	first, _ := hashes(g.m)
	s := g.enter(first)
	for i := range s {
		digest[i] = g.settle(g.add(s[i], constant(term(fmt.Sprintf("mid[%d]", i)))))
	}
	return digest
}

// storeDigest completes the first hash and stores its digest.
func (g *graph) storeDigest() {
	digest := g.endFirst()
	for i := range 8 {
		g.store(address{slot: digestSlot + i}, digest[i])
	}
}

// beginSecond runs the second hash up to the loop.
func (g *graph) beginSecond(digest message) {
	g.step = 0
	_, second := hashes(g.m)
	x := digest
	x[8], x[15] = constant(number(sha256.PaddingBit)), constant(number(sha256.DigestBits))
	var s state
	for i := range s {
		s[i] = constant(number(initial[i]))
	}
	s = g.round(s, g.add(x[0], constant(number(k[0]))))
	g.leave(second, s)
	for i := 1; i < secondWords; i++ {
		if i >= 16 {
			g.expand(&x, i)
			g.step++
		}
		if i < 8 || i >= 16 {
			g.store(address{slot: second.sum(i)}, g.add(x[i], constant(number(k[i]))))
		}
		if i >= secondWords-16 {
			g.store(address{slot: second.word(i)}, x[i])
		}
	}
}

// endSecond runs the second hash after the loop, until the deciding word is known. It
// returns this word minus the initial state, which the comparison takes into account.
//
// The word h after round 63 is the word e after round 60, so only e is computed.
func (g *graph) endSecond() value {
	_, second := hashes(g.m)
	s := g.enter(second)
	for i := lastRounds; i <= 60; i++ {
		e := g.add(s[3], s[7], g.memory(address{slot: second.sum(i)}), g.ch(s[4], s[5], s[6]), g.bigSigma1(s[4]))
		s = state{{}, s[0], s[1], s[2], e, s[4], s[5], s[6]}
		g.step += stride
	}
	return s[4]
}

// decides is the constant that endSecond leaves out.
const decides = 0x5be0cd19
