//go:build amd64 && !purego && !noasm

package sha256d

import (
	"math/bits"
	"slices"
)

// vectors holds the constants of the vector kernels, for all workers. Each set is
// made when a kernel first wants it.
type vectors struct {
	avx512 avx512Input
	avx2   avx2Input
}

// assemblyKernels are the rows with assembly of their own, the fastest first.
func assemblyKernels(cpu CPU) []Kernel {
	if cpu.FastSHA {
		return slices.Concat(shaniKernels(), avx512Kernels(), avx2Kernels())
	}
	return slices.Concat(avx512Kernels(), shaniKernels(), avx2Kernels())
}

// pick makes the outcome of a scan that did so many whole groups of lanes. found
// has a bit for each lane of the last in which some version has a candidate,
// masks the same for each version.
func pick(lanes, done int, found uint32, masks *[maxVersions]uint16, versions int, first uint32, count int) Candidate {
	c := Candidate{Hashes: min(done*lanes, count) * versions} // lanes past the range are not counted
	lane := bits.TrailingZeros32(found)
	at := (done-1)*lanes + lane
	if found == 0 || at >= count { // or past the end of the range, in the last group
		return c
	}
	c.Found = true
	c.Nonce = first + uint32(at)
	for masks[c.Version]>>lane&1 == 0 {
		c.Version++
	}
	return c
}

// What the generated code calls beside sigma0 and sigma1 (FIPS 180-4, 4.1.2).

func bigSigma0(x uint32) uint32 {
	return bits.RotateLeft32(x, -2) ^ bits.RotateLeft32(x, -13) ^ bits.RotateLeft32(x, -22)
}

func bigSigma1(x uint32) uint32 {
	return bits.RotateLeft32(x, -6) ^ bits.RotateLeft32(x, -11) ^ bits.RotateLeft32(x, -25)
}

func ch(x, y, z uint32) uint32 { return z ^ x&(y^z) }

func maj(x, y, z uint32) uint32 { return y ^ (x^y)&(y^z) }

func xor(x, y uint32) uint32 { return x ^ y }
