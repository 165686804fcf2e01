package gossip

import (
	"testing"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// announceFakes makes a remote announce count transactions that do not exist.
func (h *testNode) announceFakes(r *remote, count int) {
	h.t.Helper()
	for from := 0; from < count; from += MaxAnnounced {
		var a Announce
		for i := range min(MaxAnnounced, count-from) {
			a.Txs = append(a.Txs, numbered(1+from+i))
		}
		h.incoming(r.given, a)
	}
}

// announcedTo answers the announcements under way, and returns the addresses to
// which an id was announced.
func (h *testNode) announcedTo(id pow.Hash) map[Address]bool {
	to := map[Address]bool{}
	for {
		s, a, ok := take[Announce](h)
		if !ok {
			return to
		}
		h.answer(s, Done{})
		for _, b := range a.Blocks {
			if b.Hash == id {
				to[s.To] = true
			}
		}
		for _, tx := range a.Txs {
			if tx == id {
				to[s.To] = true
			}
		}
	}
}

// TestFloodDoesNotCauseEchoes: a peer that announces more ids than the knowledge
// remembers does not make this node announce blocks and transactions to the peers
// that have announced them.
func TestFloodDoesNotCauseEchoes(t *testing.T) {
	h := newTestNode(t, 1, nil)
	flooder, first, second, other := newRemote(1), newRemote(2), newRemote(3), newRemote(4)
	for _, r := range []*remote{flooder, first, second, other} {
		h.join(r)
	}
	tx, blk := newTx(t, "x"), mineOn(h.chain.Tip(), 1)
	for _, r := range []*remote{first, second} {
		h.incoming(r.given, Announce{Blocks: []Announced{{Hash: blk.Hash()}}, Txs: []pow.Hash{tx.ID()}})
	}
	h.announceFakes(flooder, 3*maxKnown)

	s, _ := mustTake[GetTxs](h)
	h.answer(s, Txs{[]block.Tx{tx}})
	if to := h.announcedTo(tx.ID()); to[first.address] || to[second.address] || !to[other.address] {
		t.Errorf("the transaction is announced to %v, want only those that do not have it", to)
	}
	s, _ = mustTake[GetBlocks](h)
	h.answer(s, Blocks{[]block.Block{blk}})
	if to := h.announcedTo(blk.Hash()); to[first.address] || to[second.address] || !to[other.address] {
		t.Errorf("the block is announced to %v, want only those that do not have it", to)
	}
}

// TestKnowledgeHoldsWhatIsFetched: an id that a peer announces takes a place in the
// knowledge only if this node fetches it, which bounds how fast a peer can replace
// the others.
func TestKnowledgeHoldsWhatIsFetched(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	known := func() int { return len(h.g.host.known.keys) }

	before := known()
	for i := range idSetSize {
		h.g.txs.recent.add(numbered(1 + i))
	}
	h.announceFakes(r, idSetSize)
	if grown := known() - before; grown > 0 {
		t.Errorf("%d transactions that need not be fetched have taken a place", grown)
	}

	before = known()
	var a Announce
	for i := range MaxAnnounced {
		a.Blocks = append(a.Blocks, Announced{Hash: numbered(1<<20 + i)})
	}
	h.incoming(r.given, a)
	if grown := known() - before; grown > maxWantedOfPeer {
		t.Errorf("%d blocks have taken a place, of which at most %d are fetched", grown, maxWantedOfPeer)
	}
}
