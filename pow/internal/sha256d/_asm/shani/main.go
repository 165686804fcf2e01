// Command shani writes the sha-ni kernel of package sha256d: Go assembly for
// processors with the SHA-256 instructions. Run it with go generate there.
//
//   - main.go      the loop over groups of nonces and their versions
//   - roll.go      the same for versions that share words
//   - hash.go      one hash of one stream, as a list of pieces of code
//   - constants.go the words that are the same for every job
package main

import (
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	// The instruction for two rounds takes 4 cycles and a new one can start
	// after 2 or 3, so two streams hide its latency and four hide the rest too.
	streams = 4

	// Each stream runs this many pieces (four rounds each) behind the one before
	// it, so that they do not all pass from the first hash to the second at once.
	skew = 1
)

// What the scan keeps in general registers.
var (
	job      = R8  // *shaniJob: see the offsets in hash.go
	versions = R9  // the first *shaniVersion
	limit    = R10 // one more than the largest word that is a candidate
	nonce    = R11 // the group's first nonce
	groups   = R12 // groups left, with this one
	version  = R13 // the version of this round, a *shaniVersion
	left     = R14 // versions left, with this one
	scratch  = R15 // aligned memory of the streams
	hits     = DI  // one bit a stream
)

func main() {
	ConstraintExpr("amd64,!purego,!noasm")
	constants()
	scan()
	roll()
	Generate()
}

// scan emits the loops over groups and versions around the code of one hash.
func scan() {
	TEXT("shaniScan", 0, "func(job, versions *uint32, count int, limit uint64, first uint32, groups int) (groupsLeft, versionsLeft int, hits uint32)")
	Pragma("noescape")
	Doc("shaniScan tries every version with groups of "+strconv.Itoa(streams)+" nonces, from first, until a group",
		"has a hash whose most significant word is below limit. Then hits has a bit for",
		"each such nonce of the group, its first the lowest; groupsLeft and versionsLeft",
		"count what was left, with the group and the version of the hits. Otherwise hits",
		"is zero.")
	loadParameters()

	Label("group")
	for s := range streams {
		nonceWords(s)
	}
	MOVQ(versions, version)
	Load(Param("count"), left)

	Label("version")
	var lists [][]func()
	for s := range streams {
		lists = append(lists, newStream(s).hash())
	}
	interleave(lists)

	XORL(hits.As32(), hits.As32())
	for s := streams - 1; s >= 0; s-- {
		compare(s)
	}
	TESTL(hits.As32(), hits.As32())
	JNZ(LabelRef("done"))
	ADDQ(I8(versionSize), version)
	DECQ(left)
	JNZ(LabelRef("version"))
	ADDL(I8(streams), nonce.As32())
	DECQ(groups)
	JNZ(LabelRef("group"))

	Label("done")
	Store(groups, ReturnIndex(0))
	Store(left, ReturnIndex(1))
	Store(hits.As32(), ReturnIndex(2))
	RET()
}

func loadParameters() {
	Load(Param("job"), job)
	Load(Param("versions"), versions)
	Load(Param("limit"), limit)
	Load(Param("first"), nonce.As32())
	Load(Param("groups"), groups)
	local := AllocLocal(streams*perStream + 64)
	LEAQ(local.Offset(63), scratch)
	ANDQ(I8(-64), scratch)
	// The SHA instructions have no VEX form; over dirty upper halves they crawl.
	VZEROUPPER()
}

// interleave emits the pieces of all streams in turn.
func interleave(lists [][]func()) {
	for at := range len(lists[0]) + skew*(len(lists)-1) {
		for s, list := range lists {
			if i := at - skew*s; i >= 0 && i < len(list) {
				list[i]()
			}
		}
	}
}

// nonceWords stores what of the first hash depends on the nonce and not on the
// version: the lanes that round 3 adds to, and words 16 to 19.
func nonceWords(s int) {
	x := vectors.take()
	LEAL(Mem{Base: nonce, Disp: s}, EAX)
	BSWAPL(EAX)
	VMOVD(EAX, x)
	VPSHUFD(U8(lanes(1, 0, 1, 0)), x, x) // 0, w3, 0, w3
	VMOVDQA(x, slot(s, nonceSlot))
	vectors.give(x)

	Comment("sigma0")
	MOVL(EAX, EDX)
	RORL(U8(11), EDX)
	XORL(EAX, EDX)
	RORL(U8(7), EDX)
	MOVL(EAX, EBX)
	SHRL(U8(3), EBX)
	XORL(EBX, EDX)
	SHLQ(U8(32), RAX)
	ORQ(RDX, RAX)
	y := vectors.take()
	VMOVQ(RAX, y)
	VPSLLDQ(U8(8), y, y) // 0, 0, sigma0(w3), w3
	VPADDD(Mem{Base: job, Disp: words16to19}, y, y)
	VMOVDQA(y, slot(s, w16Slot))
	vectors.give(y)
}

// compare shifts one bit into hits: whether the stream's hash is a candidate.
// Its last word is e of round 60 and the initial h.
func compare(s int) {
	VPEXTRD(U8(1), newStream(s).abef, EAX)
	ADDL(U32(initial[7]), EAX)
	BSWAPL(EAX)
	CMPQ(RAX, limit)
	ADCL(hits.As32(), hits.As32())
}
