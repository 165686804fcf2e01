// Package sha256d searches nonces: its kernels compute SHA-256d of 80-byte
// headers that differ only in version and nonce, and look at nothing but the
// most significant word of the hash.
//
// The words here are those of FIPS 180-4: a header's bytes taken four at a time,
// big-endian. The version is word 0, the nonce word 19. The first 64 bytes fill
// one block of SHA-256; its outcome, the midstate, is the same for every nonce.
// The second block holds the last four words and padding, and its digest, padded
// again, is the one block of the second hash.
package sha256d

import (
	"encoding/binary"
	"math/bits"
)

const maxVersions = 16

// Input is one search in the form that kernels read. It is made once and then
// shared by all workers.
type Input struct {
	Tail     [3]uint32 // header words 16 to 18: end of the merkle root, time, bits
	Limit    uint32    // candidates have a most significant hash word of at most this
	Versions []Version // at least one, at most maxVersions

	schedule schedule
	shani    shaniInput // made by the kernels when they begin
	vectors  vectors
}

// Version is what one version field makes of the first half of the header.
type Version struct {
	Mid [8]uint32 // midstate

	// Round3 is the state after rounds 0 to 2 of the second block, which the
	// nonce does not reach. The words stand where they stood in the midstate:
	// b, c, d and f, g, h are replaced, a and e are still to come.
	Round3 [8]uint32
}

// Candidate is where a scan stopped: at the first hash whose most significant
// word is at most the input's limit, if it found one.
type Candidate struct {
	Found   bool
	Nonce   uint32
	Version int // index in Input.Versions
	Hashes  int // hashes computed, with those past the candidate that shared its step
}

// ScanFunc tries count nonces from first, every version with each, in that
// order. first+count must not exceed 2^32, and count times the versions must
// fit an int.
type ScanFunc func(in *Input, first uint32, count int) Candidate

// NewInput prepares a header for its version fields, whose own version is
// ignored.
func NewInput(header *[80]byte, versions []int32, limit uint32) *Input {
	var words [20]uint32
	for i := range words {
		words[i] = binary.BigEndian.Uint32(header[4*i:])
	}
	if len(versions) > maxVersions {
		panic("sha256d: too many versions") // kernels would write past the end of their masks
	}
	in := &Input{
		Tail:     [3]uint32(words[16:19]),
		Limit:    limit,
		Versions: make([]Version, len(versions)),
	}
	in.schedule = newSchedule(in.Tail)

	first := [16]uint32(words[:16])
	for i, v := range versions {
		first[0] = bits.ReverseBytes32(uint32(v)) // the header is little-endian
		mid := compress(&initial, &first)
		in.Versions[i] = Version{Mid: mid, Round3: rounds0to2(mid, in.Tail)}
	}
	return in
}
