package gossip

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// These tests state the bounds of the transactions that are fetched.

// guests connects some guests.
func (h *testNode) guests(count int) (all []*peer) {
	h.t.Helper()
	for i := range count {
		r := newRemote(200 + i)
		h.welcome(r)
		all = append(all, h.g.host.peers.byAddress[r.address])
	}
	return all
}

// TestWantedTxsAreBounded checks how many announced transactions are to be fetched from one
// peer and in all, and that only the latter bound does not apply to a chosen peer.
func TestWantedTxsAreBounded(t *testing.T) {
	h := newTestNode(t, 1, nil)
	guests := h.guests(maxWantedTxs/maxWantedTxsOf + 1)
	id := 0
	announce := func(p *peer) bool {
		id++
		before := len(h.g.txs.wanted)
		h.g.txs.onAnnounced(p, numbered(id))
		return len(h.g.txs.wanted) > before
	}
	for _, p := range guests[:len(guests)-1] {
		for i := range maxWantedTxsOf {
			if !announce(p) {
				t.Fatalf("transaction %d of a peer is not wanted", i+1)
			}
		}
		if announce(p) {
			t.Fatalf("transaction %d of a peer is wanted", maxWantedTxsOf+1)
		}
	}
	p := guests[len(guests)-1]
	if announce(p) {
		t.Errorf("transaction %d is wanted", maxWantedTxs+1)
	}
	p.out = true
	for i := range maxWantedTxsOf + 1 {
		if announce(p) != (i < maxWantedTxsOf) {
			t.Fatalf("transaction %d of a chosen peer is wanted: %v", i+1, i >= maxWantedTxsOf)
		}
	}
}

// TestRequestsForTxsAreBounded checks that four guests are asked at a time, and chosen peers
// beyond them, and that the others have their turns later.
func TestRequestsForTxsAreBounded(t *testing.T) {
	h := newTestNode(t, 1, nil)
	chosen := newRemote(100)
	h.join(chosen)
	for i := range 6 {
		r := newRemote(i + 1)
		h.welcome(r)
		h.incoming(r.given, Announce{Txs: []pow.Hash{numbered(i + 1)}})
		if n := pending[GetTxs](h); n != min(i+1, maxTxRequests) {
			t.Errorf("%d guests have announced transactions, and %d are asked", i+1, n)
		}
	}
	h.incoming(chosen.given, Announce{Txs: []pow.Hash{numbered(100)}})
	if n := pending[GetTxs](h); n != maxTxRequests+1 {
		t.Errorf("%d peers are asked, want the chosen one beside %d guests", n, maxTxRequests)
	}
	for left := 6 + 1; left > 0; left-- {
		s, _ := mustTake[GetTxs](h)
		h.answer(s, Txs{})
		if n, want := pending[GetTxs](h), left-1; n != min(want, maxTxRequests) && n != min(want, maxTxRequests+1) {
			t.Errorf("%d peers are asked when %d are left", n, want)
		}
	}
	if n := len(h.g.txs.wanted); n != 0 || h.g.txs.requests != 0 {
		t.Errorf("%d transactions are wanted in the end, and %d requests are counted", n, h.g.txs.requests)
	}
}

// TestNoMoreTxsWhileManyWait checks that nobody is asked for transactions while many wait for
// the chain.
func TestNoMoreTxsWhileManyWait(t *testing.T) {
	for _, waiting := range []int{maxAdding - 1, maxAdding} {
		h := newTestNode(t, 1, nil)
		r := newRemote(1)
		h.join(r)
		h.g.txs.addID, h.g.txs.waiting = 1<<40, make([]addition, waiting) // the chain is busy
		h.incoming(r.given, Announce{Txs: []pow.Hash{numbered(1)}})
		if got, want := pending[GetTxs](h) > 0, waiting < maxAdding; got != want {
			t.Errorf("while %d transactions wait, a peer is asked for more: %v, want %v", waiting, got, want)
		}
	}
}

// TestRequestForTxsIsBounded checks that a request names no more transactions than an answer
// may have, and that the rest follows.
func TestRequestForTxsIsBounded(t *testing.T) {
	h := newTestNode(t, 1, nil)
	p := h.guests(1)[0]
	for i := range MaxTxs + 1 {
		h.g.txs.onAnnounced(p, numbered(i+1))
	}
	h.step(Wake{})
	for _, want := range []int{MaxTxs, 1} {
		s, get := mustTake[GetTxs](h)
		if len(get.IDs) != want {
			t.Errorf("%d transactions are asked for, want %d", len(get.IDs), want)
		}
		h.answer(s, Txs{})
	}
}

// TestAnnouncersOfATxAreBounded checks how many peers are asked one after another for a
// transaction that none of them has.
func TestAnnouncersOfATxAreBounded(t *testing.T) {
	h := newTestNode(t, 1, nil)
	for _, p := range h.guests(8) {
		h.g.txs.onAnnounced(p, numbered(1))
	}
	h.step(Wake{})
	asked := 0
	for {
		s, _, ok := take[GetTxs](h)
		if !ok {
			break
		}
		asked++
		h.answer(s, Txs{})
	}
	if asked != 1+maxTxAnnouncers {
		t.Errorf("%d peers are asked, want the first and %d others", asked, maxTxAnnouncers)
	}
}

