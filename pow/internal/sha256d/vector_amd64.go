//go:build amd64 && !purego && !noasm

package sha256d

import (
	"math/bits"
	"slices"
)

// vectors holds the constants of a job for the vector kernels. All workers share
// them. Each kernel fills in its part on its first scan.
type vectors struct {
	avx512 avx512Input
	avx2   avx2Input
}

// assemblyKernels returns the kernels in assembly, the fastest on this CPU first.
func assemblyKernels(cpu CPU) []Kernel {
	if cpu.FastSHA {
		return slices.Concat(shaniKernels(cpu), avx512Kernels(), avx2Kernels())
	}
	return slices.Concat(avx512Kernels(), shaniKernels(cpu), avx2Kernels())
}

// The generated tables use the functions below, in addition to sigma0 and sigma1
// (FIPS 180-4, 4.1.2).

func bigSigma0(x uint32) uint32 {
	return bits.RotateLeft32(x, -2) ^ bits.RotateLeft32(x, -13) ^ bits.RotateLeft32(x, -22)
}

func bigSigma1(x uint32) uint32 {
	return bits.RotateLeft32(x, -6) ^ bits.RotateLeft32(x, -11) ^ bits.RotateLeft32(x, -25)
}

func ch(x, y, z uint32) uint32 { return z ^ x&(y^z) }

func maj(x, y, z uint32) uint32 { return y ^ (x^y)&(y^z) }

func xor(x, y uint32) uint32 { return x ^ y }
