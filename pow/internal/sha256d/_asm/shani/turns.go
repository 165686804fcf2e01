package main

import (
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Pieces firstAlike to lastAlike of each of the two hashes differ only in the addresses
// of words and round constants: they compute a quad whose words have all four terms.
const (
	firstAlike = 7
	lastAlike  = 14
	secondHash = 16 // number of pieces before the second hash
)

// inTurn is set while the code of a turn is emitted.
var inTurn bool

// interleave emits the hashes of streams, one piece of each stream in turn. In a compact
// layout, a loop replaces the code of pieces that are alike. Long code makes a core slow
// at reading it, above all beside a busy hyperthread.
func interleave(streams []*stream) {
	var lists [][]func()
	for _, s := range streams {
		lists = append(lists, s.hash())
	}
	row := func(at int) {
		for i, s := range streams {
			if piece := at - s.behind(); piece >= 0 && piece < len(lists[i]) {
				lists[i][piece]()
			}
		}
	}
	ahead := layoutNow.stagger - 1 // of the stream that is last
	turns := lastAlike - (firstAlike + ahead) + 1
	for at := 0; at < len(lists[0])+ahead; at++ {
		if piece := at - ahead; layoutNow.compact && piece%secondHash == firstAlike {
			loopOver(row, at, turns)
			for _, s := range streams {
				s.lastQuad += turns - 1
			}
			at += turns - 1
			continue
		}
		row(at)
	}
}

// loopOver emits a loop that runs a row of pieces and those that follow it.
func loopOver(row func(at int), at, turns int) {
	MOVQ(scratch, rows)
	LEAQ(table, sumsK)
	MOVL(U32(turns), EAX)
	label := "turn" + strconv.Itoa(at)
	Label(label)
	inTurn = true
	row(at)
	inTurn = false
	ADDQ(I8(16), rows)
	ADDQ(I8(16), sumsK)
	DECL(EAX)
	JNZ(LabelRef(label))
}

// roundConstants returns the location of the constants of four rounds.
func roundConstants(k quad) Mem {
	if inTurn {
		return Mem{Base: sumsK, Disp: offset[k]}
	}
	return constant(k)
}
