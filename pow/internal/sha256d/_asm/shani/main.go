// Command shani writes the sha-ni kernel of package sha256d, in Go assembly for
// processors with the SHA-256 instructions. Run go generate in that package.
//
//   - main.go      the loops over groups of nonces and over versions
//   - roll.go      the same loops for versions that share words
//   - stream.go    the registers and the memory of the streams
//   - turns.go     the order of their pieces, and loops of pieces that are alike
//   - hash.go      one hash of one stream, as a list of pieces of code
//   - constants.go the words that are the same for every job
package main

import (
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// General registers of the scan.
var (
	job      = R8  // points to the shaniJob; for its layout see hash.go
	versions = R9  // points to the first shaniVersion
	limit    = R10 // one more than the largest word of a candidate
	nonce    = R11 // first nonce of the group
	groups   = R12 // number of groups left, including the current one
	version  = R13 // points to the current shaniVersion
	left     = R14 // number of versions left, including the current one
	scratch  = R15 // points to the aligned memory of the streams
	hits     = DI  // one bit for each stream

	// In the loops of a compact layout. EAX counts the turns.
	rows  = RCX // scratch plus 16 for each turn
	sumsK = RBX // points to the table of constants, plus 16 for each turn
)

func main() {
	ConstraintExpr("amd64,!purego,!noasm")
	constants()
	use(narrow)
	scan("shaniScan")
	roll()
	use(wide)
	scan("shaniWide")
	Generate()
}

// scan emits the loops over groups and versions around the code of one hash.
func scan(name string) {
	TEXT(name, 0, "func(job, versions *uint32, count int, limit uint64, first uint32, groups int) (groupsLeft, versionsLeft int, hits uint32)")
	Pragma("noescape")
	Doc(name+" tries every version with groups of "+strconv.Itoa(layoutNow.streams)+" nonces, from first on, until a group",
		"has a hash whose most significant word is below limit. Then hits has a bit for",
		"each such nonce of the group, the lowest bit for the first nonce; groupsLeft and",
		"versionsLeft are the numbers of groups and versions that are left, including",
		"those of the hits. If there is no such hash, hits is zero.")
	loadParameters()

	Label("group")
	for s := range layoutNow.streams {
		nonceWords(s)
	}
	MOVQ(versions, version)
	Load(Param("count"), left)

	Label("version")
	var all []*stream
	for i := range layoutNow.streams {
		all = append(all, newStream(i))
	}
	interleave(all)

	XORL(hits.As32(), hits.As32())
	for s := layoutNow.streams - 1; s >= 0; s-- {
		compare(s)
	}
	TESTL(hits.As32(), hits.As32())
	JNZ(LabelRef("done"))
	ADDQ(I8(versionSize), version)
	DECQ(left)
	JNZ(LabelRef("version"))
	ADDL(I8(layoutNow.streams), nonce.As32())
	DECQ(groups)
	JNZ(LabelRef("group"))

	Label("done")
	Store(groups, ReturnIndex(0))
	Store(left, ReturnIndex(1))
	Store(hits.As32(), ReturnIndex(2))
	RET()
}

// loadParameters emits the loads of the parameters and the alignment of the memory.
func loadParameters() {
	Load(Param("job"), job)
	Load(Param("versions"), versions)
	Load(Param("limit"), limit)
	Load(Param("first"), nonce.As32())
	Load(Param("groups"), groups)
	local := AllocLocal(layoutNow.streams*perStream + 64)
	LEAQ(local.Offset(63), scratch)
	ANDQ(I8(-64), scratch)
	// The SHA instructions have no VEX encoding. They are very slow while the upper
	// halves of the registers are not known to be zero.
	VZEROUPPER()
}

// nonceWords emits the stores of the vectors that depend on the nonce and not on the
// version: the nonce in the lanes that round 3 adds it to, and words 16 to 19.
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

// compare emits the comparison of a stream's hash, which shifts one bit into hits. The
// deciding word is the sum of e after round 60 and the initial h.
func compare(s int) {
	VPEXTRD(U8(1), newStream(s).abef, EAX)
	ADDL(U32(initial[7]), EAX)
	BSWAPL(EAX)
	CMPQ(RAX, limit)
	ADCL(hits.As32(), hits.As32())
}
