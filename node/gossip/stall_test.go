package gossip

import (
	"slices"
	"testing"
	"time"
)

// A sync of which no block is taken ends after SyncStall, not earlier, and charges
// its source. The source's next sync comes later and gets more time. After maxStalls
// the source is dropped.
func TestStalledSync(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.BlocksTimeout = time.Hour })
	blocks := mineChain(h.chain.Tip(), 300, 7)
	r := newRemote(1)
	for _, b := range blocks {
		r.tip = r.tip.Apply(b.Header)
	}
	h.join(r)
	for stall := 1; stall <= maxStalls; stall++ {
		s, _ := mustTake[GetHeaders](h)
		h.answer(s, Headers{headersOf(blocks)})
		if len(h.g.syncer.current.batches) == 0 {
			t.Fatal("no blocks are asked for")
		}
		h.now = h.now.Add(time.Duration(stall)*10*time.Second - 1)
		h.step(Wake{})
		if h.g.syncer.current == nil {
			t.Fatalf("stall %d: the sync has ended too early", stall)
		}
		h.now = h.now.Add(1)
		h.step(Wake{})
		if h.g.syncer.current != nil {
			t.Fatalf("stall %d: the sync goes on", stall)
		}
		if stall < maxStalls {
			wait := 10 * time.Second << (stall - 1)
			h.now = h.now.Add(wait - 1)
			h.step(Wake{})
			if h.g.syncer.current != nil {
				t.Fatalf("stall %d: the next sync begins too early", stall)
			}
			h.now = h.now.Add(1)
			h.step(Wake{})
		}
	}
	if got := h.noted(NoteSyncEnds); !slices.Equal(got, []string{"stalled", "stalled", "stalled"}) {
		t.Errorf("the syncs ended with %v", got)
	}
	if got := h.noted(NoteDropped); !slices.Equal(got, []string{"stalled"}) {
		t.Errorf("dropped for %v, want stalled", got)
	}
}

// A sync of which no block is taken charges its source, even if that one has sent all that
// it was asked for, and every other peer that owes blocks. It charges no peer that owes
// nothing: neither one that has sent its blocks nor one that was not asked.
func TestStalledSyncChargesItsDebtors(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.HurryBatch = time.Hour }) // nobody else is asked for the first batch
	blocks := mineChain(h.chain.Tip(), 3*MaxBlocks, 7)
	debtor, source, sender, unasked := newRemote(1), claiming(2, blocks), claiming(3, blocks), newRemote(4)
	h.join(debtor)
	h.join(source)
	debtor.tip = source.tip
	if reply := h.incoming(debtor.given, Hello{debtor.greeting(), debtor.session}); reply.Refusal != nil {
		t.Fatal(reply.Refusal)
	}
	h.join(sender)
	h.join(unasked)
	s, _ := mustTake[GetHeaders](h)
	if s.To != source.address {
		t.Fatalf("the headers are asked of %s, want %s", s.To, source.address)
	}
	h.answer(s, Headers{headersOf(blocks)})
	for _, r := range []*remote{debtor, source, sender} {
		s, get := mustTake[GetBlocks](h)
		if s.To != r.address {
			t.Fatalf("a batch is asked of %s, want %s", s.To, r.address)
		}
		if r != debtor { // who was asked for the first batch, so that the chain gets none of the others
			h.answer(s, serveFrom(blocks, get))
		}
	}
	charged := func(want map[*remote]int) {
		t.Helper()
		for i, r := range []*remote{debtor, source, sender, unasked} {
			if got := h.g.host.peers.byAddress[r.address].sync.stalls; got != want[r] {
				t.Errorf("%s is charged %d times, want %d", [...]string{"the debtor", "the source", "the sender", "the peer that was not asked"}[i], got, want[r])
			}
		}
	}
	h.now = h.now.Add(10*time.Second - 1) // SyncStall
	h.step(Wake{})
	charged(nil)
	h.now = h.now.Add(1)
	h.step(Wake{})
	charged(map[*remote]int{debtor: 1, source: 1})
	if got := h.noted(NoteSyncEnds); !slices.Equal(got, []string{"stalled"}) {
		t.Errorf("the syncs ended with %v", got)
	}
}

// Blocks that are ahead of the clock charge nobody and are not remembered as refused.
func TestBlocksAheadOfTheClock(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), 3, 7)
	late := blocks[2]
	late.Header.Time = uint32(start.Add(3 * time.Hour).Unix())
	target, _ := late.Header.Bits.Target()
	for !late.Header.Hash().Meets(target) {
		late.Header.Nonce++
	}
	blocks[2] = late
	r := newRemote(1)
	for _, b := range blocks {
		r.tip = r.tip.Apply(b.Header)
	}
	h.join(r)
	s, _ := mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(blocks)})
	for {
		s, get, ok := take[GetBlocks](h)
		if !ok {
			break
		}
		h.answer(s, serveFrom(blocks, get))
	}
	if h.chain.Tip().Height != 2 {
		t.Errorf("the tip is at %d, want 2", h.chain.Tip().Height)
	}
	for _, p := range h.g.host.peers.all {
		if p.sync.stalls != 0 {
			t.Errorf("peer %s was charged", p.address)
		}
	}
	if h.g.relay.rejected.has(late.Header.Hash()) {
		t.Error("the block is remembered as refused")
	}
	if h.g.syncer.notBefore.After(h.now) {
		t.Error("no other peer may be synced with")
	}
}

// While a sync waits for blocks that do not come, the node announces the blocks that it
// finds itself. While the sync brings blocks, it does not announce each of them.
func TestBlocksAreAnnouncedDuringAStalledSync(t *testing.T) {
	h := newTestNode(t, 1, nil)
	theirs := mineChain(h.chain.Tip(), 300, 7)
	r, other := newRemote(1), newRemote(2)
	for _, b := range theirs {
		r.tip = r.tip.Apply(b.Header)
	}
	h.join(other)
	h.join(r)
	s, _ := mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(theirs)})
	batch, get := mustTake[GetBlocks](h)
	own := mineChain(h.chain.Tip(), 1, 9)[0]
	h.accept(own)
	if told := h.announcedTo(own.Hash()); !told[other.address] {
		t.Errorf("the block was announced to %v", told)
	}
	for {
		if _, _, ok := take[Announce](h); !ok {
			break
		}
	}
	h.answer(batch, serveFrom(theirs, get))
	last := h.chain.Tip().Hash
	if last != get.Hashes[len(get.Hashes)-1] {
		t.Fatalf("the tip is %s, want the last block of the batch", last)
	}
	h.now = h.now.Add(advancing - 1)
	another := mineChain(h.chain.Tip(), 1, 9)[0]
	h.accept(another)
	if told := h.announcedTo(another.Hash()); len(told) > 0 {
		t.Errorf("while the sync advances, a block was announced to %v", told)
	}
}
