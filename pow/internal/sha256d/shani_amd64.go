//go:build amd64 && !purego && !noasm

package sha256d

import (
	"math/bits"
	"sync"
)

//go:generate go run -C _asm ./shani -out ../shani_amd64.s -stubs ../shani_stub_amd64.go -pkg sha256d

// shaniLoop is the size of a group of nonces that the kernel hashes side by side. It
// chooses the loops in assembly.
type shaniLoop int

const (
	// The narrow loops are for all other processors.
	narrow shaniLoop = 4

	// The wide loop is for Zen 5. With four nonces, its unit for rounds is idle for 7 % of
	// the time.
	wide shaniLoop = 6

	// The least number of versions for which it pays to compute the words of the
	// first hash once and store them. The wide loop does not do that.
	shaniShared = 4

	// A chunk takes 0.11 ms on Zen 4, and 0.24 ms on a CPU where a hash takes 210
	// cycles.
	narrowChunk = 4096

	// This chunk takes 0.14 ms on Zen 5. Its 4,608 nonces, or 288 with 16 versions, are whole
	// groups of six.
	wideChunk = 4608
)

// shaniInput holds the constants of a job for the sha-ni kernel. The generator relies
// on the layout of shaniJob and shaniVersion.
type shaniInput struct {
	once     sync.Once
	job      shaniJob
	versions []shaniVersion
}

// shaniJob holds the constant parts of words of the first hash's message schedule.
type shaniJob struct {
	w16to19 [4]uint32
	w20to23 [4]uint32
	w28to31 [4]uint32
}

// shaniVersion holds states in the order of the SHA instructions: f, e, b, a and
// then h, g, d, c.
type shaniVersion struct {
	round3 [8]uint32 // state after round 3, for a nonce of zero
	mid    [8]uint32 // midstate
}

func (sha *shaniInput) prepare(in *Input) { sha.once.Do(func() { sha.fill(in) }) }

func (sha *shaniInput) fill(in *Input) {
	s := &in.schedule
	sha.job = shaniJob{
		w16to19: [4]uint32{s.w16, s.w17, s.c18, s.c19},
		w20to23: [4]uint32{paddingBit, 0, headerBits, s.w16},
		w28to31: [4]uint32{0, 0, sigma0(headerBits), s.c31},
	}
	sha.versions = make([]shaniVersion, len(in.Versions))
	for i := range in.Versions {
		v := &in.Versions[i]
		a, b, c, d, e, f, g, h := v.Round3[0], v.Round3[1], v.Round3[2], v.Round3[3],
			v.Round3[4], v.Round3[5], v.Round3[6], v.Round3[7]
		// Round 3 has moved the words: f of Version.Round3 is now b. See digestFirst.
		newE, newA := round(f, g, h, a, b, c, d, e, k[3])
		sha.versions[i] = shaniVersion{
			round3: [8]uint32{b, newE, f, newA, d, c, h, g},
			mid: [8]uint32{
				v.Mid[5], v.Mid[4], v.Mid[1], v.Mid[0],
				v.Mid[7], v.Mid[6], v.Mid[3], v.Mid[2],
			},
		}
	}
}

// shaniKernels returns the kernel that uses the SHA instructions. It needs AVX2 as
// well, for the instructions between them.
func shaniKernels(cpu CPU) []Kernel {
	k := Kernel{
		Name:  "sha-ni",
		About: "SHA instructions, four nonces interleaved; versions of a job share words",
		Lanes: int(narrow),
		Chunk: narrowChunk,
		Needs: []Feature{SHA, AVX2},
		Scan:  narrow.search,
	}
	if cpu.WideSHA {
		k.About = "SHA instructions, six nonces interleaved"
		k.Lanes, k.Chunk, k.Scan = int(wide), wideChunk, wide.search
	}
	return []Kernel{k}
}

// search tries groups of nonces. The last group may reach past the end of the range,
// and even past the last nonce. Hashes beyond the end are ignored and not counted.
func (l shaniLoop) search(in *Input, first uint32, count int) (c Candidate) {
	lanes := int(l)
	in.shani.prepare(in)
	for count > 0 {
		groups := max(count/lanes, 1)
		if l == narrow && len(in.Versions) >= shaniShared {
			none := in.shani.skip(in.Limit, first, groups) * lanes
			c.Hashes += none * len(in.Versions)
			first += uint32(none)
			count -= none
			groups = min(max(count/lanes, 1), 2) // if there is a hit, it is in the next two groups
			if count == 0 {
				return c
			}
		}
		left, version, hits := in.shani.scan(l, 0, in.Limit, first, groups)
		done := min((groups-left)*lanes, count)
		c.Hashes += done * len(in.Versions)
		first += uint32(done)
		count -= done
		if hits == 0 {
			continue
		}
		inRange := min(count, lanes)
		c.Hashes += (version + 1) * inRange

		// A later version may have a hit at a smaller nonce of this group.
		better := inRange
		for {
			if lane := bits.TrailingZeros32(hits); lane < better {
				c.Found, c.Nonce, c.Version = true, first+uint32(lane), version
				better = lane
			}
			next := version + 1
			if better == 0 || next == len(in.Versions) {
				break
			}
			left, version, hits = in.shani.scan(l, next, in.Limit, first, 1)
			if left == 0 {
				c.Hashes += (len(in.Versions) - next) * inRange
				break
			}
			c.Hashes += (version + 1 - next) * inRange
		}
		if c.Found {
			return c
		}
		first += uint32(inRange)
		count -= inRange
	}
	return c
}

// skip returns a number of groups, from first on, that certainly contain no hit. It
// computes the words of the first hash once for all versions.
func (sha *shaniInput) skip(limit, first uint32, groups int) int {
	left := shaniRoll(&sha.job.w16to19[0], &sha.versions[0].round3[0], len(sha.versions),
		uint64(limit)+1, first, groups)
	// The hit is in the group at which the scan has stopped or in the one before.
	return min(groups, max(groups-left-1, 0))
}

// scan tries the versions from index from on, until a group has hits with one of
// them. It returns the number of groups that are left, including the one with the
// hits; the version that has them; and a bit for each nonce that is a hit.
func (sha *shaniInput) scan(l shaniLoop, from int, limit, first uint32, groups int) (left, version int, hits uint32) {
	job, versions, count := &sha.job.w16to19[0], &sha.versions[from].round3[0], len(sha.versions)-from
	var versionsLeft int
	if l == wide {
		left, versionsLeft, hits = shaniWide(job, versions, count, uint64(limit)+1, first, groups)
	} else {
		left, versionsLeft, hits = shaniScan(job, versions, count, uint64(limit)+1, first, groups)
	}
	return left, len(sha.versions) - versionsLeft, hits
}