// TestAnswerWithTxs checks what an answer to a request for transactions counts as.
func TestAnswerWithTxs(t *testing.T) {
	one, two := newTx(t, "1"), newTx(t, "2")
	for name, tc := range map[string]struct {
		txs   []block.Tx
		ban   bool
		fails int // counted afterwards, of two
	}{
		"nothing":             {nil, false, 2},
		"one of two":          {[]block.Tx{two}, false, 0},
		"both":                {[]block.Tx{two, one}, false, 0},
		"one of them twice":   {[]block.Tx{one, one}, true, 0},
		"another one":         {[]block.Tx{newTx(t, "3")}, true, 0},
		"one that is unasked": {[]block.Tx{one, newTx(t, "3")}, true, 0},
	} {
		h := newTestNode(t, 1, nil)
		r := newRemote(1)
		h.welcome(r)
		p := h.g.host.peers.byAddress[r.address]
		h.incoming(r.given, Announce{Txs: []pow.Hash{one.ID(), two.ID()}})
		p.fails = 2
		s, _ := mustTake[GetTxs](h)
		h.answer(s, Txs{tc.txs})
		if got := len(h.noted(NoteBanned)) > 0; got != tc.ban {
			t.Errorf("%s: the peer is banned: %v, want %v", name, got, tc.ban)
		}
		if !tc.ban && p.fails != tc.fails {
			t.Errorf("%s: %d failures are counted, want %d", name, p.fails, tc.fails)
		}
	}
}

// TestOutcomesOfTxs checks what follows from the chain's answer to a transaction.
func TestOutcomesOfTxs(t *testing.T) {
	for name, tc := range map[string]struct {
		err                   error
		recent, banned, waits bool
		brought               bool
	}{
		"added":            {nil, true, false, false, true},
		"mined already":    {fmt.Errorf("x: %w", block.Reject(block.TxAlreadyMined, "x")), true, false, false, false},
		"the pool is full": {fmt.Errorf("x: %w", chain.ErrPoolFull), false, false, true, false},
		"breaks a rule":    {block.Reject(block.TxUnsigned, "x"), true, true, false, false},
		"the disk fails":   {errors.New("input/output error"), false, false, false, false},
	} {
		h := newTestNode(t, 1, nil)
		p := h.guests(1)[0]
		tx := newTx(t, "x")
		s := h.g.txs
		s.addID, s.adding = 77, []addition{{tx, p}}
		h.step(Added{ID: 76, Errs: []error{nil}}) // of another addition
		h.step(Added{ID: 77, Errs: nil})          // does not fit
		if s.addID != 77 || s.recent.has(tx.ID()) {
			t.Fatalf("%s: an answer that does not belong to the addition is taken", name)
		}
		h.step(Added{ID: 77, Errs: []error{tc.err}})
		if s.addID != 0 || s.recent.has(tx.ID()) != tc.recent || (p.phase == closed) != tc.banned || s.poolFull.isSet() != tc.waits || p.brought.tx.Equal(h.now) != tc.brought {
			t.Errorf("%s: recent %v, the peer is %s, nothing is asked for a while: %v, brought %v", name, s.recent.has(tx.ID()), p.phase, s.poolFull.isSet(), p.brought.tx)
		}
	}
}

// TestNothingIsAskedWhileThePoolIsFull checks how long transactions are not asked for after
// the mempool was full.
func TestNothingIsAskedWhileThePoolIsFull(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.welcome(r)
	s := h.g.txs
	s.addID, s.adding = 77, []addition{{newTx(t, "x"), h.g.host.peers.byAddress[r.address]}}
	h.step(Added{ID: 77, Errs: []error{chain.ErrPoolFull}})
	h.incoming(r.given, Announce{Txs: []pow.Hash{numbered(1)}})
	begin, wait := h.now, h.g.host.config.PoolFullWait
	for _, step := range []struct {
		after time.Duration
		asked int
	}{{0, 0}, {wait - 1, 0}, {wait, 1}} {
		h.now = begin.Add(step.after)
		h.step(Wake{})
		if n := pending[GetTxs](h); n != step.asked {
			t.Errorf("after %v there are %d requests, want %d", step.after, n, step.asked)
		}
	}
}

// TestTxsOfALostPeer checks that what a peer that is gone was to be asked for is asked of
// others that have announced it, as far as these have room.
func TestTxsOfALostPeer(t *testing.T) {
	h := newTestNode(t, 1, nil)
	all := h.guests(4)
	lost, gone, full, other := all[0], all[1], all[2], all[3]
	for _, p := range all {
		h.g.txs.onAnnounced(p, numbered(1))
	}
	h.g.txs.onAnnounced(lost, numbered(2)) // nobody else has it
	h.g.host.drop(gone, "unreachable", "")
	for i := range maxWantedTxsOf {
		h.g.txs.onAnnounced(full, numbered(10+i))
	}
	h.g.host.drop(lost, "unreachable", "")
	if !slices.Equal(other.txs.queue, []pow.Hash{numbered(1)}) || len(full.txs.queue) != maxWantedTxsOf {
		t.Errorf("%d transactions are to be asked of the last peer, %d of the full one", len(other.txs.queue), len(full.txs.queue))
	}
	if h.g.txs.wanted[numbered(2)] != nil || h.g.txs.wanted[numbered(1)] == nil {
		t.Error("what nobody has is wanted, or what somebody has is not")
	}
	full.txs.queue = full.txs.queue[1:] // with room for one more
	h.g.txs.wanted[numbered(3)] = &wantedTx{next: []*peer{full, other}}
	h.g.txs.askNext(numbered(3))
	if len(full.txs.queue) != maxWantedTxsOf {
		t.Error("a peer with room for one more transaction is not asked for it")
	}
}
