package gossip

import (
	"encoding/binary"

	"github.com/lodepow/lode/pow"
)

// idSetSize is how many of the latest ids an idSet is sure to remember. It may
// remember up to twice that number.
const idSetSize = 4096

// idSet remembers the latest ids that were added, each by its first eight bytes,
// which a proof of work leaves random. When the young map is full it becomes the
// old one, whose ids are forgotten. The zero value is empty.
type idSet struct{ young, old map[uint64]struct{} }

func (s *idSet) has(id pow.Hash) bool {
	key := binary.LittleEndian.Uint64(id[:])
	if _, ok := s.young[key]; ok {
		return true
	}
	_, ok := s.old[key]
	return ok
}

// add adds an id.
func (s *idSet) add(id pow.Hash) {
	if s.has(id) {
		return
	}
	if s.young == nil || len(s.young) >= idSetSize {
		s.young, s.old = map[uint64]struct{}{}, s.young
	}
	s.young[binary.LittleEndian.Uint64(id[:])] = struct{}{}
}
