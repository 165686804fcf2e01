//go:build amd64 && !purego && !noasm

package sha256d

import "math/bits"

//go:generate go run -C _asm . -table ../avx512_table_amd64.go -out ../avx512_amd64.s -stubs ../avx512_stub_amd64.go -pkg sha256d

const (
	avx512Lanes = 16

	maxVersions = 16 // see Input
)

// vectors holds the constants of the vector kernels. It is filled with the input,
// so that all workers share it without a lock.
type vectors struct {
	job      avx512Job
	versions []avx512Version
}

func (v *vectors) fill(in *Input) {
	if len(in.Versions) > maxVersions {
		panic("sha256d: too many versions") // the kernels would write past the end of their masks
	}
	v.job.fill(&in.Tail)
	v.versions = make([]avx512Version, len(in.Versions))
	for i := range v.versions {
		v.versions[i].fill(&in.Versions[i].Mid, &in.Versions[i].Round3)
	}
}

func vectorKernels() []Kernel {
	return []Kernel{
		{
			Name:  "avx512-roll",
			About: "AVX-512: versions of a job share a message schedule",
			Lanes: avx512Lanes,
			Chunk: 8192,
			Needs: []Feature{AVX512},
			Scan:  scanRollAVX512,
		},
		{
			Name:  "avx512",
			About: "AVX-512: versions of a job one by one",
			Lanes: avx512Lanes,
			Chunk: 8192,
			Needs: []Feature{AVX512},
			Scan:  scanFixedAVX512,
		},
	}
}

// scanFixedAVX512 hashes one version at a time.
func scanFixedAVX512(in *Input, first uint32, count int) Candidate {
	if count == 0 {
		return Candidate{}
	}
	groups := (count + avx512Lanes - 1) / avx512Lanes
	var masks [maxVersions]uint16
	done, found := scanAVX512(&in.vectors.job[0], &in.vectors.versions[0][0], len(in.Versions),
		first, groups, in.Limit, &masks[0])
	return pick(done, found, &masks, len(in.Versions), first, count)
}

// scanRollAVX512 hashes all versions of a group over one message schedule. A
// single version has nothing to share.
func scanRollAVX512(in *Input, first uint32, count int) Candidate {
	if count == 0 || len(in.Versions) == 1 {
		return scanFixedAVX512(in, first, count)
	}
	groups := (count + avx512Lanes - 1) / avx512Lanes
	var masks [maxVersions]uint16
	done, found := rollAVX512(&in.vectors.job[0], &in.vectors.versions[0][0], len(in.Versions),
		first, groups, in.Limit, &masks[0])
	return pick(done, found, &masks, len(in.Versions), first, count)
}

// pick makes the outcome of a scan that did so many whole groups. found has a bit
// for each lane of the last in which some version has a candidate, masks the same
// for each version.
func pick(done int, found uint32, masks *[maxVersions]uint16, versions int, first uint32, count int) Candidate {
	c := Candidate{Hashes: min(done*avx512Lanes, count) * versions} // lanes past the range are not counted
	lane := bits.TrailingZeros32(found)
	at := (done-1)*avx512Lanes + lane
	if found == 0 || at >= count { // or past the end of the range, in the last group
		return c
	}
	c.Found = true
	c.Nonce = first + uint32(at)
	for masks[c.Version]>>lane&1 == 0 {
		c.Version++
	}
	return c
}

// What the generated code calls beside sigma0 and sigma1 (FIPS 180-4, 4.1.2).

func bigSigma0(x uint32) uint32 {
	return bits.RotateLeft32(x, -2) ^ bits.RotateLeft32(x, -13) ^ bits.RotateLeft32(x, -22)
}

func bigSigma1(x uint32) uint32 {
	return bits.RotateLeft32(x, -6) ^ bits.RotateLeft32(x, -11) ^ bits.RotateLeft32(x, -25)
}

func ch(x, y, z uint32) uint32 { return z ^ x&(y^z) }

func maj(x, y, z uint32) uint32 { return y ^ (x^y)&(y^z) }
