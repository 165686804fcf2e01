package pow

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
)

// jobsToTry returns the number of jobs of TestRandomJobs.
func jobsToTry(t *testing.T) int {
	text := os.Getenv("LODE_KERNEL_JOBS")
	if text == "" {
		return 200
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("LODE_KERNEL_JOBS: %v", err)
	}
	return n
}

// sums returns the hash of every nonce and version of a job, in the order of the
// search, computed with the standard library. The bytes of each are in the order of a
// number, the most significant first.
func sums(job Job) [][32]byte {
	raw := job.Header.Bytes()
	versions := job.Versions
	if len(versions) == 0 {
		versions = []int32{job.Header.Version}
	}
	var all [][32]byte
	for i := range uint32(job.Count) {
		for _, v := range versions {
			binary.LittleEndian.PutUint32(raw[0:], uint32(v))
			binary.LittleEndian.PutUint32(raw[76:], job.First+i)
			sum := sha256.Sum256(raw[:])
			sum = sha256.Sum256(sum[:])
			slices.Reverse(sum[:])
			all = append(all, sum)
		}
	}
	return all
}

// shortJob returns a job of few nonces, with up to 16 versions or none. Every fourth
// range ends with the last nonce.
func shortJob(r *rand.Rand) Job {
	var raw [HeaderSize]byte
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	job := Job{Header: DecodeHeader(&raw), Count: 1 + r.Uint64N(80)}
	for range r.IntN(MaxVersions + 1) {
		job.Versions = append(job.Versions, int32(r.Uint32()))
	}
	job.First = r.Uint32N(nonces - 80)
	if r.IntN(4) == 0 {
		job.First = uint32(nonces - job.Count)
	}
	return job
}

// TestRandomJobs compares all kernels with the standard library. The targets are easy
// ones, which many hashes meet, or exactly one of the job's hashes, or one less. In the
// last case the most significant word of that hash meets the target and the hash does
// not. So the kernel stops at a hash that is refused, and the search has to go on.
func TestRandomJobs(t *testing.T) {
	kernels := runnable(t)
	r := rand.New(rand.NewPCG(17, 18))
	refused := 0
	for range jobsToTry(t) {
		job := shortJob(r)
		all := sums(job)
		target := slices.SortedFunc(slices.Values(all), func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })[r.IntN(min(len(all), 6))]
		switch r.IntN(3) {
		case 0:
			binary.BigEndian.PutUint64(target[:], r.Uint64()>>r.IntN(12))
		case 1:
			for i := 31; ; i-- { // subtract one
				target[i]--
				if target[i] != 0xff {
					break
				}
			}
		}
		job.Target = TargetFromBytes(target)

		at := slices.IndexFunc(all, func(h [32]byte) bool { return bytes.Compare(h[:], target[:]) <= 0 })
		before := all
		if at >= 0 {
			before = all[:at]
		}
		stops := slices.ContainsFunc(before, func(h [32]byte) bool { return bytes.Compare(h[:4], target[:4]) <= 0 })
		if stops {
			refused++
		}

		for _, k := range kernels {
			s, err := job.prepare()
			if err != nil {
				t.Fatal(err)
			}
			o := s.scan(k.scan, 0, job.Count)
			if o.found != (at >= 0) || o.found && o.at != uint64(at) || o.refused > 0 != stops {
				t.Fatalf("%s: %+v\n%+v, but the answer is at %d, and a candidate is refused: %v", k.Name(), job, o, at, stops)
			}
		}
	}
	if refused == 0 {
		t.Error("no candidate was refused")
	}
}
