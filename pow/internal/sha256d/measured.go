package sha256d

import "github.com/klauspost/cpuid/v2"

// Cycles is the number of cycles of one core that a hash takes, in jobs of one version
// and of 16. Zero means that it has not been measured.
type Cycles struct{ One, Sixteen float64 }

// In returns the number for a job of the given number of versions.
func (c Cycles) In(versions int) float64 {
	switch versions {
	case 1:
		return c.One
	case maxVersions:
		return c.Sixteen
	default:
		return 0
	}
}

// The figures are medians of BenchmarkCycles; docs/kernels.md says how they were
// measured. They need not be exact: they tell a core on which something is wrong from
// one that is well, and which two kernels are so close that only the machine itself can
// tell which is faster.
//
// Those of the vector kernels on Zen 4, Golden Cove and Redwood Cove are of former loops and
// have not been measured since. On Zen 5 the present kernels were measured.
var (
	zen4 = map[string]Cycles{
		"sha-ni":      {98.7, 82.8},
		"avx512-roll": {104.2, 89.7},
		"avx512":      {104.2, 104.2},
		"avx2":        {228, 195},
	}
	zen5 = map[string]Cycles{
		"avx512-roll": {47.1, 41.5},
		"avx512":      {47.1, 48.0},
		"sha-ni":      {122.5, 123.7},
		"avx2":        {198, 177},
	}
	goldenCove = map[string]Cycles{
		"avx512-roll": {91.8, 78.1},
		"avx512":      {91.8, 99.0},
		"sha-ni":      {184, 186},
		"avx2":        {255, 228},
	}
	redwoodCove = map[string]Cycles{
		"avx512-roll": {88.4, 85.1},
		"avx512":      {88.5, 90.8},
		"sha-ni":      {189, 191},
		"avx2":        {274, 250},
	}
)

// measuredOn returns the figures of a processor. Families of AMD contain several cores.
// amx is whether it has Intel's matrix extensions.
func measuredOn(vendor cpuid.Vendor, family, model int, amx bool) map[string]Cycles {
	switch {
	case vendor == cpuid.AMD && family == 0x1a && zen5Model(model):
		return zen5
	case vendor == cpuid.AMD && family == 0x19 && zen4Model(model):
		return zen4
	case vendor == cpuid.Intel && family == 6 && (model == 143 || model == 207):
		return goldenCove // servers of the fourth and fifth generation; 207 was measured
	case vendor == cpuid.Intel && family == 6 && (model == 173 || model == 174 || model == 167 && amx):
		// Servers of the sixth generation. The one that was measured shows its guests the
		// model of a desktop from before the matrix extensions.
		return redwoodCove
	default:
		return nil
	}
}

// zen4Model tells Zen 4 from Zen 3, which is in the same family (Linux,
// arch/x86/kernel/cpu/amd.c).
func zen4Model(model int) bool {
	return model >= 0x10 && model <= 0x1f || model >= 0x60 && model <= 0xaf
}

// zen5Model tells servers and desktops from notebooks, most of which have units of half
// the width.
func zen5Model(model int) bool { return model <= 0x1f || model >= 0x40 && model <= 0x4f }
