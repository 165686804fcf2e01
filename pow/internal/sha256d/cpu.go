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

	// WideSHA is set if the SHA instructions need six hashes side by side instead of four.
	// This is so on Zen 5. On other processors it has not been measured.
	WideSHA bool

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
	cpu.FastSHA, cpu.WideSHA = shaOf(cpuid.CPU.VendorID, cpuid.CPU.Family)
	return cpu
}

// shaOf returns FastSHA and WideSHA of a processor: Zen 3 and Zen 4 have the first, and
// Zen 5 the second.
func shaOf(vendor cpuid.Vendor, family int) (fast, wide bool) {
	return vendor == cpuid.AMD && family == 0x19, vendor == cpuid.AMD && family == 0x1a
}
