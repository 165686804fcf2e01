package report

// bounds returns the least number of cycles that a kernel can take for one hash, for
// each kind of core, the slowest kind first. The number is that of the operations of a
// hash that is written out without loops, divided by the core's execution units and by
// the number of hashes in a vector. The kernels take up to 0.8 % more, which their
// generator counts. For sha-ni it follows from the throughput of the instruction
// sha256rnds2.
func bounds(kernel string) []float64 {
	switch kernel {
	case "avx512-roll", "avx512": // with a single version, both run the same loop
		return []float64{88.9, 44.5} // 2,845 operations on two or four 512-bit units
	case "avx2":
		return []float64{239.5, 179.6} // 5,747 operations on three or four units
	case "sha-ni":
		return []float64{180, 120, 72} // one sha256rnds2 in every 3, 2 or 1 cycles
	case "armv8-sha2":
		return []float64{159, 100} // the SHA unit of Apple's M1, and of Arm's Neoverse N1
	default:
		return nil
	}
}

// bound returns the bound of the slowest kind of core on which a kernel can have
// reached the given number of cycles per hash. It returns false if no bound is known,
// or if the kernel was faster than every bound.
func bound(kernel string, cycles float64) (b float64, ok bool) {
	for _, b := range bounds(kernel) {
		if b <= cycles {
			return b, true
		}
	}
	return 0, false
}
