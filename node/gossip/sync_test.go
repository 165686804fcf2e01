package gossip

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

func TestSyncFromOnePeer(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), 300, 7)
	r := newRemote(1)
	for _, b := range blocks {
		r.tip = r.tip.Apply(b.Header)
	}
	h.join(r)
	s, get := mustTake[GetHeaders](h)
	if len(get.Locator) == 0 {
		t.Fatal("an empty locator")
	}
	h.answer(s, Headers{headersOf(blocks)})
	// The answers arrive in random order.
	rng := rand.New(rand.NewPCG(3, 3))
	for {
		var waiting []int
		for i, s := range h.sends {
			if _, ok := s.Request.(GetBlocks); ok {
				waiting = append(waiting, i)
			}
		}
		if len(waiting) == 0 {
			break
		}
		i := waiting[rng.IntN(len(waiting))]
		s := h.sends[i]
		h.sends = slices.Delete(h.sends, i, i+1)
		h.answer(s, serveFrom(blocks, s.Request.(GetBlocks)))
	}
	if got := h.chain.Tip(); got.Hash != r.tip.Hash {
		t.Errorf("tip at %d, want %d", got.Height, r.tip.Height)
	}
	if got := h.noted(NoteSyncEnds); !slices.Equal(got, []string{"done"}) {
		t.Errorf("the sync ended with %v, want done", got)
	}
}

func headersOf(blocks []block.Block) []pow.Header {
	headers := make([]pow.Header, len(blocks))
	for i, b := range blocks {
		headers[i] = b.Header
	}
	return headers
}

func serveFrom(blocks []block.Block, get GetBlocks) Blocks {
	var a Blocks
	for _, hash := range get.Hashes {
		i := slices.IndexFunc(blocks, func(b block.Block) bool { return b.Hash() == hash })
		if i < 0 {
			break
		}
		a.Blocks = append(a.Blocks, blocks[i])
	}
	return a
}

// TestLies checks that a peer that lies in a sync is banned, and nothing of what it
// sent is kept.
func TestLies(t *testing.T) {
	chainOf := func(h *testNode, n int) []block.Block { return mineChain(h.chain.Tip(), n, 7) }
	for _, test := range []struct {
		name    string
		reason  FaultReason
		headers func(h *testNode) []pow.Header
		blocks  func(honest []block.Block, get GetBlocks) Answer
	}{
		{"headers without work", FaultWork, func(h *testNode) []pow.Header {
			headers := headersOf(chainOf(h, 3))
			target, _ := headers[2].Bits.Target()
			for headers[2].Hash().Meets(target) {
				headers[2].Nonce++
			}
			return headers
		}, nil},
		{"headers with other bits", FaultInvalid, func(h *testNode) []pow.Header {
			headers := headersOf(chainOf(h, 3))
			headers[2].Bits = 0x2000ffff
			return headers
		}, nil},
		{"headers with a gap", FaultUnconnected, func(h *testNode) []pow.Header {
			return slices.Delete(headersOf(chainOf(h, 3)), 1, 2)
		}, nil},
		{"headers from nowhere", FaultUnconnected, func(h *testNode) []pow.Header { return headersOf(chainOf(h, 3))[1:] }, nil},
		{"other blocks", FaultUnrequested, nil, func(honest []block.Block, _ GetBlocks) Answer {
			return Blocks{[]block.Block{honest[1]}}
		}},
		{"too many blocks", FaultUnrequested, nil, func(honest []block.Block, _ GetBlocks) Answer {
			return Blocks{slices.Concat(honest, honest)}
		}},
		{"another body", FaultInvalid, nil, func(honest []block.Block, _ GetBlocks) Answer {
			blocks := slices.Clone(honest)
			blocks[1].Coinbase.Extranonce++
			return Blocks{blocks}
		}},
		{"another kind of answer", FaultMalformed, nil, func([]block.Block, GetBlocks) Answer { return Done{} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			honest := chainOf(h, 3)
			r := newRemote(1)
			for _, b := range honest {
				r.tip = r.tip.Apply(b.Header)
			}
			h.join(r)
			s, _ := mustTake[GetHeaders](h)
			if test.headers != nil {
				h.answer(s, Headers{test.headers(h)})
			} else {
				h.answer(s, Headers{headersOf(honest)})
				s, get := mustTake[GetBlocks](h)
				h.answer(s, test.blocks(honest, get))
			}
			if got := h.noted(NoteBanned); !slices.Equal(got, []string{string(test.reason)}) {
				t.Errorf("banned for %v, want %s", got, test.reason)
			}
			if len(h.g.Peers()) != 0 || h.g.syncer.current != nil || len(h.g.host.requests) != 0 {
				t.Errorf("%d peers, the sync %v and %d requests are left", len(h.g.Peers()), h.g.syncer.current, len(h.g.host.requests))
			}
			if reply := h.incoming(Session{}, Hello{r.greeting(), r.session}); reply.Refusal == nil || reply.Refusal.Reason != Banned {
				t.Errorf("after the ban: %+v", reply)
			}
			// The same blocks are accepted from an honest peer.
			other := newRemote(2)
			other.tip = r.tip
			h.now = h.now.Add(time.Minute)
			h.join(other)
			s, _ = mustTake[GetHeaders](h)
			h.answer(s, Headers{headersOf(honest)})
			s, get := mustTake[GetBlocks](h)
			h.answer(s, serveFrom(honest, get))
			if got := h.chain.Tip(); got.Hash != r.tip.Hash {
				t.Errorf("tip at height %d, want %d", got.Height, r.tip.Height)
			}
		})
	}
}

