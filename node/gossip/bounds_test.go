package gossip

import (
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// These tests state the bounds of a sync in numbers, one below and at each of them.

// claiming returns a remote whose tip is that of the blocks on top of genesis.
func claiming(i int, blocks []block.Block) *remote {
	r := newRemote(i)
	for _, b := range blocks {
		r.tip = r.tip.Apply(b.Header)
	}
	return r
}

// boasting returns a remote that claims far more work than anything in a test has.
func boasting() *remote {
	r := newRemote(1)
	r.tip = rules.State{Hash: pow.Hash{9}, Height: 1 << 20}
	for range 30 {
		r.tip.Work = r.tip.Work.Add(r.tip.Work).Add(params().GenesisState().Work)
	}
	return r
}

// pending counts the requests of a kind that wait for an answer.
func pending[R Request](h *testNode) (n int) {
	for _, s := range h.sends {
		if _, ok := s.Request.(R); ok {
			n++
		}
	}
	return n
}

// A peer whose headers have less work than it claims is dropped at the third time.
func TestUnbackedThreeTimes(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := boasting()
	h.join(r)
	for i := 1; i <= 3; i++ {
		if dropped := h.noted(NoteDropped); len(dropped) > 0 {
			t.Fatalf("dropped for %v before the third time", dropped)
		}
		s, _ := mustTake[GetHeaders](h)
		h.answer(s, Headers{})
		h.now = h.now.Add(10 * time.Second) // SyncRetry
		h.step(Wake{})
		if i < 3 {
			if reply := h.incoming(r.given, Hello{r.greeting(), r.session}); reply.Refusal != nil {
				t.Fatal(reply.Refusal)
			}
		}
	}
	if dropped := h.noted(NoteDropped); !slices.Equal(dropped, []string{"unbacked"}) {
		t.Errorf("dropped for %v, want unbacked", dropped)
	}
	if e := h.g.host.book.at[r.address]; e == nil || e.Failures != 1 {
		t.Errorf("the entry of its address is %+v, want a failure", e)
	}
}

// A branch that is another one with every page is given up at the fifth pass.
func TestBranchThatChanges(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.accept(mineChain(h.chain.Tip(), 2500, 1)...)
	one := headersOf(mineChain(params().GenesisState(), MaxHeaders, 2))
	other := headersOf(mineChain(params().GenesisState(), MaxHeaders, 3))
	h.join(boasting())
	for pass := 1; pass <= 5; pass++ {
		s, _, ok := take[GetHeaders](h)
		if !ok {
			t.Fatalf("pass %d was not read", pass)
		}
		if pass%2 == 0 {
			one, other = other, one
		}
		h.answer(s, Headers{one})
	}
	if h.g.syncer.current != nil || pending[GetHeaders](h) > 0 {
		t.Error("the sync goes on after the fifth pass")
	}
}

// No more headers are read while 16,384 blocks are still to come.
func TestCollectedHashesAreBounded(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), 10*MaxHeaders, 7)
	h.join(claiming(1, blocks))
	read := 0
	for {
		s, _, ok := take[GetHeaders](h)
		if !ok {
			break
		}
		h.answer(s, Headers{headersOf(blocks[read : read+MaxHeaders])})
		read += MaxHeaders
	}
	if read != 9*MaxHeaders || h.g.syncer.current.left() != read { // 8 pages have 16,000
		t.Errorf("%d headers were read and %d blocks are to come, want 18,000 of both", read, h.g.syncer.current.left())
	}
}

// An answer with one header too many is a breach, and so is one with a block too many.
func TestOneTooMany(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), MaxHeaders+1, 7)
	h.join(claiming(1, blocks))
	s, _ := mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(blocks)})
	if got := h.noted(NoteBanned); !slices.Equal(got, []string{string(FaultOversize)}) {
		t.Errorf("2,001 headers: banned for %v, want oversize", got)
	}

	h = newTestNode(t, 1, nil)
	h.join(claiming(1, blocks[:3]))
	s, _ = mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(blocks[:3])})
	s, _ = mustTake[GetBlocks](h)
	h.answer(s, Blocks{blocks[:4]})
	if got := h.noted(NoteBanned); !slices.Equal(got, []string{string(FaultUnrequested)}) {
		t.Errorf("four blocks instead of three: banned for %v, want unrequested", got)
	}
}

