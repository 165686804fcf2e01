package gossip

import (
	"encoding/binary"
	"slices"

	"github.com/lodepow/lode/pow"
)

// maxKnown is how many blocks and transactions knowledge remembers.
const maxKnown = 8192

// knowledge remembers which peers have which blocks and transactions, so that
// nothing is announced to a peer that has it. It remembers the latest maxKnown
// ids, each by its first eight bytes, which a proof of work leaves random.
//
// All peers share the places. An id that a peer announces takes a place only when
// this node begins to fetch it, and again when it arrives, in case it was replaced
// meanwhile. So a peer that announces ids without end does not erase what is known
// of other peers. Should an id be forgotten nevertheless, the cost is small: this node
// announces it, once, to peers that have it.
type knowledge struct {
	place map[uint64]int // of an id among the keys
	keys  []uint64       // a ring once it is full
	next  int            // the oldest key of a full ring, which the next one replaces
	slots []*peer        // each peer's position is its bit; nil where the bit is free
	words int            // of 64 bits, for each key
	bits  []uint64       // for each key its words: which peers have it
}

func newKnowledge() knowledge { return knowledge{place: map[uint64]int{}, words: 1} }

// find returns the place of an id, which is new if the id was not known.
func (k *knowledge) find(id pow.Hash) int {
	key := binary.LittleEndian.Uint64(id[:])
	if place, ok := k.place[key]; ok {
		return place
	}
	place := len(k.keys)
	if place < maxKnown {
		k.keys = append(k.keys, key)
		k.bits = append(k.bits, make([]uint64, k.words)...)
	} else {
		place = k.next
		k.next = (k.next + 1) % maxKnown
		delete(k.place, k.keys[place])
		k.keys[place] = key
		clear(k.bits[place*k.words : (place+1)*k.words])
	}
	k.place[key] = place
	return place
}

// mark remembers that a peer has the id at a place. It reports whether that is
// new.
func (k *knowledge) mark(place int, p *peer) bool {
	if p.slot == 0 {
		k.enter(p)
	}
	bit := p.slot - 1
	word, mask := &k.bits[place*k.words+bit/64], uint64(1)<<(bit%64)
	isNew := *word&mask == 0
	*word |= mask
	return isNew
}

// add is mark for a single peer.
func (k *knowledge) add(id pow.Hash, p *peer) bool { return k.mark(k.find(id), p) }

// addAll is mark for those of the peers that are proven. The others may have been
// dropped and must not get a bit.
func (k *knowledge) addAll(id pow.Hash, peers ...*peer) {
	place := k.find(id)
	for _, p := range peers {
		if p.phase.proven() {
			k.mark(place, p)
		}
	}
}

// confirm remembers that a peer has an id, if the id has a place already.
func (k *knowledge) confirm(id pow.Hash, p *peer) {
	if place, ok := k.place[binary.LittleEndian.Uint64(id[:])]; ok {
		k.mark(place, p)
	}
}

// enter gives a peer a bit.
func (k *knowledge) enter(p *peer) {
	slot := slices.Index(k.slots, nil)
	if slot < 0 {
		slot = len(k.slots)
		k.slots = append(k.slots, nil)
	}
	k.slots[slot] = p
	p.slot = slot + 1
	if len(k.slots) <= 64*k.words {
		return
	}
	wider := make([]uint64, len(k.keys)*(k.words+1))
	for i := range k.keys {
		copy(wider[i*(k.words+1):], k.bits[i*k.words:(i+1)*k.words])
	}
	k.bits = wider
	k.words++
}

// forget forgets what a peer has, and frees its bit.
func (k *knowledge) forget(p *peer) {
	if p.slot == 0 {
		return
	}
	bit := p.slot - 1
	for i := range k.keys {
		k.bits[i*k.words+bit/64] &^= 1 << (bit % 64)
	}
	k.slots[bit] = nil
	p.slot = 0
}
