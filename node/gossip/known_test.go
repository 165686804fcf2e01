package gossip

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/pow"
)

func numbered(i int) (id pow.Hash) {
	binary.LittleEndian.PutUint64(id[:], uint64(i))
	return id
}

// TestKnowledge compares the bits with a set for each peer, with more peers than a
// word has bits.
func TestKnowledge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type pair struct{ id, peer int }
		k := newKnowledge()
		peers := make([]*peer, 150)
		for i := range peers {
			peers[i] = &peer{}
		}
		model := map[pair]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				p := pair{rapid.IntRange(0, 20).Draw(t, "id"), rapid.IntRange(0, len(peers)-1).Draw(t, "peer")}
				if isNew := k.add(numbered(p.id), peers[p.peer]); isNew == model[p] {
					t.Fatalf("peer %d has id %d: new %v, want %v", p.peer, p.id, isNew, !model[p])
				}
				model[p] = true
			},
			"all": func(t *rapid.T) {
				id := rapid.IntRange(0, 20).Draw(t, "id")
				place := k.find(numbered(id))
				for i, p := range peers {
					if isNew := k.mark(place, p); isNew == model[pair{id, i}] {
						t.Fatalf("peer %d has id %d: new %v", i, id, isNew)
					}
					model[pair{id, i}] = true
				}
			},
			"forget": func(t *rapid.T) {
				i := rapid.IntRange(0, len(peers)-1).Draw(t, "peer")
				k.forget(peers[i])
				for p := range model {
					if p.peer == i {
						delete(model, p)
					}
				}
			},
		})
	})
}

// TestKnowledgeIsBounded checks that the latest ids are remembered, older ones are
// not, and the bits of a forgotten id are not those of the one that replaces it.
func TestKnowledgeIsBounded(t *testing.T) {
	k := newKnowledge()
	a, b := &peer{}, &peer{}
	const count = 2*maxKnown + 10
	for i := range count {
		k.add(numbered(i), a)
		if len(k.keys) > maxKnown || len(k.place) != len(k.keys) {
			t.Fatalf("%d keys and %d places, at most %d", len(k.keys), len(k.place), maxKnown)
		}
	}
	for i := count - maxKnown; i < count; i++ {
		if k.add(numbered(i), a) {
			t.Fatalf("id %d of the latest %d is forgotten", i, maxKnown)
		}
		if !k.add(numbered(i), b) {
			t.Fatalf("the other peer has id %d", i)
		}
	}
	if !k.add(numbered(0), a) {
		t.Error("the oldest id is remembered")
	}
}
