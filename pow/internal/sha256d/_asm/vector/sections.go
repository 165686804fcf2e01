package main

// section is a part: straight code, or the body of a loop.
type section struct {
	name  string
	turns int // of the loop; 1 if there is none
	graph func(g *graph)
}

// sections returns the sections of the code at the beginning of a call, at the beginning
// of a pass, and for each version, with versions that share words or do not.
func sections(share bool) (start, group, version []section) {
	start = []section{{"constants", 1, constantSums}}
	group = []section{{"nonces", 1, nonces}}
	if share {
		group = []section{{"early words", 1, groupWords}, {"words", turns, wordsLoop}}
	}
	return start, group, []section{
		{"begin", 1, beginFirst(!share)},
		{"first hash", turns, firstLoop(!share)},
		{"between", 1, between},
		{"second hash", turns, secondLoop},
		{"end", 1, endSecond},
	}
}

// bias returns the positions in the scratch memory to which the pointers of a loop point
// in its first turn: one position for each base. They are chosen so that most
// displacements are small.
func (s section) bias(m *machine) [3]int {
	h, round, word := m.first(0), firstRounds, firstWords
	if s.name == "second hash" {
		h, round, word = m.second(0), secondRounds, secondWords
	}
	return [3]int{atScratch: middle, atRounds: h.sum(round), atWords: h.word(word)}
}
