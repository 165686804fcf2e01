package gossip

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// TestBlocksTravel checks that a block is fetched from the peer that announced it
// first, and announced to the peers that do not have it.
func TestBlocksTravel(t *testing.T) {
	h := newTestNode(t, 1, nil)
	a, b, c := newRemote(1), newRemote(2), newRemote(3)
	for _, r := range []*remote{a, b, c} {
		h.join(r)
	}
	mined := mineOn(h.chain.Tip(), 1)
	news := Announce{Blocks: []Announced{{Hash: mined.Hash(), Age: 3 * time.Second}}}
	h.incoming(a.given, news)
	h.incoming(b.given, news)
	s, _ := mustTake[GetBlocks](h)
	if s.To != a.address {
		t.Errorf("asked %s first, want %s", s.To, a.address)
	}
	if _, _, twice := take[GetBlocks](h); twice {
		t.Error("two peers are asked at the same time")
	}
	h.fail(s, errors.New("timeout"))
	s, get := mustTake[GetBlocks](h)
	if s.To != b.address {
		t.Errorf("asked %s after %s had failed", s.To, a.address)
	}
	h.now = h.now.Add(time.Second)
	h.answer(s, serveFrom([]block.Block{mined}, get))
	if h.chain.Tip().Hash != mined.Hash() {
		t.Fatal("the block is not the tip")
	}
	s, told := mustTake[Announce](h)
	if s.To != c.address || len(told.Blocks) != 1 || told.Blocks[0] != (Announced{mined.Hash(), 4 * time.Second}) {
		t.Errorf("announced %+v to %s", told, s.To)
	}
	if _, _, echo := take[Announce](h); echo {
		t.Error("the block is announced to a peer that has it")
	}
	i := slices.IndexFunc(h.notes, func(n Note) bool { return n.Kind == NotePropagated })
	if i < 0 || h.notes[i].Took != 4*time.Second {
		t.Errorf("the propagation is not noted as 4s: %+v", h.notes)
	}
}

// TestBlockWithoutParent checks that a block whose parent is not known leads to a
// sync.
func TestBlockWithoutParent(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	blocks := mineChain(h.chain.Tip(), 3, 1)
	h.incoming(r.given, Announce{Blocks: []Announced{{Hash: blocks[2].Hash()}}})
	s, get := mustTake[GetBlocks](h)
	h.answer(s, serveFrom(blocks, get))
	h.now = h.now.Add(time.Second)
	h.step(Wake{})
	s, _ = mustTake[Hello](h)
	for _, b := range blocks {
		r.tip = r.tip.Apply(b.Header)
	}
	h.answer(s, r.welcome(s))
	s, _ = mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(blocks)})
	s, get = mustTake[GetBlocks](h)
	h.answer(s, serveFrom(blocks, get))
	if h.chain.Tip().Height != 3 {
		t.Errorf("tip at height %d, want 3", h.chain.Tip().Height)
	}
}

func TestBadBlocksAnnounced(t *testing.T) {
	good := mineOn(params().GenesisState(), 1)
	other := mineOn(params().GenesisState(), 2)
	body := good
	body.Coinbase.Extranonce = 77
	height := mineOn(params().GenesisState(), 3)
	for _, test := range []struct {
		name   string
		ask    pow.Hash
		answer Answer
		reason FaultReason
	}{
		{"another block", good.Hash(), Blocks{[]block.Block{other}}, FaultUnrequested},
		{"two blocks", good.Hash(), Blocks{[]block.Block{good, good}}, FaultUnrequested},
		{"another body", good.Hash(), Blocks{[]block.Block{body}}, FaultInvalid},
		{"another kind", good.Hash(), Done{}, FaultMalformed},
		{"a block without work", unworked(height).Hash(), Blocks{[]block.Block{unworked(height)}}, FaultWork},
	} {
		h := newTestNode(t, 1, nil)
		r := newRemote(1)
		h.join(r)
		h.incoming(r.given, Announce{Blocks: []Announced{{Hash: test.ask}}})
		s, _ := mustTake[GetBlocks](h)
		h.answer(s, test.answer)
		if got := h.noted(NoteBanned); !slices.Equal(got, []string{string(test.reason)}) {
			t.Errorf("%s: banned for %v, want %s", test.name, got, test.reason)
		}
		if len(h.g.relay.wanted) != 0 || len(h.g.intake.queue) != 0 || h.g.intake.current != nil {
			t.Errorf("%s: the block is still being fetched or accepted", test.name)
		}
	}
}

