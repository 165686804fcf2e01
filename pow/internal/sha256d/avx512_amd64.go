//go:build amd64 && !purego && !noasm

package sha256d

import "math/bits"

//go:generate go run -C _asm . -table ../avx512_table_amd64.go -out ../avx512_amd64.s -stubs ../avx512_stub_amd64.go -pkg sha256d

const (
	avx512Lanes = 16

	// rollVersions is how many versions rollAVX512 is called with at most.
	rollVersions = 16
)

// vectors holds the constants of the vector kernels. It is filled with the input,
// in less time than the first group of hashes takes, and then all workers share
// it without a lock.
type vectors struct {
	job      avx512Job
	versions []avx512Version
}

func (v *vectors) fill(in *Input) {
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
	job, versions := &in.vectors.job, in.vectors.versions
	groups := (count + avx512Lanes - 1) / avx512Lanes
	if len(versions) == 1 {
		done, found := scanAVX512(&job[0], &versions[0][0], first, groups, in.Limit)
		return pick(done, found, func(int) uint32 { return found }, 1, first, count)
	}

	// Every version has to be through with a group before the next begins.
	masks := make([]uint32, 0, rollVersions)
	for done := range groups {
		masks = masks[:0]
		var found uint32
		for v := range versions {
			_, mask := scanAVX512(&job[0], &versions[v][0], first+uint32(done*avx512Lanes), 1, in.Limit)
			masks = append(masks, mask)
			found |= mask
		}
		if found != 0 {
			return pick(done, found, func(v int) uint32 { return masks[v] }, len(versions), first, count)
		}
	}
	return pick(groups, 0, nil, len(versions), first, count)
}

// scanRollAVX512 hashes all versions of a group over one message schedule. A
// single version has nothing to share.
func scanRollAVX512(in *Input, first uint32, count int) Candidate {
	n := len(in.Versions)
	if n == 1 || n > rollVersions {
		return scanFixedAVX512(in, first, count)
	}
	groups := (count + avx512Lanes - 1) / avx512Lanes
	var masks [rollVersions]uint16
	done, found := rollAVX512(&in.vectors.job[0], &in.vectors.versions[0][0], n,
		first, groups, in.Limit, &masks[0])
	if found != 0 {
		done-- // pick counts the groups before
	}
	return pick(done, found, func(v int) uint32 { return uint32(masks[v]) }, n, first, count)
}

// pick makes the outcome of a scan that stopped after so many whole groups
// without a candidate. found has a bit for each lane of the next group in which
// some version has one, lanes the same for a version.
func pick(done int, found uint32, lanes func(version int) uint32, versions int, first uint32, count int) Candidate {
	if found == 0 {
		return Candidate{Hashes: done * avx512Lanes * versions}
	}
	c := Candidate{Hashes: (done + 1) * avx512Lanes * versions}
	at := done*avx512Lanes + bits.TrailingZeros32(found)
	if at >= count {
		return c // in the last group, past the end of the range
	}
	c.Found = true
	c.Nonce = first + uint32(at)
	for lanes(c.Version)>>bits.TrailingZeros32(found)&1 == 0 {
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
