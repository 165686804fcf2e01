package sha256d

import (
	"runtime"
	"testing"

	"github.com/klauspost/cpuid/v2"
)

// The models are those of products: Genoa and Ryzen 7000 are Zen 4, Milan and Ryzen 5000
// are Zen 3, Turin and Ryzen 9000 are Zen 5 with full width, Strix Point is not.
func TestMeasuredOn(t *testing.T) {
	for _, tc := range []struct {
		what          string
		vendor        cpuid.Vendor
		family, model int
		amx           bool
		roll          float64 // cycles of avx512-roll with 16 versions
	}{
		{"Genoa", cpuid.AMD, 0x19, 0x11, false, 89.7},
		{"Ryzen 7000", cpuid.AMD, 0x19, 0x61, false, 89.7},
		{"Milan", cpuid.AMD, 0x19, 0x01, false, 0},
		{"Ryzen 5000", cpuid.AMD, 0x19, 0x21, false, 0},
		{"Turin", cpuid.AMD, 0x1a, 0x02, false, 41.5},
		{"Ryzen 9000", cpuid.AMD, 0x1a, 0x44, false, 41.5},
		{"Strix Point", cpuid.AMD, 0x1a, 0x24, false, 0},
		{"Sapphire Rapids", cpuid.Intel, 6, 143, true, 78.1},
		{"Emerald Rapids", cpuid.Intel, 6, 207, true, 78.1},
		{"Granite Rapids", cpuid.Intel, 6, 173, true, 85.1},
		{"Granite Rapids D", cpuid.Intel, 6, 174, true, 85.1},
		{"Granite Rapids under another number", cpuid.Intel, 6, 167, true, 85.1},
		{"Rocket Lake", cpuid.Intel, 6, 167, false, 0},
		{"Skylake", cpuid.Intel, 6, 85, false, 0},
		{"another vendor", cpuid.Hygon, 0x1a, 0x02, false, 0},
	} {
		if got := measuredOn(tc.vendor, tc.family, tc.model, tc.amx)["avx512-roll"].In(16); got != tc.roll {
			t.Errorf("%s: %v cycles, want %v", tc.what, got, tc.roll)
		}
	}
}

// Every figure belongs to a kernel of the table, or would never be used.
func TestMeasuredKernelsExist(t *testing.T) {
	if !assembly || runtime.GOARCH != "amd64" {
		t.Skip("the kernels that were measured are those for x86-64")
	}
	names := map[string]bool{}
	for _, k := range Kernels(CPU{}) {
		names[k.Name] = true
	}
	for _, family := range []map[string]Cycles{zen4, zen5, goldenCove, redwoodCove} {
		for name, c := range family {
			if !names[name] || c.One <= 0 {
				t.Errorf("kernel %s: in the table %v, %v cycles", name, names[name], c.One)
			}
			if c.In(1) != c.One || c.In(16) != c.Sixteen || c.In(2) != 0 {
				t.Errorf("kernel %s: %v, %v, %v", name, c.In(1), c.In(2), c.In(16))
			}
		}
	}
}

// A hash takes 60 sha256rnds2, one of which can start every 1, 2 or 3 cycles, and on Zen 4
// 72 cycles for other reasons unless versions share words. A figure below that was not
// measured well, and one that is half as much again is of a kernel that could be better.
func TestMeasuredSHAFitsTheBound(t *testing.T) {
	for _, tc := range []struct {
		core  string
		rows  map[string]Cycles
		bound Cycles
	}{
		{"Zen 4", zen4, Cycles{72, 60}},
		{"Zen 5", zen5, Cycles{120, 120}},
		{"Golden Cove", goldenCove, Cycles{180, 180}},
		{"Redwood Cove", redwoodCove, Cycles{180, 180}},
	} {
		got := tc.rows["sha-ni"]
		if got.One < tc.bound.One || got.One > 1.5*tc.bound.One || got.Sixteen < tc.bound.Sixteen || got.Sixteen > 1.5*tc.bound.Sixteen {
			t.Errorf("%s: %v cycles with one version and 16, and the bounds are %v", tc.core, got, tc.bound)
		}
	}
}
