package pow

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// MaxVersions is how many version fields a job can have.
const MaxVersions = 16

// nonces is the size of the nonce space.
const nonces = 1 << 32

// Job is a space to search: a range of nonces and, with each of them, a list of
// versions.
type Job struct {
	Header Header // its nonce is ignored

	First uint32 // first nonce
	Count uint64 // nonces to try; 0: all from First to the end of the space

	// Versions are the version fields to try with each nonce, at most
	// MaxVersions; none means the header's own. A miner may vary the bits
	// 0x1fffe000 of the version (BIP 320).
	Versions []int32

	// Target is what the hash has to meet. The zero value stands for the
	// target of the header's bits; a share or a sweep sets its own.
	Target Target
}

// space is a job made ready: checked, its target and versions settled, its
// words laid out for the kernels. It does not change once made.
//
// Its hashes are numbered in the order of the contract, nonce by nonce and for
// each nonce version by version; at is always such a number, from 0.
type space struct {
	raw      [HeaderSize]byte
	first    uint32
	count    uint64 // nonces
	versions []int32
	target   Target
	input    *sha256d.Input
}

func (j Job) prepare() (*space, error) {
	s := &space{
		raw:      j.Header.Bytes(),
		first:    j.First,
		count:    j.Count,
		versions: slices.Clone(j.Versions),
		target:   j.Target,
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

// at returns the number of the hash of that nonce and version.
func (s *space) at(nonce uint32, version int) uint64 {
	return uint64(nonce-s.first)*uint64(len(s.versions)) + uint64(version)
}

// bytes returns the header that has that number.
func (s *space) bytes(at uint64) [HeaderSize]byte {
	raw := s.raw
	v := uint64(len(s.versions))
	binary.LittleEndian.PutUint32(raw[0:], uint32(s.versions[at%v]))
	binary.LittleEndian.PutUint32(raw[76:], s.first+uint32(at/v))
	return raw
}

// confirm hashes the whole header and compares the whole hash.
func (s *space) confirm(at uint64) bool {
	raw := s.bytes(at)
	return DoubleSHA256(raw[:]).Meets(s.target)
}

// outcome is what became of a range.
type outcome struct {
	at      uint64 // number of the first answer
	found   bool
	hashes  uint64 // done by the kernel and here
	refused uint64 // candidates of the kernel that were no answers
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
			o.refused++ // out of the range: a wrong kernel
			break
		}
		o.at = s.at(c.Nonce, c.Version)
		if s.confirm(o.at) {
			o.found = true
			return o
		}
		o.refused++
		// The top word met the target but the rest did not. Kernels cannot
		// start amid the versions of a nonce, so finish this one here.
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

func (s *space) result(at uint64) Result {
	raw := s.bytes(at)
	return Result{
		Header:       DecodeHeader(&raw),
		Hash:         DoubleSHA256(raw[:]),
		VersionIndex: int(at % uint64(len(s.versions))),
		Tries:        at + 1,
	}
}

// Scan searches the job on the calling goroutine alone, without a way to stop
// it: the kernel itself, against which [Engine.Search] is measured. It returns
// what Search returns.
func (k Kernel) Scan(job Job) (Result, error) {
	s, err := job.prepare()
	if err != nil {
		return Result{}, err
	}
	const piece = 1 << 24 // times 16 versions fits an int of 32 bits
	var hashes uint64
	for offset := uint64(0); offset < s.count; offset += piece {
		o := s.scan(k.scan, offset, min(piece, s.count-offset))
		hashes += o.hashes
		if o.found {
			r := s.result(o.at)
			r.Hashes = hashes
			return r, nil
		}
	}
	return Result{Tries: s.size(), Hashes: hashes}, ErrExhausted
}
