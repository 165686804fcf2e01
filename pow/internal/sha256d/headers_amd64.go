//go:build amd64 && !purego && !noasm

package sha256d

import (
	"encoding/binary"
	"sync"
)

// headerLanes returns the number of headers that HashHeaders hashes side by side, or 0.
var headerLanes = sync.OnceValue(func() int { return lanesOn(DetectCPU()) })

// lanesOn returns what headerLanes returns on a processor.
//
// The SHA instructions hash one header after another as fast as AVX2 hashes eight of
// them, measured on a Xeon with both.
func lanesOn(cpu CPU) int {
	switch {
	case cpu.Has(AVX512):
		return avx512Vector
	case cpu.Has(AVX2) && !cpu.Has(SHA):
		return avx2Vector
	}
	return 0
}

// hashGroup hashes headers, at most one for each lane.
func hashGroup[H ~[32]byte](lanes int, hashes []H, headers [][80]byte) {
	if lanes == avx512Vector {
		hashVectors(avx512Fixed(), hashes, headers)
	} else {
		hashVectors(avx2Fixed(), hashes, headers)
	}
}

// vector is a word of each lane.
type vector interface {
	[avx2Vector]uint32 | [avx512Vector]uint32
}

// fixed holds the vectors that are the same for all headers.
type fixed[V vector] struct {
	initial    [8]V  // state
	afterTail  [12]V // padding of the second block of a header, after its four words
	afterFirst [8]V  // padding of the second hash, after the digest of the first
}

func newFixed[V vector]() *fixed[V] {
	f := &fixed[V]{}
	for i, word := range initial {
		f.initial[i] = everyLane[V](word)
	}
	f.afterTail[0], f.afterTail[11] = everyLane[V](paddingBit), everyLane[V](headerBits)
	f.afterFirst[0], f.afterFirst[7] = everyLane[V](paddingBit), everyLane[V](digestBits)
	return f
}

func everyLane[V vector](word uint32) (v V) {
	for lane := range len(v) {
		v[lane] = word
	}
	return v
}

var (
	avx512Fixed = sync.OnceValue(newFixed[[avx512Vector]uint32])
	avx2Fixed   = sync.OnceValue(newFixed[[avx2Vector]uint32])
)

// compressVectors replaces each lane's state by that after a block.
func compressVectors[V vector](state *[8]V, block *[16]V) {
	if len(block[0]) == avx512Vector {
		compressAVX512(&state[0][0], &block[0][0])
	} else {
		compressAVX2(&state[0][0], &block[0][0])
	}
}

func hashVectors[V vector, H ~[32]byte](f *fixed[V], hashes []H, headers [][80]byte) {
	state := f.initial
	var block [16]V
	for lane := range headers {
		for i := range 16 {
			block[i][lane] = binary.BigEndian.Uint32(headers[lane][4*i:])
		}
	}
	compressVectors(&state, &block)

	for lane := range headers {
		for i := range 4 {
			block[i][lane] = binary.BigEndian.Uint32(headers[lane][64+4*i:])
		}
	}
	copy(block[4:], f.afterTail[:])
	compressVectors(&state, &block)

	copy(block[:8], state[:])
	copy(block[8:], f.afterFirst[:])
	state = f.initial
	compressVectors(&state, &block)

	for lane := range hashes {
		var hash [32]byte
		for i := range state {
			binary.BigEndian.PutUint32(hash[4*i:], state[i][lane])
		}
		hashes[lane] = H(hash)
	}
}
