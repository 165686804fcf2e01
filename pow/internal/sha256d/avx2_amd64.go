//go:build amd64 && !purego && !noasm

package sha256d

import "sync"

//go:generate go run -C _asm ./vector -isa avx2 -table ../avx2_table_amd64.go -out ../avx2_amd64.s -stubs ../avx2_stub_amd64.go -pkg sha256d

// avx2Scratch has the scratch memory of scans that are not running. On the stack, it would
// make the stack of every new worker grow.
var avx2Scratch = sync.Pool{New: func() any { return new([avx2Memory]byte) }}

// avx2Input holds every constant once for each lane, because AVX2 has no operand
// that broadcasts one word to all lanes.
type avx2Input struct {
	once     sync.Once
	job      [][avx2Vector]uint32
	versions [][avx2Vector]uint32 // the constants of all versions, one version after another
}

func (v *avx2Input) prepare(in *Input) {
	v.once.Do(func() {
		var job avx2Job
		job.fill(&in.Tail)
		v.job = spread(nil, job[:])
		for i := range in.Versions {
			var version avx2Version
			version.fill(&in.Versions[i].Mid, &in.Versions[i].Round3)
			v.versions = spread(v.versions, version[:])
		}
	})
}

// spread appends one vector for each word, with the word in every lane.
func spread(vectors [][avx2Vector]uint32, words []uint32) [][avx2Vector]uint32 {
	for _, w := range words {
		vectors = append(vectors, [avx2Vector]uint32{w, w, w, w, w, w, w, w})
	}
	return vectors
}

func avx2Kernels() []Kernel {
	return []Kernel{{
		Name:  "avx2",
		About: "AVX2: versions of a job share a message schedule",
		Lanes: avx2Lanes,
		Chunk: 3072,
		Needs: []Feature{AVX2},
		Scan:  scanAVX2Groups,
	}}
}

// scanAVX2Groups computes the message schedule of the first hash once for all
// versions of a group, if there is more than one version.
func scanAVX2Groups(in *Input, first uint32, count int) Candidate {
	if count == 0 {
		return Candidate{}
	}
	v := &in.vectors.avx2
	v.prepare(in)
	job, versions := &v.job[0][0], &v.versions[0][0]
	groups := (count + avx2Lanes - 1) / avx2Lanes
	var masks [maxVersions]uint64
	var done int
	var found uint64
	memory := avx2Scratch.Get().(*[avx2Memory]byte)
	if len(in.Versions) == 1 {
		done, found = scanAVX2(job, versions, 1, first, groups, in.Limit, &masks[0], &memory[0])
	} else {
		done, found = rollAVX2(job, versions, len(in.Versions), first, groups, in.Limit, &masks[0], &memory[0])
	}
	avx2Scratch.Put(memory)
	return pick(avx2Lanes, done, found, &masks, len(in.Versions), first, count)
}
