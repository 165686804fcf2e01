package sha256d

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// hasSHA reports whether the processor has the SHA-256 instructions of ARMv8. All
// processors of Apple on which Go runs have them.
func hasSHA() bool { return runtime.GOOS == "darwin" || runtime.GOOS == "ios" || cpu.ARM64.HasSHA2 }
