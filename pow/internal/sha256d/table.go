package sha256d

import (
	stdlib "crypto/sha256"
	"slices"

	minio "github.com/minio/sha256-simd"
)

// The kernel for ARM is generated from here, because go generate on another processor
// does not read the files for ARM.
//
//go:generate go run -C _asm ./armv8 -out ../sha2_arm64.s

// Kernel is an implementation of the scan.
type Kernel struct {
	Name  string
	About string
	Lanes int // hashes computed side by side

	// Chunk is the number of hashes that a worker claims at a time. They must not
	// take more than 0.4 ms, because nothing interrupts a chunk. Chunks of fewer than
	// 512 hashes would make the claims cost a measurable part of the time.
	Chunk int

	// Versions is the number of versions of the jobs that the kernel is made for. The
	// zero value is one version.
	Versions int

	Needs []Feature // the kernel can run only if the CPU has all of them
	Scan  ScanFunc
}

// Kernels returns all kernels that are built in, in order of preference on the
// given CPU. Those that cannot run on it come last.
func Kernels(cpu CPU) []Kernel {
	rows := []Kernel{
		{
			Name:  "minio",
			About: "minio/sha256-simd, from the midstate",
			Lanes: 1,
			Chunk: 512,
			Scan:  scanDigest(minio.New, minio.Sum256),
		},
		{
			Name:  "stdlib",
			About: "crypto/sha256, from the midstate",
			Lanes: 1,
			Chunk: 512,
			Scan:  scanDigest(stdlib.New, stdlib.Sum256),
		},
		{
			Name:  "portable",
			About: "plain Go: midstate, precomputed rounds, early reject",
			Lanes: 1,
			Chunk: 512,
			Scan:  scanPortable,
		},
	}
	if !cpu.Has(SHA) {
		// The libraries are the faster ones only because they use the SHA
		// instructions. Without these, the shortcuts of the portable kernel save more.
		slices.Reverse(rows)
	}

	// The kernels in assembly are faster than all of these, where they can run.
	var fits, lacks []Kernel
	for _, k := range assemblyKernels(cpu) {
		if slices.ContainsFunc(k.Needs, func(f Feature) bool { return !cpu.Has(f) }) {
			lacks = append(lacks, k)
		} else {
			fits = append(fits, k)
		}
	}
	return slices.Concat(fits, rows, lacks)
}
