//go:build !amd64 || purego || noasm

package sha256d

// What the kernels in assembly prepare: none are built in.
type (
	vectors    struct{}
	shaniInput struct{}
)

func assemblyKernels(CPU) []Kernel { return nil }