// TestBodyOfAnother checks that a peer that sends a block with a body that does not
// belong to the header is banned, and the block is fetched from another peer.
func TestBodyOfAnother(t *testing.T) {
	h := newTestNode(t, 1, nil)
	liar, honest := newRemote(1), newRemote(2)
	h.join(liar)
	h.join(honest)
	b := mineOn(params().GenesisState(), 1)
	h.incoming(liar.given, Announce{Blocks: []Announced{{Hash: b.Hash()}}})
	h.incoming(honest.given, Announce{Blocks: []Announced{{Hash: b.Hash()}}})
	wrong := b
	wrong.Coinbase.Extranonce = 77
	s, _ := mustTake[GetBlocks](h)
	h.answer(s, Blocks{[]block.Block{wrong}})
	if got := h.noted(NoteBanned); !slices.Equal(got, []string{string(FaultInvalid)}) {
		t.Fatalf("banned for %v", got)
	}
	s, _ = mustTake[GetBlocks](h)
	if s.To != honest.address {
		t.Fatalf("asked %s, want %s", s.To, honest.address)
	}
	h.answer(s, Blocks{[]block.Block{b}})
	if h.chain.Tip().Hash != b.Hash() {
		t.Error("the block is not the tip")
	}
}

// TestAnotherIsAsked checks that if a block does not arrive within two seconds, the
// next peer that announced it is asked too, and the first answer counts.
func TestAnotherIsAsked(t *testing.T) {
	h := newTestNode(t, 1, nil)
	remotes := []*remote{newRemote(1), newRemote(2)}
	b := mineOn(params().GenesisState(), 1)
	for _, r := range remotes {
		h.join(r)
		h.incoming(r.given, Announce{Blocks: []Announced{{Hash: b.Hash()}}})
	}
	first, _ := mustTake[GetBlocks](h)
	if _, _, ok := take[GetBlocks](h); ok {
		t.Fatal("two peers are asked at the same time")
	}
	h.now = h.now.Add(h.g.host.config.AskAnother)
	if next := h.g.Next(); next.After(h.now) {
		t.Errorf("the next wake is in %s, want it now", next.Sub(h.now))
	}
	h.step(Wake{})
	second, _ := mustTake[GetBlocks](h)
	if first.To == second.To {
		t.Error("the same peer is asked again")
	}
	h.answer(second, Blocks{[]block.Block{b}})
	if h.chain.Tip().Hash != b.Hash() {
		t.Error("the block is not the tip")
	}
	h.answer(first, Blocks{[]block.Block{b}})
	if got := h.noted(NoteBanned); len(got) > 0 {
		t.Errorf("banned for %v", got)
	}
}

// unworked returns a block whose hash does not meet the target.
func unworked(b block.Block) block.Block {
	target, err := b.Header.Bits.Target()
	if err != nil {
		panic(err)
	}
	for b.Header.Hash().Meets(target) {
		b.Header.Nonce++
	}
	return b
}

