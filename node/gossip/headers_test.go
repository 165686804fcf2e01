package gossip

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

// These tests are about the headers of a sync: which are asked for, kept and refused.

// peerOf returns the peer that a remote is for the host.
func (h *testNode) peerOf(r *remote) *peer { return h.g.host.peers.byAddress[r.address] }

// page answers the request for headers that waits.
func (h *testNode) page(headers []pow.Header) {
	h.t.Helper()
	s, _ := mustTake[GetHeaders](h)
	h.answer(s, Headers{headers})
}

// wantSync fails the test unless the syncs so far have ended for the reasons, and another
// one is under way or not.
func (h *testNode) wantSync(goesOn bool, reasons ...string) {
	h.t.Helper()
	if got := h.noted(NoteSyncEnds); !slices.Equal(got, reasons) || (h.g.syncer.current != nil) != goesOn {
		h.t.Errorf("the syncs ended with %v, one goes on: %v; want %v, %v", got, h.g.syncer.current != nil, reasons, goesOn)
	}
}

// A source has 5 s for its headers, and 5 s more for each stall, but never more than 15.
func TestTimeForHeaders(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	y, p := h.g.syncer, h.peerOf(r)
	for stalls, want := range []time.Duration{5, 10, 15, 15} {
		y.begin(h.now)
		p.sync.stalls = stalls
		y.current = &syncing{source: p}
		y.askHeaders([]pow.Hash{{}})
		if s := y.effects[0].(Send); s.Timeout != want*time.Second {
			t.Errorf("%d stalls: %v for the headers, want %d s", stalls, s.Timeout, want)
		}
	}
}

// A page of headers shows that its sender answers. A request for one that fails is a stall.
func TestHeadersThatFail(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), 3, 7)
	good, bad := claiming(1, blocks), claiming(2, blocks)
	h.join(good)
	h.peerOf(good).fails = 2
	h.page(headersOf(blocks))
	if p := h.peerOf(good); p.fails != 0 || p.sync.stalls != 0 {
		t.Errorf("after an answer: %d failures and %d stalls", p.fails, p.sync.stalls)
	}
	h = newTestNode(t, 1, nil)
	h.join(bad)
	s, _ := mustTake[GetHeaders](h)
	h.fail(s, errors.New("timeout"))
	if p := h.peerOf(bad); p.fails != 1 || p.sync.stalls != 1 || p.sync.notBefore.Sub(h.now) != 10*time.Second {
		t.Errorf("after a timeout: %d failures, %d stalls, no sync for %v", p.fails, p.sync.stalls, p.sync.notBefore.Sub(h.now))
	}
}

// A page that begins with genesis builds on nothing.
func TestHeadersFromGenesis(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), 3, 7)
	h.join(claiming(1, blocks))
	genesis, _ := params().Genesis()
	h.page(slices.Concat([]pow.Header{genesis}, headersOf(blocks)))
	if got := h.noted(NoteBanned); !slices.Equal(got, []string{string(FaultUnconnected)}) {
		t.Errorf("banned for %v, want unconnected", got)
	}
}

// Blocks that the node has are neither fetched nor counted.
func TestKnownBlocksAreSkipped(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), 8, 7)
	h.accept(blocks[:5]...)
	h.join(claiming(1, blocks))
	h.page(headersOf(blocks))
	if _, get := mustTake[GetBlocks](h); !slices.Equal(get.Hashes, []pow.Hash{blocks[5].Hash(), blocks[6].Hash(), blocks[7].Hash()}) {
		t.Errorf("%d blocks are asked for, from %s on; want the last three", len(get.Hashes), get.Hashes[0])
	}
	i := slices.IndexFunc(h.notes, func(n Note) bool { return n.Kind == NoteSyncBegins })
	if i < 0 || h.notes[i].Count != 3 {
		t.Errorf("the notes are %+v, want one of a sync of three blocks", h.notes)
	}
}

// A branch with a block that was refused is an offence.
func TestBranchOnARefusedBlock(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), 3, 7)
	h.g.relay.rejected.add(blocks[1].Hash())
	h.join(claiming(1, blocks))
	h.page(headersOf(blocks))
	if got := h.noted(NoteBanned); !slices.Equal(got, []string{string(FaultInvalid)}) {
		t.Errorf("banned for %v, want invalid", got)
	}
}

// A peer whose headers go beyond its claim has the tip that they show.
func TestHeadersBeyondTheClaim(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), 5, 7)
	r := claiming(1, blocks[:3])
	h.join(r)
	h.page(headersOf(blocks))
	if p := h.peerOf(r); p.tip.Hash != blocks[4].Hash() || p.tip.Height != 5 {
		t.Errorf("the peer's tip is at %d, want 5", p.tip.Height)
	}
}

