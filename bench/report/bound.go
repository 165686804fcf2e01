package report

// bounds are the fewest cycles for a hash that a core's units allow a kernel, for
// the kinds of cores that there are, slow ones first: the operations that the
// generator counts (go generate ./pow/internal/sha256d), over units and lanes.
func bounds(kernel string) []float64 {
	switch kernel {
	case "avx512-roll", "avx512": // a scan of one version is the same loop
		return []float64{88.9, 44.5} // 2,845 operations: two 512-bit units, four
	case "avx2":
		return []float64{239.5, 179.6} // 5,747 operations: three units, four
	case "sha-ni":
		return []float64{180, 120, 72} // sha256rnds2 every 3 cycles, every 2, every one
	default:
		return nil
	}
}

// bound returns the bound of the slowest kind of core that can have taken so few
// cycles. ok is false where none is known.
func bound(kernel string, cycles float64) (b float64, ok bool) {
	for _, b := range bounds(kernel) {
		if b <= cycles {
			return b, true
		}
	}
	return 0, false
}
