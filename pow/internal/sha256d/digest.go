package sha256d

import (
	"encoding"
	"encoding/binary"
	"hash"
	"sync"
)

// digest is an implementation of SHA-256 that can load a saved state. The format of
// the state is the same in the standard library and in minio/sha256-simd.
type digest interface {
	hash.Hash
	encoding.BinaryUnmarshaler
}

// Offsets of the fields of a saved state.
const (
	stateMagic = "sha\x03"
	stateMid   = len(stateMagic)          // the eight words of the midstate
	stateBlock = stateMid + 8*4           // the block that is not yet complete
	stateNonce = stateBlock + nonceWord*4 // the nonce in this block
	stateLen   = stateBlock + 64          // the number of bytes hashed so far
	stateSize  = stateLen + 8
)

// scratch is the working memory of a scan.
type scratch struct {
	digest digest
	states [][stateSize]byte // one for each version, complete except for the nonce
	sum    [32]byte
}

// scanDigest returns a kernel that uses an implementation of SHA-256. For each hash
// it loads the state after all 80 bytes of the header, of which only the first
// block has been compressed. So it computes two blocks, where hashing a header from
// its beginning takes three.
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
					panic("sha256d: the format of a saved SHA-256 state has changed: " + err.Error())
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
