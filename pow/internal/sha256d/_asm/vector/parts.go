package main

import "slices"

// This file and straight.go divide a hash into parts: loops, and code before, between and
// after them. When one part follows another, most words of the state are in registers, and
// the others and the message words are in memory.
//
// Most rounds are alike, and so are most words of the message schedule, so they are
// in a loop. Each of its turns runs four rounds of a hash, because after four rounds
// all eight words of the state are new, and can be in the registers of the old ones.
// It also computes two words of the schedule. The loop computes words 36 to 63 of the
// first hash while rounds 8 to 63 run, and words 33 to 60 of the second hash during
// its rounds 1 to 56. So each word is computed before its round. What is special is
// outside of the loops, in straight.go: the rounds before, the words before, which have
// terms that are constant or zero, and the last four rounds of the second hash.
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

// A pass hashes a group of nonces: several streams side by side, each of which is a vector
// of nonces. So there is enough to do while results are awaited. The scratch memory has a
// vector for each stream in every slot. For each of the two hashes, there are the
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
	firstSlots  = ringSlots + 8                   // of word firstRounds
	secondSlots = firstSlots + 64 - firstRounds   // of word secondRounds
	sharedSlots = secondSlots + 61 - secondRounds // of word firstWords - 16, if versions share the words
)

// slots returns the number of slots.
func slots(shared bool) int {
	if shared {
		return sharedSlots + 64 - firstWords + 16
	}
	return sharedSlots
}

// hash says where the vectors of one of the two hashes are, for one stream of nonces.
type hash struct {
	m                *machine
	stream           int
	words, firstWord int  // slot of a word, and the number of the word
	summed           bool // there are sums for the rounds, from slot firstSlots on
	constants        int  // position of its rounds' constants in those of a turn
}

// vector returns the position of the stream's vector in a slot.
func (h hash) vector(slot int) int { return slot*h.m.streams + h.stream }

// word and sum return the position of a word, and of its sum with the round constant.
func (h hash) word(i int) int { return h.vector(h.words + i - h.firstWord) }
func (h hash) sum(i int) int  { return h.vector(firstSlots + i - firstRounds) }

// operand returns the position of what a round adds: the word or the sum.
func (h hash) operand(i int) int {
	if h.summed {
		return h.sum(i)
	}
	return h.word(i)
}

// ring returns the position of a cold word of the state after a number of rounds of a turn.
// The word number i of the state, from a to h, was the word a or e some rounds before.
func (h hash) ring(i, rounds int) int {
	ring, age := i/4, i%4
	return h.vector(ringSlots + 4*ring + (rounds-age+4)%4)
}

// first returns the first hash of a stream, with words that versions share or do not.
func (m *machine) first(stream int, shared bool) hash {
	if shared {
		return hash{m: m, stream: stream, words: sharedSlots, firstWord: firstWords - 16, summed: true}
	}
	return hash{m: m, stream: stream, words: firstSlots, firstWord: firstRounds, constants: firstConstants}
}

// second returns the second hash of a stream.
func (m *machine) second(stream int) hash {
	return hash{m: m, stream: stream, words: secondSlots, firstWord: secondRounds, constants: secondConstants}
}

// enter returns the state that is in the hash's registers, and in its rings.
func (g *graph) enter(h hash) (s state) {
	register := h.stream * g.m.stateRegisters()
	for i := range s {
		if g.m.cold[i] {
			s[i] = g.memory(address{vector: h.ring(i, 0)})
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
	register := h.stream * g.m.stateRegisters()
	for i := range s {
		if !stored && g.m.rings[i/4] {
			g.store(address{vector: h.ring(i, 0)}, s[i])
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
// The operations of a round are together, and the streams take turns after each round. So
// the registers for intermediate results are used by one stream after another, and while
// the results of one round are awaited, those of the next stream's are computed.
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
				g.store(address{vector: h.ring(4*ring, i+1)}, s[4*ring])
			}
		}
		known := g.xors[pair(s[1], s[2])]
		for j := range s {
			if g.m.cold[j] {
				s[j] = g.memory(address{vector: h.ring(j, i+1)})
			}
		}
		if known.n != nil {
			g.xors[pair(s[1], s[2])] = known
		}
		spread(mingle(g.nodes[before:]), i*g.m.streams+h.stream, 1)
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

// loopWords adds the words of a turn of the loop, for all streams. The last words come
// before the last rounds, which may need them.
func (g *graph) loopWords(of func(stream int) hash, word int) (stores [][]*node) {
	stores = make([][]*node, g.m.streams)
	before := len(g.nodes)
	for i := range wordsATurn {
		for stream := range g.m.streams {
			stores[stream] = append(stores[stream], g.loopWord(of(stream), word, i))
		}
	}
	spread(g.nodes[before:], 0, roundsATurn*g.m.streams-2)
	return stores
}

// firstLoop is a turn of the loop for the first hash.
func firstLoop(shared bool) func(*graph) {
	return func(g *graph) {
		of := func(stream int) hash { return g.m.first(stream, shared) }
		stores := make([][]*node, g.m.streams)
		if !shared {
			stores = g.loopWords(of, firstWords)
		}
		for stream := range g.m.streams {
			g.loopRounds(of(stream), firstRounds, stores[stream])
		}
	}
}

// secondLoop is a turn of the loop for the second hash.
func secondLoop(g *graph) {
	g.loopWords(g.m.second, secondWords)
	for stream := range g.m.streams {
		g.loopRounds(g.m.second(stream), secondRounds, nil)
	}
}

// wordsLoop is a turn of a loop that computes words of the first hash only.
func wordsLoop(g *graph) {
	g.loopWords(func(stream int) hash { return g.m.first(stream, true) }, firstWords)
}
