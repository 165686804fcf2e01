//go:build amd64 && !purego && !noasm

package sha256d

import "sync"

//go:generate go run -C _asm ./vector -isa avx512 -table ../avx512_table_amd64.go -out ../avx512_amd64.s -stubs ../avx512_stub_amd64.go -pkg sha256d

// avx512Scratch has the scratch memory of scans that are not running. On the stack, it would
// make the stack of every new worker grow.
var avx512Scratch = sync.Pool{New: func() any { return new([avx512Memory]byte) }}

type avx512Input struct {
	once     sync.Once
	job      avx512Job
	versions []avx512Version
}

func (v *avx512Input) prepare(in *Input) {
	v.once.Do(func() {
		v.job.fill(&in.Tail)
		v.versions = make([]avx512Version, len(in.Versions))
		for i := range v.versions {
			v.versions[i].fill(&in.Versions[i].Mid, &in.Versions[i].Round3)
		}
	})
}

func avx512Kernels() []Kernel {
	return []Kernel{
		{
			Name:  "avx512-roll",
			About: "AVX-512: versions of a job share a message schedule",
			Lanes: avx512Lanes,
			Chunk: 8192,
			Needs: []Feature{AVX512},
			Scan:  scanRollAVX512,

			Versions: maxVersions,
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

// scanFixedAVX512 computes the whole hash for each version.
func scanFixedAVX512(in *Input, first uint32, count int) Candidate {
	if count == 0 {
		return Candidate{}
	}
	v := &in.vectors.avx512
	v.prepare(in)
	groups := (count + avx512Lanes - 1) / avx512Lanes
	var masks [maxVersions]uint64
	memory := avx512Scratch.Get().(*[avx512Memory]byte)
	done, found := scanAVX512(&v.job[0], &v.versions[0][0], len(v.versions), first, groups, in.Limit, &masks[0], &memory[0])
	avx512Scratch.Put(memory)
	return pick(avx512Lanes, done, found, &masks, len(v.versions), first, count)
}

// scanRollAVX512 computes the message schedule of the first hash once for all
// versions of a group. A job with a single version has nothing to share, so it is
// left to scanFixedAVX512.
func scanRollAVX512(in *Input, first uint32, count int) Candidate {
	if count == 0 || len(in.Versions) == 1 {
		return scanFixedAVX512(in, first, count)
	}
	v := &in.vectors.avx512
	v.prepare(in)
	groups := (count + avx512Lanes - 1) / avx512Lanes
	var masks [maxVersions]uint64
	memory := avx512Scratch.Get().(*[avx512Memory]byte)
	done, found := rollAVX512(&v.job[0], &v.versions[0][0], len(v.versions), first, groups, in.Limit, &masks[0], &memory[0])
	avx512Scratch.Put(memory)
	return pick(avx512Lanes, done, found, &masks, len(v.versions), first, count)
}