// A peer whose headers show less work than it claims has the tip that they show, and is to
// blame, unless this node's own branch has as much work by then as the peer has claimed.
func TestUnbackedClaim(t *testing.T) {
	for grown, want := range map[int]int{11: 1, 12: 0, 13: 0} {
		h := newTestNode(t, 1, nil)
		ours := mineChain(h.chain.Tip(), 13, 1)
		h.accept(ours[:10]...)
		theirs := mineChain(params().GenesisState(), 12, 2)
		r := claiming(1, theirs)
		h.join(r)
		h.accept(ours[10:grown]...)
		h.page(headersOf(theirs[:3]))
		p := h.peerOf(r)
		if p.sync.unbacked != want || p.tip.Hash != theirs[2].Hash() || p.tip.Height != 3 || p.tip.Work != claiming(2, theirs[:3]).tip.Work {
			t.Errorf("at height %d: %d times unbacked, its tip is at %d; want %d times, at 3", grown, p.sync.unbacked, p.tip.Height, want)
		}
		if wait := p.sync.notBefore.Sub(h.now); want == 1 && wait != 10*time.Second || want == 0 && !p.sync.notBefore.IsZero() {
			t.Errorf("at height %d: no sync for %v", grown, wait)
		}
	}
}

// secondPass has the host read two pages of a branch, the second of which shows more work
// than this node's branch of 2,500 blocks, so that it asks for the first page again.
func secondPass(t *testing.T) (h *testNode, r *remote, theirs, other []pow.Header) {
	t.Helper()
	h = newTestNode(t, 1, nil)
	h.accept(mineChain(h.chain.Tip(), 2500, 1)...)
	theirs = headersOf(mineChain(params().GenesisState(), 2*MaxHeaders, 2))
	other = headersOf(mineChain(params().GenesisState(), MaxHeaders, 3))
	r = boasting()
	h.join(r)
	h.page(theirs[:MaxHeaders])
	if got := h.noted(NoteSyncBegins); len(got) > 0 {
		t.Error("a sync begins before its branch has shown more work")
	}
	h.page(theirs[MaxHeaders : 2*MaxHeaders])
	if got := h.noted(NoteSyncBegins); len(got) != 1 || h.g.syncer.current.phase != collecting {
		t.Errorf("%d syncs begin with the second pass, which is %s", len(got), h.g.syncer.current.phase)
	}
	return h, r, theirs, other
}

// A branch that changes in the second pass is given up.
func TestSecondPassChanges(t *testing.T) {
	for name, change := range map[string]func(h *testNode, theirs, other []pow.Header){
		"to another branch": func(h *testNode, theirs, other []pow.Header) {
			h.page(theirs[:MaxHeaders])
			h.page(other)
		},
		"to a shorter one": func(h *testNode, theirs, _ []pow.Header) {
			h.page(theirs[:MaxHeaders])
			h.page(theirs[MaxHeaders : MaxHeaders+100])
		},
		"to a short page": func(h *testNode, theirs, _ []pow.Header) { h.page(theirs[:100]) },
	} {
		t.Run(name, func(t *testing.T) {
			h, _, theirs, other := secondPass(t)
			change(h, theirs, other)
			h.wantSync(false, "changed")
			if pending[GetHeaders](h) > 0 {
				t.Error("more headers of the branch are asked for")
			}
		})
	}
}

// A peer that has no more headers for the second pass has shown nothing but the block on
// which its branch builds.
func TestSecondPassHasNoHeaders(t *testing.T) {
	h, r, _, _ := secondPass(t)
	h.page(nil)
	h.wantSync(false, "changed")
	if p := h.peerOf(r); p.tip.Hash != params().GenesisState().Hash {
		t.Errorf("its tip is at %d, want genesis", p.tip.Height)
	}
}

// In the second pass, too, headers that build on an unknown block are a fault, and not a
// change of the branch.
func TestSecondPassFromNowhere(t *testing.T) {
	h, _, theirs, _ := secondPass(t)
	h.page(theirs[:MaxHeaders])
	h.page(headersOf(mineChain(params().GenesisState(), 3, 9))[1:])
	if got := h.noted(NoteBanned); !slices.Equal(got, []string{string(FaultUnconnected)}) {
		t.Errorf("banned for %v, want unconnected", got)
	}
}

