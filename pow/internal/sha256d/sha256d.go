// Package sha256d contains the kernels of package pow. A kernel computes SHA-256d of
// 80-byte headers that differ in version and nonce only, and looks at nothing but
// the most significant word of each hash.
//
// As in FIPS 180-4, a word is four bytes in big-endian order. A header has 20
// words: word 0 is the version and word 19 the nonce. The first 16 words are the
// first block of the first hash. The state after this block, the midstate, is the
// same for every nonce. The second block consists of the last four words and
// padding. The digest, with padding, is the only block of the second hash.
package sha256d

import (
	"encoding/binary"
	"math/bits"
)

const maxVersions = 16

// Input holds everything about a search that does not depend on the nonce, in the
// form that kernels read. All workers of a search share one Input.
type Input struct {
	Tail     [3]uint32 // header words 16 to 18: end of the merkle root, time, bits
	Limit    uint32    // the largest most significant hash word of a candidate
	Versions []Version // at least one, at most maxVersions

	schedule schedule

	// Kernels in assembly fill these in on their first scan.
	shani   shaniInput
	vectors vectors
}

// Version holds the states that depend on the version field and not on the nonce.
type Version struct {
	Mid [8]uint32 // midstate

	// Round3 is the state of the second block before round 3, the first that uses
	// the nonce. The words keep the positions that they have in the midstate
	// instead of moving down: rounds 0 to 2 have replaced b, c, d and f, g, h in
	// place, and round 3 will replace a and e.
	Round3 [8]uint32
}

// Candidate is the result of a scan. If Found is set, the scan has stopped at the
// first hash whose most significant word is at most the input's limit.
type Candidate struct {
	Found   bool
	Nonce   uint32
	Version int // index into Input.Versions
	Hashes  int // hashes computed, including those computed side by side with the candidate
}

// ScanFunc tries count nonces from first on, and every version with each nonce, in
// this order. first+count must not exceed 2^32. The number of hashes must fit an
// int.
type ScanFunc func(in *Input, first uint32, count int) Candidate

// NewInput prepares a header for the given versions. The version and the nonce in
// the header are ignored.
func NewInput(header *[80]byte, versions []int32, limit uint32) *Input {
	var words [20]uint32
	for i := range words {
		words[i] = binary.BigEndian.Uint32(header[4*i:])
	}
	if len(versions) > maxVersions { // kernels would write past the end of their masks
		panic("sha256d: too many versions")
	}
	in := &Input{
		Tail:     [3]uint32(words[16:19]),
		Limit:    limit,
		Versions: make([]Version, len(versions)),
	}
	in.schedule = newSchedule(in.Tail)

	first := [16]uint32(words[:16])
	for i, v := range versions {
		first[0] = bits.ReverseBytes32(uint32(v)) // fields are little-endian, words big-endian
		mid := compress(&initial, &first)
		in.Versions[i] = Version{Mid: mid, Round3: rounds0to2(mid, in.Tail)}
	}
	return in
}
