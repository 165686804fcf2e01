//go:build !amd64 || purego || noasm

package sha256d

// Without vector kernels, HashHeaders hashes one header after the other. On ARM, the
// library uses the SHA-2 instructions.
func headerLanes() int { return 0 }

func hashGroup[H ~[32]byte](int, []H, [][80]byte) {}
