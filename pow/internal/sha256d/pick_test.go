//go:build (amd64 || arm64) && !purego && !noasm

package sha256d

import "testing"

// The candidate is the first lane with a bit, and the first version that has this bit.
// Lanes behind the end of the range do not count, neither as candidates nor as hashes.
func TestPick(t *testing.T) {
	const last = 1 << 63
	for _, tc := range []struct {
		what        string
		done, count int
		found       uint64
		masks       map[int]uint64 // by version
		want        Candidate
	}{
		{"nothing", 2, 128, 0, nil, Candidate{Hashes: 128 * 16}},
		{"nothing in a range that ends within a group", 2, 100, 0, nil, Candidate{Hashes: 100 * 16}},
		{"the first lane", 1, 64, 1, map[int]uint64{0: 1}, Candidate{Found: true, Nonce: 1000, Hashes: 64 * 16}},
		{"the last lane of the last version", 1, 64, last, map[int]uint64{15: last}, Candidate{Found: true, Nonce: 1063, Version: 15, Hashes: 64 * 16}},
		{"the last lane, in the range", 3, 192, last, map[int]uint64{7: last}, Candidate{Found: true, Nonce: 1191, Version: 7, Hashes: 192 * 16}},
		{"the last lane, behind the range", 3, 191, last, map[int]uint64{7: last}, Candidate{Hashes: 191 * 16}},
		{"a lower lane of a later version", 1, 64, last | 1<<40, map[int]uint64{0: last, 9: 1 << 40}, Candidate{Found: true, Nonce: 1040, Version: 9, Hashes: 64 * 16}},
		{"two versions of a lane", 1, 64, 1 << 33, map[int]uint64{4: 1 << 33, 5: 1 << 33}, Candidate{Found: true, Nonce: 1033, Version: 4, Hashes: 64 * 16}},
	} {
		var masks [maxVersions]uint64
		for version, mask := range tc.masks {
			masks[version] = mask
		}
		if got := pick(64, tc.done, tc.found, &masks, 16, 1000, tc.count); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.what, got, tc.want)
		}
	}
}

// A chunk consists of whole groups with any number of versions that divides it, so that
// no lanes are wasted at its end.
func TestChunksAreWholeGroups(t *testing.T) {
	for _, k := range Kernels(CPU{}) {
		if k.Lanes > 1 && k.Chunk%(k.Lanes*maxVersions) != 0 {
			t.Errorf("%s: chunks of %d hashes, groups of %d nonces", k.Name, k.Chunk, k.Lanes)
		}
	}
}