// The second pass counts as one of the four passes over headers that change.
func TestSecondPassCounts(t *testing.T) {
	ours := mineChain(params().GenesisState(), 2500, 1)
	branch := [2][]pow.Header{}
	for i := range branch {
		branch[i] = headersOf(mineChain(params().GenesisState(), 2*MaxHeaders, uint64(2+i)))
	}
	for changes := 2; changes <= 3; changes++ {
		h := newTestNode(t, 1, nil)
		h.accept(ours...)
		h.join(boasting())
		for i := range changes + 1 {
			h.page(branch[i%2][:MaxHeaders])
		}
		last := branch[changes%2]
		h.page(last[MaxHeaders:])
		h.page(last[:MaxHeaders])
		if changes == 3 {
			h.wantSync(false, "changed")
		} else {
			h.wantSync(true)
		}
	}
}

// A branch that has once shown more work is followed to its end, even if this node's own
// branch has overtaken it meanwhile.
func TestProvedBranchIsFollowed(t *testing.T) {
	h := newTestNode(t, 1, nil)
	ours := mineChain(h.chain.Tip(), 2*MaxHeaders+500, 1)
	theirs := mineChain(params().GenesisState(), 3*MaxHeaders, 2)
	h.join(claiming(1, theirs))
	h.page(headersOf(theirs[:MaxHeaders]))
	if s := h.g.syncer.current; s.phase != proved {
		t.Fatalf("the sync is %s", s.phase)
	}
	h.accept(ours...)
	h.page(headersOf(theirs[MaxHeaders : 2*MaxHeaders]))
	h.wantSync(true)
	if got := h.noted(NoteSyncBegins); len(got) != 1 {
		t.Errorf("the beginning of the sync is noted %d times", len(got))
	}
}

// The next page is asked for while fewer than 16,384 blocks are to come.
func TestLeftBoundsTheHeaders(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	y, p := h.g.syncer, h.peerOf(r)
	p.tip.Work = work(1 << 10)
	for left, want := range map[int]bool{maxCollected - 1: true, maxCollected: false} {
		y.begin(h.now)
		y.current = &syncing{source: p, phase: proved, download: download{hashes: make([]pow.Hash, left)}}
		y.goOn(y.current)
		asks := slices.ContainsFunc(y.effects, func(e Effect) bool {
			s, ok := e.(Send)
			if ok {
				_, ok = s.Request.(GetHeaders)
			}
			return ok
		})
		if asks != want {
			t.Errorf("%d blocks to come: more headers are asked for: %v", left, asks)
		}
	}
}

// If the source is lost before all headers are there, the sync ends. After that it goes on
// with the other peers. The loss of another peer does not end it.
func TestSourceIsLost(t *testing.T) {
	for _, tc := range []struct {
		phase  syncPhase
		source bool // the source is lost, not another peer
		goesOn bool
	}{
		{proved, true, false}, {complete, true, true}, {proved, false, true}, {collecting, true, false},
	} {
		h := newTestNode(t, 1, nil)
		one, other := newRemote(1), newRemote(2)
		h.join(one)
		h.join(other)
		for _, r := range []*remote{one, other} {
			h.peerOf(r).tip.Work = work(1 << 10)
		}
		y, lost := h.g.syncer, h.peerOf(other)
		if tc.source {
			lost = h.peerOf(one)
		}
		// All the headers that may be collected are there, so that none are asked for.
		y.current = &syncing{source: h.peerOf(one), phase: tc.phase, download: download{hashes: make([]pow.Hash, maxCollected)}}
		y.goOn(y.current)
		y.begin(h.now)
		y.drop(lost, "unreachable", "")
		for _, e := range y.effects {
			if n, ok := e.(Note); ok {
				h.notes = append(h.notes, n)
			}
		}
		if tc.goesOn {
			h.wantSync(true)
		} else {
			h.wantSync(false, "source")
		}
	}
}

// A sync does not end while the chain works on its blocks. If it ends, that is noted for
// every peer to blame, except those that are gone.
func TestWhoStalls(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), 3, 7)
	r := claiming(1, blocks)
	h.join(r)
	h.page(headersOf(blocks))
	y := h.g.syncer
	y.intake.current = &acceptance{}
	for range 3 {
		h.now = h.now.Add(10 * time.Second) // SyncStall
		h.step(Wake{})
		h.wantSync(true)
	}
	y.intake.current = nil
	h.now = h.now.Add(10 * time.Second)
	h.step(Wake{})
	h.wantSync(false, "stalled")
	if got := h.noted(NoteSyncStalled); !slices.Equal(got, []string{"blocks"}) {
		t.Errorf("stalls noted: %v", got)
	}

	gone := &peer{phase: closed}
	y.begin(h.now)
	y.current = &syncing{source: gone, phase: complete}
	y.endStalled()
	if len(y.effects) != 1 || gone.sync.stalls != 0 { // the end of the sync
		t.Errorf("the effects are %+v, and the peer that is gone is charged %d times", y.effects, gone.sync.stalls)
	}
}
