//go:build arm64 && !purego && !noasm

package sha256d

import "sync"

const sha2Lanes = 4

// The input has a field for the vector kernels of x86, and one for its kernel with SHA
// instructions. On ARM, the first holds what the only kernel in assembly prepares.
type (
	vectors    struct{ sha2 sha2Input }
	shaniInput struct{}
)

// sha2Input holds the constants of a job for the armv8-sha2 kernel. The generator
// relies on the layout of sha2Job and sha2Version.
type sha2Input struct {
	once     sync.Once
	job      sha2Job
	versions []sha2Version
}

// sha2Job holds the constant parts of words of the first hash's message schedule.
type sha2Job struct {
	w16to19 [4]uint32
	w28to31 [4]uint32
}

// sha2Version holds states in their natural order, a to h.
type sha2Version struct {
	round3 [8]uint32 // state after round 3, for a nonce of zero
	mid    [8]uint32 // midstate
}

func (v *sha2Input) prepare(in *Input) { v.once.Do(func() { v.fill(in) }) }

func (v *sha2Input) fill(in *Input) {
	s := &in.schedule
	v.job = sha2Job{
		w16to19: [4]uint32{s.w16, s.w17, s.c18, s.c19},
		w28to31: [4]uint32{0, 0, sigma0(headerBits), s.c31},
	}
	v.versions = make([]sha2Version, len(in.Versions))
	for i := range in.Versions {
		r := &in.Versions[i].Round3
		a, b, c, d, e, f, g, h := r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]
		// Round 3 has moved the words: f of Version.Round3 is now b. See digestFirst.
		newE, newA := round(f, g, h, a, b, c, d, e, k[3])
		v.versions[i] = sha2Version{
			round3: [8]uint32{newA, f, g, h, newE, b, c, d},
			mid:    in.Versions[i].Mid,
		}
	}
}

func assemblyKernels(CPU) []Kernel {
	return []Kernel{{
		Name:  "armv8-sha2",
		About: "SHA instructions of ARM, four nonces interleaved; versions of a job share words",
		Lanes: sha2Lanes,
		Chunk: 2048, // 0.1 ms on a core of 3.2 GHz that takes 160 cycles, the bound of Apple's M1
		Needs: []Feature{SHA},
		Scan:  scanSHA2Groups,
	}}
}

// scanSHA2Groups tries groups of four nonces. If there are several versions, it
// computes the words of the first hash once for all versions of a group.
func scanSHA2Groups(in *Input, first uint32, count int) Candidate {
	if count == 0 {
		return Candidate{}
	}
	v := &in.vectors.sha2
	v.prepare(in)
	groups := (count + sha2Lanes - 1) / sha2Lanes
	var masks [maxVersions]uint16
	var done int
	var found uint32
	if len(v.versions) == 1 {
		done, found = scanSHA2(&v.job, &v.versions[0], 1, first, groups, in.Limit, &masks[0])
	} else {
		done, found = rollSHA2(&v.job, &v.versions[0], len(v.versions), first, groups, in.Limit, &masks[0])
	}
	return pick(sha2Lanes, done, uint64(found), &masks, len(v.versions), first, count)
}

// scanSHA2 hashes groups of four nonces, from first on, with every version, until a
// group has a candidate. It computes the whole hash for each version. It returns the
// number of groups that were hashed, including that one, and in found a bit for each
// nonce of the last group with a candidate, the lowest bit for the first nonce. For
// each version, it stores the bits of its candidates in masks.
//
//go:noescape
func scanSHA2(job *sha2Job, versions *sha2Version, count int, first uint32, groups int, limit uint32, masks *uint16) (done int, found uint32)

// rollSHA2 does the same, but it computes the message schedule of the first hash once
// for all versions of a group.
//
//go:noescape
func rollSHA2(job *sha2Job, versions *sha2Version, count int, first uint32, groups int, limit uint32, masks *uint16) (done int, found uint32)
