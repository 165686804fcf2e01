//go:build !arm64

package sha256d

import "github.com/klauspost/cpuid/v2"

// hasSHA reports whether the processor has the SHA-256 instructions of x86.
func hasSHA() bool { return cpuid.CPU.Supports(cpuid.SHA) }
