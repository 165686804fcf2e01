package main

import (
	"fmt"
	"slices"

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

// turnConstants returns the round constants that a turn uses: those of the rounds of the
// first hash, those of the rounds of the second, and those of the words of the first.
func turnConstants(turn int) []uint32 {
	i, j, l := firstRounds+roundsATurn*turn, secondRounds+roundsATurn*turn, firstWords+wordsATurn*turn
	return slices.Concat(k[i:i+roundsATurn], k[j:j+roundsATurn], k[l:l+wordsATurn])
}

// Positions in the constants of a turn.
const (
	firstConstants  = 0
	secondConstants = firstConstants + roundsATurn
	wordConstants   = secondConstants + roundsATurn
)

// A pass hashes several groups of nonces side by side; see machine. The scratch memory
// has a vector for each of them in every slot. For each of the two hashes, there are the
// words of the message schedule from the one on that the loop uses first. If versions
// share the words of the first hash, their sums with the round constants are there
// instead, because these are then computed only once. The words themselves are in slots of
// their own.
//
// The cold words of a state are in rings: one of the last four values of a, and, on a
// machine with few registers, one of the last four values of e. In each turn of a loop, a
// ring is overwritten once.
const (
	ringSlots   = 0
	nonceSlot   = ringSlots + 8
	firstSlots  = nonceSlot + 1                   // of word firstRounds
	secondSlots = firstSlots + 64 - firstRounds   // of word secondRounds
	sharedSlots = secondSlots + 61 - secondRounds // of word firstWords - 16
	slots       = sharedSlots + 64 - firstWords + 16
)

// hash says where the vectors of one of the two hashes are, for one group of nonces.
type hash struct {
	m                *machine
	group            int
	words, firstWord int  // slot of a word, and the number of the word
	summed           bool // there are sums for the rounds, from slot firstSlots on
	constants        int  // position of its rounds' constants in those of a turn
}

// vector returns the position of the group's vector in a slot.
func (h hash) vector(slot int) int { return slot*h.m.groups + h.group }

func (h hash) word(i int) int { return h.vector(h.words + i - h.firstWord) }
func (h hash) sum(i int) int  { return h.vector(firstSlots + i - firstRounds) }
func (h hash) nonce() int     { return h.vector(nonceSlot) }

// operand returns the position of what a round adds.
func (h hash) operand(i int) int {
	if h.summed {
		return h.sum(i)
	}
	return h.word(i)
}

// ring returns the place of a word of the state after a number of rounds of a turn. The
// word in place i was in place 0 or 4 some rounds before.
func (h hash) ring(i, rounds int) int {
	ring, age := i/4, i%4
	return h.vector(ringSlots + 4*ring + (rounds-age+4)%4)
}

// first returns the first hash of a group, with words that versions share or do not.
func (m *machine) first(group int, shared bool) hash {
	if shared {
		return hash{m: m, group: group, words: sharedSlots, firstWord: firstWords - 16, summed: true}
	}
	return hash{m: m, group: group, words: firstSlots, firstWord: firstRounds, constants: firstConstants}
}

// second returns the second hash of a group.
func (m *machine) second(group int) hash {
	return hash{m: m, group: group, words: secondSlots, firstWord: secondRounds, constants: secondConstants}
}

// enter returns the state that is in the hash's registers, and in its rings.
func (g *graph) enter(h hash) (s state) {
	register := h.group * g.m.stateRegisters()
	for i := range s {
		if g.m.cold[i] {
			s[i] = g.memory(address{slot: h.ring(i, 0)})
			continue
		}
		s[i] = g.input(register)
		register++
	}
	if !g.m.ternary {
		g.xors[pair(s[1], s[2])] = g.input(register)
	}
	return s
}

// leave leaves the state in the hash's registers, and in its rings unless the loop has
// stored it there already. Without a ternary operation, the next round also needs the
// exclusive or of b and c, which is known; see maj.
func (g *graph) leave(h hash, s state, stored bool) {
	register := h.group * g.m.stateRegisters()
	for i := range s {
		if !stored && g.m.rings[i/4] {
			g.store(address{slot: h.ring(i, 0)}, s[i])
		}
		if !g.m.cold[i] {
			g.output(register, s[i])
			register++
		}
	}
	if !g.m.ternary {
		g.output(register, g.xor(s[1], s[2]))
	}
}

// unit is the distance of steps between two rounds, so that other operations can be put
// between those of a round.
const unit = 1000

// spread distributes nodes evenly over the steps of a number of rounds.
func spread(nodes []*node, from, rounds int) {
	for i, n := range nodes {
		n.step = unit*from + unit*rounds*i/len(nodes)
	}
}

// loopRounds adds the rounds of a turn of the loop. stores, unless nil, are those of the
// words that the turn computes.
//
// The operations of a round are together, and the groups take turns after each round. So
// the registers for intermediate results are used by one group after another, and while
// the results of one round are awaited, those of the next group's are computed.
func (g *graph) loopRounds(h hash, round int, stores []*node) {
	s := g.enter(h)
	for i := range roundsATurn {
		before := len(g.nodes)
		at := address{atRounds, h.operand(round + i)}
		w := g.memory(at)
		// In the last turn, the last two rounds use the words that the turn computes.
		if j := i - (roundsATurn - wordsATurn); j >= 0 && stores != nil {
			w = g.reload(at, stores[j])
		}
		if !h.summed {
			s[7] = value{n: g.node(opAdd, 0, g.vector(s[7]), g.series(h.constants+i))}
		}
		s = g.round(s, w)
		for ring, keep := range g.m.rings {
			if keep {
				g.store(address{slot: h.ring(4*ring, i+1)}, s[4*ring])
			}
		}
		known := g.xors[pair(s[1], s[2])]
		for j := range s {
			if g.m.cold[j] {
				s[j] = g.memory(address{slot: h.ring(j, i+1)})
			}
		}
		if known.n != nil {
			g.xors[pair(s[1], s[2])] = known
		}
		spread(mingle(g.nodes[before:]), i*g.m.groups+h.group, 1)
	}
	g.leave(h, s, true)
}

// loopWord adds the computation of the i-th word of a turn of the loop. It returns the
// store that the rounds read.
func (g *graph) loopWord(h hash, word, i int) *node {
	var w message
	for j := word + i - 16; j < word+i; j++ {
		w[j] = g.memory(address{atWords, h.word(j)})
	}
	g.expand(&w, word+i)
	if h.summed {
		sum := value{n: g.node(opAdd, 0, g.vector(w[word+i]), g.series(wordConstants+i))}
		g.store(address{atWords, h.sum(word + i)}, sum)
	}
	return g.store(address{atWords, h.word(word + i)}, w[word+i])
}

// loopWords adds the words of a turn of the loop, for all groups. The last words come
// before the last rounds, which may need them.
func (g *graph) loopWords(of func(group int) hash, word int) (stores [][]*node) {
	stores = make([][]*node, g.m.groups)
	before := len(g.nodes)
	for i := range wordsATurn {
		for group := range g.m.groups {
			stores[group] = append(stores[group], g.loopWord(of(group), word, i))
		}
	}
	spread(g.nodes[before:], 0, roundsATurn*g.m.groups-2)
	return stores
}

// firstLoop is a turn of the loop for the first hash.
func firstLoop(shared bool) func(*graph) {
	return func(g *graph) {
		of := func(group int) hash { return g.m.first(group, shared) }
		stores := make([][]*node, g.m.groups)
		if !shared {
			stores = g.loopWords(of, firstWords)
		}
		for group := range g.m.groups {
			g.loopRounds(of(group), firstRounds, stores[group])
		}
	}
}

// secondLoop is a turn of the loop for the second hash.
func secondLoop(g *graph) {
	g.loopWords(g.m.second, secondWords)
	for group := range g.m.groups {
		g.loopRounds(g.m.second(group), secondRounds, nil)
	}
}

// wordsLoop is a turn of a loop that computes words of the first hash only.
func wordsLoop(g *graph) {
	g.loopWords(func(group int) hash { return g.m.first(group, true) }, firstWords)
}

// constantWords stores the words that are the same for all nonces of a job, or their sums.
func constantWords(shared bool) func(*graph) {
	return func(g *graph) {
		w := block2(value{})
		g.expand(&w, 16)
		g.expand(&w, 17)
		x := message{8: constant(number(sha256.PaddingBit)), 15: constant(number(sha256.DigestBits))}
		for group := range g.m.groups {
			first, second := g.m.first(group, shared), g.m.second(group)
			for i := firstRounds; i < 18; i++ {
				if shared {
					g.store(address{slot: first.sum(i)}, g.add(w[i], constant(number(k[i]))))
				} else {
					g.store(address{slot: first.word(i)}, w[i])
				}
			}
			for i := 8; i < 16; i++ {
				g.store(address{slot: second.word(i)}, x[i])
			}
		}
	}
}

// nonces stores the nonces of the groups. They are in the first registers.
func nonces(g *graph) {
	for group := range g.m.groups {
		g.store(address{slot: g.m.first(group, false).nonce()}, g.input(group))
	}
}

// earlyWords computes and stores the words of the first hash before those of the loop.
func (g *graph) earlyWords(first hash, nonce value) {
	w := block2(nonce)
	for i := 16; i < firstWords; i++ {
		before := len(g.nodes)
		g.expand(&w, i)
		if first.summed && i >= 18 {
			g.store(address{slot: first.sum(i)}, g.add(w[i], constant(number(k[i]))))
		}
		if first.summed && i >= firstWords-16 || !first.summed && i >= 18 {
			g.store(address{slot: first.word(i)}, w[i])
		}
		spread(g.nodes[before:], g.m.turnOf(first.group, i-16, firstWords-16), 1)
	}
}

// turnOf returns the position of round or word i of n of a group in straight code.
func (m *machine) turnOf(group, i, n int) int {
	side := m.straight // groups side by side
	return (group/side*n+i)*side + group%side
}

// groupWords stores the nonces of the groups, which are in the first registers, and the
// early words of the first hash.
func groupWords(g *graph) {
	for group := range g.m.groups {
		first := g.m.first(group, true)
		nonce := g.input(group)
		g.store(address{slot: first.nonce()}, nonce)
		g.earlyWords(first, nonce)
	}
}

// beginFirst runs the first hash up to the loop.
func beginFirst(shared bool) func(*graph) {
	return func(g *graph) {
		for group := range g.m.groups {
			first := g.m.first(group, shared)
			nonce := g.memory(address{slot: first.nonce()})
			if !shared {
				g.earlyWords(first, nonce)
			}
			s := round3()
			w := block2(nonce)
			for i := 3; i < firstRounds; i++ {
				before := len(g.nodes)
				s = g.round(s, g.add(w[i], constant(number(k[i]))))
				spread(g.nodes[before:], g.m.turnOf(group, 4*(i-3), firstWords-16), 4)
			}
			before := len(g.nodes)
			g.leave(first, s, false)
			spread(g.nodes[before:], g.m.turnOf(group, firstWords-16, firstWords-16), 1)
		}
	}
}

// between completes the first hash and begins the second.
func between(g *graph) {
	for group := range g.m.groups {
		g.beginSecond(g.m.second(group), g.endFirst(g.m.first(group, false)))
	}
}

// endFirst completes the first hash and returns its digest.
func (g *graph) endFirst(first hash) (digest message) {
	g.step = unit * g.m.turnOf(first.group, 0, secondWords)
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
	spread(g.nodes[before:], g.m.turnOf(second.group, 0, secondWords), 1)
	for i := 1; i < secondWords; i++ {
		before := len(g.nodes)
		if i >= 16 {
			g.expand(&x, i)
		}
		if i < 8 || i >= 16 {
			g.store(address{slot: second.word(i)}, x[i])
		}
		spread(g.nodes[before:], g.m.turnOf(second.group, i, secondWords), 1)
	}
}

// endSecond runs the second hash after the loop, until the deciding word is known. It
// leaves this word minus the initial state, which the comparison takes into account.
//
// The word h after round 63 is the word e after round 60, so only e is computed.
func endSecond(g *graph) {
	for group := range g.m.groups {
		second := g.m.second(group)
		s := g.enter(second)
		for i := lastRounds; i <= 60; i++ {
			g.step = unit * (i*g.m.groups + group)
			e := g.add(s[3], s[7], g.memory(address{slot: second.word(i)}), constant(number(k[i])), g.ch(s[4], s[5], s[6]), g.bigSigma1(s[4]))
			s = state{{}, s[0], s[1], s[2], e, s[4], s[5], s[6]}
		}
		g.output(group, s[4])
	}
}

// decides is the constant that endSecond leaves out.
const decides = 0x5be0cd19
