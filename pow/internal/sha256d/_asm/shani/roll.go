package main

import (
	"slices"
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// behind is the number of pieces by which each stream is behind the first.
//
// If versions share the words of the first hash, the code of the first hash consists
// of rounds only, and that of the second of rounds and words. For an even load, two
// streams are always in the first hash while the other two are in the second. A
// stream that is behind completes its hash in the next turn of the loop.
//
// A stream must not be behind by more than pieces/2: the words of a group are
// overwritten by those of the next group, so all streams must be in the second hash
// of the group's last version by then.
var behind = []int{0, 1, 15, 16}

const pieces = 32 // in a hash

// before points to the version of the previous turn of the loop.
var before = RSI

// roll emits a scan that stops if there may be a hit. It cannot say where the hit is,
// because in each turn some streams complete the hash of the previous version or
// group.
func roll() {
	TEXT("shaniRoll", 0, "func(job, versions *uint32, count int, limit uint64, first uint32, groups int) (groupsLeft int)")
	Pragma("noescape")
	Doc("shaniRoll tries every version with groups of "+strconv.Itoa(layoutNow.streams)+" nonces, from first on. It computes the",
		"words of the first hash once for all versions. It stops at a group if this group or the",
		"one before may have a hash whose most significant word is below limit, and returns the",
		"number of groups that are left, including this one. The result is 0 if the end of the",
		"last group has such a hash, and -1 if no group has one.")
	loadParameters()
	MOVQ(versions, before)
	XORL(hits.As32(), hits.As32())

	all := make([]*stream, layoutNow.streams)
	first := make([]VecPhysical, layoutNow.streams)
	for i := range behind {
		all[i] = newStream(i)
		// At the start of the loop, streams are in the middle of the same hashes as at
		// its end, so they have a last quad.
		if behind[i] > 0 && behind[i] < pieces/2 {
			first[i] = vectors.take()
			all[i].last = first[i]
		}
	}
	Label("group")
	for s := range behind {
		nonceWords(s)
	}
	for i := range behind {
		s := newStream(i)
		s.ring = sharedRing
		for _, piece := range s.schedule() {
			piece()
		}
	}
	MOVQ(versions, version)
	Load(Param("count"), left)

	Label("version")
	lists := make([][]func(), layoutNow.streams)
	for i, s := range all {
		if behind[i] == pieces/2 {
			s.midOf = before
		}
		lists[i] = s.version()
	}
	for at := range pieces {
		for i := range behind {
			piece := (at - behind[i] + pieces) % pieces
			lists[i][piece]()
			if piece == pieces-1 {
				compare(i)
			}
		}
	}
	// Move the last quads to the registers in which the start of the loop expects
	// them. They go through spare registers, because the last quad of one stream may
	// be in the register that is meant for another.
	spare := []VecPhysical{X0}
	for _, x := range vectors {
		if !slices.Contains(first, x) {
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
	JZ(LabelRef("complete")) // this turn has completed the last group
	MOVQ(version, before)
	ADDQ(I8(versionSize), version)
	DECQ(left)
	JNZ(LabelRef("version"))
	ADDL(I8(layoutNow.streams), nonce.As32())
	DECQ(groups)
	JMP(LabelRef("group"))

	Label("complete")
	MOVQ(I32(-1), groups)
	Label("done")
	Store(groups, ReturnIndex(0))
	RET()
}
