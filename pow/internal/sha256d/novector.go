//go:build !amd64 || purego || noasm

package sha256d

// vectors is what vector kernels prepare: none are built in.
type vectors struct{}

func (*vectors) fill(*Input) {}

func vectorKernels() []Kernel { return nil }
