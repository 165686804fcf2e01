package sha256d

import (
	"encoding"
	"encoding/binary"
	"hash"
	"sync"
)

// digest is what this kernel needs of a SHA-256 implementation. Those of the
// standard library and of minio/sha256-simd save and load their state in the
// same form.
type digest interface {
	hash.Hash
	encoding.BinaryUnmarshaler
}

// A saved state: the magic, the eight words of the midstate, the block that is
// being filled, and the number of bytes hashed so far.
const (
	stateMagic = "sha\x03"
	stateMid   = len(stateMagic)
	stateBlock = stateMid + 8*4
	stateNonce = stateBlock + nonceWord*4
	stateLen   = stateBlock + 64
	stateSize  = stateLen + 8
)

// scratch is what one scan at a time works with.
type scratch struct {
	digest digest
	states [][stateSize]byte // one a version, complete but for the nonce
	sum    [32]byte
}

// scanDigest makes a kernel of any SHA-256 that can be given a midstate. Each
// try loads the state after 76 bytes and the nonce, and so costs two blocks
// where hashing the header costs three.
func scanDigest(newHash func() hash.Hash, sum256 func([]byte) [32]byte) ScanFunc {
	free := sync.Pool{New: func() any {
		return &scratch{digest: newHash().(digest)}
	}}
	return func(in *Input, first uint32, count int) Candidate {
		s := free.Get().(*scratch)
		defer free.Put(s)
		s.load(in)
		for i := range count {
			nonce := first + uint32(i)
			for v := range s.states {
				state := &s.states[v]
				binary.LittleEndian.PutUint32(state[stateNonce:], nonce)
				if err := s.digest.UnmarshalBinary(state[:]); err != nil {
					panic("sha256d: the form of a saved SHA-256 state has changed: " + err.Error())
				}
				s.digest.Sum(s.sum[:0])
				s.sum = sum256(s.sum[:])
				if binary.LittleEndian.Uint32(s.sum[28:]) <= in.Limit {
					return Candidate{Found: true, Nonce: nonce, Version: v, Hashes: i*len(s.states) + v + 1}
				}
			}
		}
		return Candidate{Hashes: count * len(s.states)}
	}
}

func (s *scratch) load(in *Input) {
	s.states = s.states[:0]
	for _, v := range in.Versions {
		var state [stateSize]byte
		copy(state[:], stateMagic)
		for i, word := range v.Mid {
			binary.BigEndian.PutUint32(state[stateMid+4*i:], word)
		}
		for i, word := range in.Tail {
			binary.BigEndian.PutUint32(state[stateBlock+4*i:], word)
		}
		binary.BigEndian.PutUint64(state[stateLen:], headerBits/8)
		s.states = append(s.states, state)
	}
}
