package sha256d

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// topWords returns the most significant word of the hash for each nonce and version,
// computed with the standard library.
func topWords(header [80]byte, versions []int32, first uint32, count int) []uint32 {
	var tops []uint32
	for i := range count {
		for _, version := range versions {
			binary.LittleEndian.PutUint32(header[0:], uint32(version))
			binary.LittleEndian.PutUint32(header[76:], first+uint32(i))
			sum := sha256.Sum256(header[:])
			sum = sha256.Sum256(sum[:])
			tops = append(tops, binary.LittleEndian.Uint32(sum[28:]))
		}
	}
	return tops
}

// The test scans ranges of every length up to three times the lanes, at both ends of
// the nonce space. They contain no candidates, a few, or nothing but candidates.
func TestEveryLength(t *testing.T) {
	for _, k := range runnable(t) {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(9, 10))
			for count := 0; count <= 3*k.Lanes+1; count++ {
				header, versions := randomHeader(r), randomVersions(r)
				in := NewInput(&header, versions, 0)
				if got := k.Scan(in, uint32(1<<32-uint64(count)), count); got != (Candidate{Hashes: count * len(versions)}) {
					t.Fatalf("%d nonces and %d versions without a candidate: %+v", count, len(versions), got)
				}
				for _, limit := range []uint32{0, math.MaxUint32 / 16, math.MaxUint32 / 2, math.MaxUint32} {
					compare(t, k, header, versions, limit, r.Uint32N(5), count)
					compare(t, k, header, versions, limit, uint32(1<<32-uint64(count)), count)
					compare(t, k, header, versions[:1], limit, uint32(1<<32-uint64(count)-1), count)
				}
			}
		})
	}
}

// A range with one candidate is shifted so that the candidate is in each of the
// lanes, and shortened so that it ends shortly before or after the candidate.
func TestEveryLane(t *testing.T) {
	for _, k := range runnable(t) {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(11, 12))
			for range 4 {
				header, versions := randomHeader(r), randomVersions(r)
				first := r.Uint32N(math.MaxUint32 - 64)
				tops := topWords(header, versions, first, 64)
				least := slices.Min(tops)
				nonce := first + uint32(slices.Index(tops, least)/len(versions))
				for lane := range 2 * k.Lanes {
					from := nonce - uint32(lane)
					for _, count := range []int{lane, lane + 1, lane + 2, lane + k.Lanes} {
						if from > nonce || uint64(from)+uint64(count) > 1<<32 {
							continue
						}
						compare(t, k, header, versions, least, from, count)
					}
				}
			}
		})
	}
}

// If a group contains several candidates, the kernel must return the one with the
// smallest nonce, even if a version that is tried earlier has another.
func TestSeveralInOneStep(t *testing.T) {
	for _, k := range runnable(t) {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(13, 14))
			for range 40 {
				header, versions := randomHeader(r), randomVersions(r)
				first := r.Uint32N(math.MaxUint32 - 64)
				tops := topWords(header, versions, first, k.Lanes)
				slices.Sort(tops)
				for _, n := range []int{1, 2, 3, 6, len(tops)} {
					limit := tops[min(n, len(tops))-1]
					compare(t, k, header, versions, limit, first, k.Lanes)
					compare(t, k, header, versions, limit, first, k.Lanes+1)
					compare(t, k, header, versions, limit, first, max(k.Lanes-1, 1))
				}
			}
		})
	}
}
