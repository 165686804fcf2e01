package pow

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// MaxVersions is the largest number of version fields that a job can have.
const MaxVersions = 16

// nonces is the size of the nonce space.
const nonces = 1 << 32

// Job is a space to search: a range of nonces, each of which is tried with every
// version of a list.
type Job struct {
	Header Header // its nonce is ignored

	First uint32 // first nonce
	Count uint64 // number of nonces to try; 0 means all from First to the last

	// Versions are the version fields to try with each nonce, at most
	// MaxVersions. An empty list means the version of the header. Miners may vary
	// the bits 0x1fffe000 of the version (BIP 320).
	Versions []int32

	// Target is the largest hash that solves the job. The zero value means the
	// target of the header's bits; a share or a benchmark sets another one.
	Target Target

	// Progress, unless nil, counts the hashes of this job while it is searched.
	Progress *Progress
}

// space is a job in the form that searches use: it has been checked, the defaults
// have been filled in, and the header's words are laid out for the kernels. It is
// immutable.
//
// The hashes of a space are numbered from 0 in the order in which the smallest
// answer is defined: nonce by nonce and, for each nonce, version by version. A
// parameter called at is such a number; an offset counts nonces from the first.
type space struct {
	raw      [HeaderSize]byte
	first    uint32
	count    uint64 // number of nonces, at least 1
	versions []int32
	target   Target
	input    *sha256d.Input
	progress *Progress // may be nil
}

func (j Job) prepare() (*space, error) {
	s := &space{
		raw:      j.Header.Bytes(),
		first:    j.First,
		count:    j.Count,
		versions: slices.Clone(j.Versions),
		target:   j.Target,
		progress: j.Progress,
	}
	left := nonces - uint64(j.First)
	if s.count == 0 {
		s.count = left
	}
	if s.count > left {
		return nil, fmt.Errorf("job: %d nonces from %d go past the end of the nonce space, at most %d are left", j.Count, j.First, left)
	}
	if len(s.versions) == 0 {
		s.versions = []int32{j.Header.Version}
	}
	if len(s.versions) > MaxVersions {
		return nil, fmt.Errorf("job: %d versions, at most %d can be tried", len(j.Versions), MaxVersions)
	}
	if s.target.IsZero() {
		var err error
		if s.target, err = j.Header.Bits.Target(); err != nil {
			return nil, fmt.Errorf("job: %w", err)
		}
	}
	top := uint32(s.target.n[3] >> 32)
	s.input = sha256d.NewInput(&s.raw, s.versions, top)
	return s, nil
}

// size returns the number of hashes in the space, at most 2^36.
func (s *space) size() uint64 { return s.count * uint64(len(s.versions)) }

// at returns the number of the hash with the given nonce and version.
func (s *space) at(nonce uint32, version int) uint64 {
	return uint64(nonce-s.first)*uint64(len(s.versions)) + uint64(version)
}

// bytes returns the header of the hash with the given number.
func (s *space) bytes(at uint64) [HeaderSize]byte {
	raw := s.raw
	v := uint64(len(s.versions))
	binary.LittleEndian.PutUint32(raw[0:], uint32(s.versions[at%v]))
	binary.LittleEndian.PutUint32(raw[76:], s.first+uint32(at/v))
	return raw
}

// confirm computes the whole hash and reports whether it meets the target.
func (s *space) confirm(at uint64) bool {
	raw := s.bytes(at)
	return DoubleSHA256(raw[:]).Meets(s.target)
}

// outcome is the result of scanning a range of nonces.
type outcome struct {
	at      uint64 // number of the first answer, if one was found
	found   bool
	hashes  uint64 // hashes computed, by the kernel and by scan itself
	refused uint64 // candidates of the kernel that turned out to be no answers
}

// scan looks for the first answer among count nonces from the given offset.
func (s *space) scan(kernel sha256d.ScanFunc, offset, count uint64) (o outcome) {
	end := offset + count
	for offset < end {
		c := kernel(s.input, s.first+uint32(offset), int(end-offset))
		o.hashes += uint64(c.Hashes)
		if !c.Found {
			break
		}
		if c.Nonce-(s.first+uint32(offset)) >= uint32(end-offset) {
			o.refused++ // the nonce is outside the range, so the kernel is wrong
			break
		}
		o.at = s.at(c.Nonce, c.Version)
		if s.confirm(o.at) {
			o.found = true
			return o
		}
		o.refused++
		// The most significant word met the target, but the rest of the hash did
		// not. A kernel always starts with the first version of a nonce, so the
		// remaining versions of this nonce are tried here.
		offset = uint64(c.Nonce-s.first) + 1
		for o.at++; o.at < offset*uint64(len(s.versions)); o.at++ {
			o.hashes++
			if s.confirm(o.at) {
				o.found = true
				return o
			}
		}
	}
	return o
}

// result returns the answer that is the hash with the given number.
func (s *space) result(at uint64) Result {
	raw := s.bytes(at)
	v := uint64(len(s.versions))
	return Result{
		Header:       DecodeHeader(&raw),
		Hash:         DoubleSHA256(raw[:]),
		VersionIndex: int(at % v),
		Tries:        at + 1,
		Searched:     at / v,
	}
}

// Scan searches the job on the calling goroutine and returns what
// [Engine.Search] would return. It cannot be cancelled. Benchmarks use it to
// measure a kernel without the engine around it.
func (k Kernel) Scan(job Job) (Result, error) {
	s, err := job.prepare()
	if err != nil {
		return Result{}, err
	}
	const piece = 1 << 24 // times 16 versions, the count of hashes still fits a 32-bit int
	var hashes uint64
	for offset := uint64(0); offset < s.count; offset += piece {
		o := s.scan(k.scan, offset, min(piece, s.count-offset))
		hashes += o.hashes
		s.progress.add(o.hashes)
		if o.found {
			r := s.result(o.at)
			r.Hashes = hashes
			return r, nil
		}
	}
	return Result{Tries: s.size(), Searched: s.count, Hashes: hashes}, ErrExhausted
}