// A page with fewer than 2,000 headers is the last one.
func TestShortPageIsTheLast(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), MaxHeaders-1, 7)
	h.join(claiming(1, blocks))
	s, _ := mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(blocks)})
	if pending[GetHeaders](h) > 0 {
		t.Error("a page after the last one is asked for")
	}
}

// In the second pass, a branch must show more work by as many headers as in the first
// one, even if this node's own branch has grown meanwhile.
func TestSecondPassTakesNoMore(t *testing.T) {
	h := newTestNode(t, 1, nil)
	ours := mineChain(h.chain.Tip(), 4000, 1)
	h.accept(ours[:2500]...)
	theirs := headersOf(mineChain(params().GenesisState(), 3*MaxHeaders, 2))
	r := boasting()
	h.join(r)
	page := func(n int) {
		t.Helper()
		s, _ := mustTake[GetHeaders](h)
		h.answer(s, Headers{theirs[n*MaxHeaders : (n+1)*MaxHeaders]})
	}
	page(0)
	page(1) // 4,000 headers have more work than 2,500 blocks
	h.accept(ours[2500:]...)
	page(0)
	page(1) // now they have as much as 4,000 blocks
	if h.g.syncer.current != nil || pending[GetHeaders](h) > 0 {
		t.Error("a third page is read in the second pass")
	}
	if got := h.noted(NoteSyncEnds); !slices.Equal(got, []string{"changed"}) {
		t.Errorf("the sync ended with %v, want changed", got)
	}
}

// Blocks of a branch with as much work as this node's are not fetched.
func TestEqualWorkIsNotMore(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.accept(mineChain(h.chain.Tip(), 10, 1)...)
	h.join(boasting())
	s, _ := mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(mineChain(params().GenesisState(), 10, 2))})
	if h.g.syncer.current != nil || pending[GetBlocks](h) > 0 {
		t.Error("a sync with a branch of equal work goes on")
	}
}

// Sixteen batches are fetched at a time, three from each peer, and the batch that holds
// up the others from three peers at most.
func TestBatchesAreBounded(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.BlocksTimeout, c.SyncStall = time.Hour, time.Hour })
	blocks := mineChain(h.chain.Tip(), MaxHeaders+1000, 7)
	for i := 1; i <= 8; i++ {
		h.join(claiming(i, blocks))
	}
	s, _ := mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(blocks[:MaxHeaders])})
	s, _ = mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(blocks[MaxHeaders:])})
	asked, first := map[Address]int{}, 0
	for _, s := range h.sends {
		if _, ok := s.Request.(GetBlocks); ok {
			asked[s.To]++
		}
	}
	total := 0
	for to, n := range asked {
		if total += n; n > 3 {
			t.Errorf("%s is asked for %d batches", to, n)
		}
	}
	if total != 16 {
		t.Errorf("%d batches are fetched, want 16", total)
	}
	for range 20 { // five times HurryBatch
		h.now = h.now.Add(time.Second)
		h.step(Wake{})
	}
	for _, s := range h.sends {
		if get, ok := s.Request.(GetBlocks); ok && get.Hashes[0] == blocks[0].Hash() {
			first++
		}
	}
	if first != 3 {
		t.Errorf("the first batch is asked of %d peers, want 3", first)
	}
}

// A peer is asked for at most three batches, however many there are.
func TestBatchesOfOnePeer(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), 1000, 7)
	h.join(claiming(1, blocks))
	s, _ := mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(blocks)})
	if n := pending[GetBlocks](h); n != 3 {
		t.Errorf("%d batches are asked of one peer, want 3", n)
	}
}

// A peer that does not have the blocks is not asked again in the same sync.
func TestLackingPeerIsNotAskedAgain(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), 3, 7)
	one, other := claiming(1, blocks), claiming(2, blocks)
	h.join(one)
	h.join(other)
	s, _ := mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(blocks)})
	s, _ = mustTake[GetBlocks](h)
	lacks := s.To
	h.answer(s, Blocks{})
	s, get := mustTake[GetBlocks](h)
	if s.To == lacks {
		t.Fatalf("%s is asked again", lacks)
	}
	h.answer(s, serveFrom(blocks, get))
	if h.chain.Tip().Hash != one.tip.Hash {
		t.Error("the blocks were not fetched from the other peer")
	}
}
