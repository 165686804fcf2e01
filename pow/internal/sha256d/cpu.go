package sha256d

import (
	"slices"

	"github.com/klauspost/cpuid/v2"
)

// Feature is a CPU extension that a kernel requires or benefits from.
type Feature string

// The features that matter to kernels.
const (
	SHA    Feature = "sha"    // SHA-256 instructions: SHA-NI on amd64, the SHA2 extension on arm64
	AVX2   Feature = "avx2"   // 256-bit integer vectors
	AVX512 Feature = "avx512" // 512-bit integer vectors: F, BW, DQ and VL
)

// CPU describes the processor, as far as it matters to kernels.
type CPU struct {
	Name     string
	Features []Feature

	// FastSHA is set if the SHA instructions are faster than AVX-512. This is so on
	// Zen 4, which starts a sha256rnds2 in every cycle and executes a 512-bit
	// operation in two halves. Other processors start one every two or three cycles.
	FastSHA bool

	// Measured has what a hash takes on processors of this family, by kernel. It is nil
	// if nobody has measured it.
	Measured map[string]Cycles
}

// Has reports whether the CPU has the feature.
func (c CPU) Has(f Feature) bool { return slices.Contains(c.Features, f) }

// DetectCPU describes the processor that the program runs on. With the build tags
// purego or noasm it reports no features, because nothing could use them.
func DetectCPU() CPU {
	cpu := CPU{Name: cpuid.CPU.BrandName}
	if !assembly {
		return cpu
	}
	has := cpuid.CPU.Supports
	if hasSHA() {
		cpu.Features = append(cpu.Features, SHA)
	}
	if has(cpuid.AVX2) {
		cpu.Features = append(cpu.Features, AVX2)
	}
	if has(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL) {
		cpu.Features = append(cpu.Features, AVX512)
	}
	cpu.Measured = measuredOn(cpuid.CPU.VendorID, cpuid.CPU.Family, cpuid.CPU.Model, has(cpuid.AMXTILE))
	cpu.FastSHA = cpuid.CPU.VendorID == cpuid.AMD && cpuid.CPU.Family == 0x19
	return cpu
}