// TestLowWorkTakesNoMemory checks that no hashes are kept of a branch, however
// long, before it has more work than this node's branch.
func TestLowWorkTakesNoMemory(t *testing.T) {
	h := newTestNode(t, 1, nil)
	ours := mineChain(h.chain.Tip(), 7000, 1)
	if n, err := h.chain.AcceptAll(ours); err != nil {
		t.Fatal(n, err)
	}
	theirs := mineChain(params().GenesisState(), 6900, 2)
	r := newRemote(1)
	r.tip = rules.State{Hash: pow.Hash{1}, Height: 1 << 20, Work: h.chain.Tip().Work.Add(h.chain.Tip().Work)}
	h.join(r)
	pages := 0
	for {
		s, get, ok := take[GetHeaders](h)
		if !ok {
			break
		}
		pages++
		from := 0
		if i := slices.IndexFunc(theirs, func(b block.Block) bool { return b.Hash() == get.Locator[0] }); i >= 0 {
			from = i + 1
		}
		h.answer(s, Headers{headersOf(theirs[from:min(len(theirs), from+MaxHeaders)])})
		if h.g.syncer.current != nil && h.g.syncer.current.left() != 0 {
			t.Fatalf("%d hashes of a branch with less work are kept", h.g.syncer.current.left())
		}
	}
	if pages != 4 {
		t.Errorf("%d pages read, want 4", pages)
	}
	if _, _, ok := take[GetBlocks](h); ok {
		t.Error("blocks of a branch with less work are asked for")
	}
	if p := h.g.host.peers.ofNode(r.id); p == nil || p.sync.unbacked != 1 {
		t.Errorf("the peer is %+v, want unbacked to be 1", p)
	}
}

// TestBranchIsReadTwice checks that the hashes of a branch of several pages are
// collected in a second pass, if only its last page gives it more work than this
// node's branch.
func TestBranchIsReadTwice(t *testing.T) {
	h := newTestNode(t, 1, nil)
	if n, err := h.chain.AcceptAll(mineChain(h.chain.Tip(), 2500, 1)); err != nil {
		t.Fatal(n, err)
	}
	theirs := mineChain(params().GenesisState(), 2600, 2)
	r := newRemote(1)
	for _, b := range theirs {
		r.tip = r.tip.Apply(b.Header)
	}
	h.join(r)
	for len(h.sends) > 0 {
		if s, get, ok := take[GetHeaders](h); ok {
			from := 0
			if i := slices.IndexFunc(theirs, func(b block.Block) bool { return b.Hash() == get.Locator[0] }); i >= 0 {
				from = i + 1
			}
			h.answer(s, Headers{headersOf(theirs[from:min(len(theirs), from+MaxHeaders)])})
		} else if s, get, ok := take[GetBlocks](h); ok {
			h.answer(s, serveFrom(theirs, get))
		} else {
			break
		}
	}
	if got := h.chain.Tip(); got.Hash != r.tip.Hash {
		t.Errorf("tip at height %d, want %d", got.Height, r.tip.Height)
	}
}
