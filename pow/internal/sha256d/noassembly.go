//go:build (!amd64 && !arm64) || purego || noasm

package sha256d

// Without kernels in assembly, an input has nothing to prepare for them.
type (
	vectors    struct{}
	shaniInput struct{}
)

func assemblyKernels(CPU) []Kernel { return nil }
