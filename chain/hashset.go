package chain

import "github.com/lodepow/lode/pow"

// hashSet remembers up to size hashes. When it is full, a new hash takes the place
// of the oldest.
type hashSet struct {
	size int
	set  map[pow.Hash]struct{}
	ring []pow.Hash
	next int // index in ring of the oldest hash, once ring is full
}

func newHashSet(size int) hashSet {
	return hashSet{size: size, set: map[pow.Hash]struct{}{}}
}

func (s *hashSet) has(hash pow.Hash) bool {
	_, ok := s.set[hash]
	return ok
}

func (s *hashSet) add(hash pow.Hash) {
	if s.has(hash) {
		return
	}
	s.set[hash] = struct{}{}
	if len(s.ring) < s.size {
		s.ring = append(s.ring, hash)
		return
	}
	delete(s.set, s.ring[s.next])
	s.ring[s.next] = hash
	s.next = (s.next + 1) % len(s.ring)
}
