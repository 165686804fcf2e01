package report

// bounds are the fewest cycles for a hash that a core's units allow a kernel, for
// the kinds of cores that there are, slow ones first. docs/kernels.md derives
// them: operations over units.
func bounds(kernel string) []float64 {
	switch kernel {
	case "avx512-roll", "avx512": // a scan of one version is the same loop
		return []float64{88.9, 44.5} // two 512-bit units, of which one rotates; four and two
	case "sha-ni":
		return []float64{180, 120, 72} // sha256rnds2 every 3 cycles, every 2, every one
	case "avx2":
		return []float64{239.5, 179.6} // three 256-bit operations a cycle, four
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
