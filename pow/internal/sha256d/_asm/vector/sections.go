package main

// section is a part: straight code, or the body of a loop.
type section struct {
	name  string
	turns int // of the loop; 1 if there is none
	graph func(g *graph)
	loop  *loop // nil if it is not a loop of a hash
}

// loop says which hash a loop belongs to, and whether versions share the words of that.
type loop struct{ second, shared bool }

// sections returns the sections of the code at the beginning of a call, at the beginning
// of a pass, and for each version, with versions that share words or do not.
func sections(share bool) (start, group, version []section) {
	start = []section{{name: "constants", turns: 1, graph: constantWords(share)}}
	if share {
		group = []section{
			{name: "early words", turns: 1, graph: groupWords},
			{name: "words", turns: turns, graph: wordsLoop, loop: &loop{shared: true}},
		}
	}
	return start, group, []section{
		{name: "begin", turns: 1, graph: beginFirst(share)},
		{name: "first hash", turns: turns, graph: firstLoop(share), loop: &loop{shared: share}},
		{name: "between", turns: 1, graph: between},
		{name: "second hash", turns: turns, graph: secondLoop, loop: &loop{second: true}},
		{name: "end", turns: 1, graph: endSecond},
	}
}

// bias returns the positions in the scratch memory to which the pointers of a loop point
// in its first turn: one position for each base. They are chosen so that most
// displacements are small.
func (s section) bias(m *machine) [3]int {
	h, round, word := m.first(0, s.loop.shared), firstRounds, firstWords
	if s.loop.second {
		h, round, word = m.second(0), secondRounds, secondWords
	}
	return [3]int{atScratch: middle, atRounds: h.operand(round), atWords: h.word(word)}
}
