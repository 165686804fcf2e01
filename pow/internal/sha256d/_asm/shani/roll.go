package main

import (
	"slices"
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Where versions share the words of the first hash, that is nothing but rounds,
// and the second is rounds and words. So half of the streams are in one while the
// others are in the other, all the time: each is so many pieces behind, and goes
// on through the end of the loop. No more than pieces/2, because a group's words
// may be written over once its last version is in the second hash.
var behind = [streams]int{0, 1, 15, 16}

const pieces = 32 // of a hash

// before is the version of the turn before.
var before = RSI

// roll emits a scan that stops where there may be a hit: some streams complete
// the hash of the version or group before.
func roll() {
	TEXT("shaniRoll", 0, "func(job, versions *uint32, count int, limit uint64, first uint32, groups int) (groupsLeft int)")
	Pragma("noescape")
	Doc("shaniRoll tries every version with groups of "+strconv.Itoa(streams)+" nonces, from first, all versions over",
		"the same words of the first hash, and stops at a group if it or the one before may have a hash",
		"whose most significant word is below limit. It returns how many groups were left,",
		"with that group; none if the last one's end showed it, and -1 if there is no such hash.")
	loadParameters()
	MOVQ(versions, before)
	XORL(hits.As32(), hits.As32())

	var all [streams]*stream
	var first [streams]VecPhysical
	for i := range streams {
		all[i] = newStream(i)
		// What is under way at the end of the loop is so at its start.
		if behind[i] > 0 && behind[i] < pieces/2 {
			first[i] = vectors.take()
			all[i].last = first[i]
		}
	}
	Label("group")
	for s := range streams {
		nonceWords(s)
	}
	for i := range streams {
		s := newStream(i)
		s.ring = sharedRing
		for _, piece := range s.schedule() {
			piece()
		}
	}
	MOVQ(versions, version)
	Load(Param("count"), left)

	Label("version")
	var lists [streams][]func()
	for i, s := range all {
		if behind[i] == pieces/2 {
			s.midOf = before
		}
		lists[i] = s.version()
	}
	for at := range pieces {
		for i := range streams {
			piece := (at - behind[i] + pieces) % pieces
			lists[i][piece]()
			if piece == pieces-1 {
				compare(i)
			}
		}
	}
	// By way of registers that are nobody's: one stream's words may be where the
	// other's belong.
	spare := []VecPhysical{X0}
	for _, x := range vectors {
		if !slices.Contains(first[:], x) {
			spare = append(spare, x)
		}
	}
	moved := 0
	for i, s := range all {
		if first[i] != nil {
			VMOVDQA(s.last, spare[moved])
			moved++
		}
	}
	moved = 0
	for i := range all {
		if first[i] != nil {
			VMOVDQA(spare[moved], first[i])
			moved++
		}
	}

	TESTL(hits.As32(), hits.As32())
	JNZ(LabelRef("done"))
	TESTQ(groups, groups)
	JZ(LabelRef("complete")) // this turn completed the last group
	MOVQ(version, before)
	ADDQ(I8(versionSize), version)
	DECQ(left)
	JNZ(LabelRef("version"))
	ADDL(I8(streams), nonce.As32())
	DECQ(groups)
	JMP(LabelRef("group"))

	Label("complete")
	MOVQ(I32(-1), groups)
	Label("done")
	Store(groups, ReturnIndex(0))
	RET()
}
