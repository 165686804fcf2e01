//go:build !amd64 || purego || noasm

package sha256d

// shaniInput is empty where the sha-ni kernel is not built in.
type shaniInput struct{}

func newSHANI(*Input) shaniInput { return shaniInput{} }

func shaniKernel() []Kernel { return nil }
