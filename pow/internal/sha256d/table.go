package sha256d

import (
	stdlib "crypto/sha256"
	"slices"

	minio "github.com/minio/sha256-simd"
)

// Kernel is a row of the table: one way to scan.
type Kernel struct {
	Name  string
	About string
	Lanes int // hashes computed side by side
	// Chunk is how many hashes a worker claims at a time: worth at most 0.4 ms,
	// because nothing interrupts a chunk, and at least 512 hashes, because below
	// that the claim begins to cost.
	Chunk int
	Needs []Feature // without all of them the kernel cannot run
	Scan  ScanFunc
}

// Kernels returns the table in order of preference on a CPU with those
// features.
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
		// The libraries owe their lead to the SHA instructions. Without them
		// the shortcuts are worth more than their assembly.
		slices.Reverse(rows)
	}

	// What has assembly of its own beats both, and stands last where the CPU
	// lacks it.
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
