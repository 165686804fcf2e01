package main

// section is a part: straight code, or the body of a loop.
type section struct {
	name  string
	turns int // of the loop; 1 if there is none
	graph func(g *graph)
}

// sections returns the sections of the code at the beginning of a call, at the beginning
// of a group, and for each version, with versions that share words or do not.
//
// On a machine that overlaps, a pass computes the first hash of one header and the second hash
// of the header before, whose digest the previous pass has stored. The two are
// independent, so one of them can proceed while the other waits for a result, and the
// code is no longer than that of a single hash.
func sections(m *machine, share bool) (start, group, version []section) {
	start = []section{{"constants", 1, constantSums}}
	group = []section{{"nonces", 1, nonces}}
	if share {
		group = []section{{"early words", 1, groupWords}, {"words", turns, wordsLoop}}
	}
	if !m.overlaps {
		return start, group, []section{
			{"begin", 1, beginFirst(!share)},
			{"first hash", turns, firstLoop(!share)},
			{"between", 1, func(g *graph) { g.beginSecond(g.endFirst()) }},
			{"second hash", turns, secondLoop},
			{"end", 1, func(g *graph) { g.output(0, g.endSecond()) }},
		}
	}
	return start, group, []section{
		{"begin", 1, func(g *graph) {
			var digest message
			for i := range 8 {
				digest[i] = g.memory(address{slot: digestSlot + i})
			}
			g.beginSecond(digest)
			beginFirst(!share)(g)
		}},
		{"both hashes", turns, bothLoops(!share)},
		{"end", 1, func(g *graph) {
			g.storeDigest()
			g.step = 0
			g.output(0, g.endSecond())
		}},
	}
}