// TestTxsTravel checks that a transaction is fetched from a peer that announced it,
// or from the next such peer if the first no longer has it. Then it is announced to
// the others.
func TestTxsTravel(t *testing.T) {
	h := newTestNode(t, 1, nil)
	a, b, c := newRemote(1), newRemote(2), newRemote(3)
	for _, r := range []*remote{a, b, c} {
		h.join(r)
	}
	tx := newTx(t, "x")
	h.incoming(a.given, Announce{Txs: []pow.Hash{tx.ID()}})
	h.incoming(b.given, Announce{Txs: []pow.Hash{tx.ID()}})
	s, get := mustTake[GetTxs](h)
	if s.To != a.address || !slices.Equal(get.IDs, []pow.Hash{tx.ID()}) {
		t.Fatalf("asked %s for %v", s.To, get.IDs)
	}
	h.answer(s, Txs{})
	s, _ = mustTake[GetTxs](h)
	if s.To != b.address {
		t.Errorf("asked %s, want another peer than %s, which did not have it", s.To, a.address)
	}
	h.answer(s, Txs{[]block.Tx{tx}})
	if !h.chain.HasPending(tx.ID()) {
		t.Fatal("the transaction is not pending")
	}
	s, told := mustTake[Announce](h)
	if s.To != c.address || !slices.Equal(told.Txs, []pow.Hash{tx.ID()}) {
		t.Errorf("announced %v to %s", told.Txs, s.To)
	}
	// An announcement of a transaction that the node has leads to no request.
	h.incoming(c.given, Announce{Txs: []pow.Hash{tx.ID()}})
	if _, _, ok := take[GetTxs](h); ok {
		t.Error("asked for a transaction that the node has")
	}
	// An answer with a transaction that was not asked for is a fault.
	h.incoming(c.given, Announce{Txs: []pow.Hash{{5}}})
	s, _ = mustTake[GetTxs](h)
	h.answer(s, Txs{[]block.Tx{newTx(t, "y")}})
	if got := h.noted(NoteBanned); !slices.Equal(got, []string{string(FaultUnrequested)}) {
		t.Errorf("banned for %v", got)
	}
}

// TestReorgAnnouncesWhatItReturns checks that a transaction of the branch that lost
// is announced to peers that may not have it.
func TestReorgAnnouncesWhatItReturns(t *testing.T) {
	h := newTestNode(t, 1, nil)
	genesis := h.chain.Tip()
	tx := h.post("x")
	h.accept(mineOn(genesis, 1, tx))
	r := newRemote(1)
	h.join(r)
	h.accept(mineChain(genesis, 2, 2)...)
	var told []pow.Hash
	for {
		s, a, ok := take[Announce](h)
		if !ok {
			break
		}
		told = append(told, a.Txs...)
		h.answer(s, Done{})
	}
	if !slices.Equal(told, []pow.Hash{tx.ID()}) {
		t.Errorf("announced %v, want the transaction of the branch that lost", told)
	}
}

// TestAnnouncementsGather checks that while an announcement is under way, new ids
// wait and go into the next one. What could not be announced is announced again.
func TestAnnouncementsGather(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.join(newRemote(1))
	ids := []pow.Hash{h.post("1").ID()}
	s, a := mustTake[Announce](h)
	for _, content := range []string{"2", "3", "4"} {
		ids = append(ids, h.post(content).ID())
	}
	if _, _, ok := take[Announce](h); ok {
		t.Error("two announcements are under way at the same time")
	}
	if !slices.Equal(a.Txs, ids[:1]) {
		t.Errorf("announced %v, want %v", a.Txs, ids[:1])
	}
	h.fail(s, errors.New("timeout"))
	h.now = h.now.Add(h.g.host.config.AnnounceRetry)
	h.step(Wake{})
	if _, a = mustTake[Announce](h); !slices.Equal(a.Txs, ids) {
		t.Errorf("announced %v, want %v", a.Txs, ids)
	}
}

// TestPoolsAreCompared checks that the mempool of a new peer is read page by page.
func TestPoolsAreCompared(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address})
	s, _ := mustTake[Hello](h)
	h.answer(s, r.welcome(s))
	var ids []pow.Hash
	for i := range 3000 {
		ids = append(ids, pow.Hash{1, byte(i), byte(i >> 8)})
	}
	for from := 0; from < len(ids); {
		s, get := mustTake[GetPool](h)
		if get.From != from {
			t.Fatalf("page from %d, want %d", get.From, from)
		}
		page := ids[from:min(len(ids), from+get.Limit)]
		from += len(page)
		h.answer(s, Pool{IDs: page, Total: len(ids)})
	}
	if _, _, ok := take[GetPool](h); ok {
		t.Error("a page beyond the end is asked for")
	}
	asked := 0
	for {
		s, get, ok := take[GetTxs](h)
		if !ok {
			break
		}
		asked += len(get.IDs)
		h.answer(s, Txs{})
	}
	if asked != len(ids) || len(h.g.txs.wanted) != 0 {
		t.Errorf("asked for %d of %d transactions, %d are still wanted", asked, len(ids), len(h.g.txs.wanted))
	}
}
