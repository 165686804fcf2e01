//go:build amd64 && !purego && !noasm

package sha256d

import "testing"

// HashHeaders uses vectors where they are faster than the SHA instructions.
func TestHeaderLanes(t *testing.T) {
	for name, test := range map[string]struct {
		features []Feature
		want     int
	}{
		"no extension":             {nil, 0},
		"SHA instructions":         {[]Feature{SHA}, 0},
		"AVX2":                     {[]Feature{AVX2}, 8},
		"AVX2 with SHA":            {[]Feature{SHA, AVX2}, 0}, // Zen 1 to Zen 3
		"AVX-512":                  {[]Feature{AVX2, AVX512}, 16},
		"AVX-512 with SHA":         {[]Feature{SHA, AVX2, AVX512}, 16},
		"AVX-512 without the rest": {[]Feature{AVX512}, 16},
	} {
		if got := lanesOn(CPU{Features: test.features}); got != test.want {
			t.Errorf("%s: %d headers are hashed side by side, want %d", name, got, test.want)
		}
	}
	if got, want := headerLanes(), lanesOn(DetectCPU()); got != want {
		t.Errorf("on this processor %d headers are hashed side by side, want %d", got, want)
	}
}
