package gossip

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// These tests state the bounds of what waits to be announced, and of what is remembered for it.

// TestFoundTimesAreBounded checks how many blocks' ages are remembered, that the oldest make
// room, and that the first account of a block counts.
func TestFoundTimesAreBounded(t *testing.T) {
	n := newTestNode(t, 1, nil).g.news
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }
	for i := range maxFound {
		n.setFound(numbered(i), at(i))
		n.setFound(numbered(i), at(1000))
	}
	if len(n.foundAt) != maxFound || n.foundAt[numbered(0)] != at(0) {
		t.Fatalf("%d blocks are remembered, the first was found at %v", len(n.foundAt), n.foundAt[numbered(0)])
	}
	n.setFound(numbered(maxFound), at(5))
	for i, want := range map[int]bool{0: false, 1: true, maxFound: true} {
		if _, got := n.foundAt[numbered(i)]; got != want {
			t.Errorf("block %d is remembered: %v, want %v", i, got, want)
		}
	}
	if len(n.foundAt) != maxFound || len(n.found) != maxFound {
		t.Errorf("%d blocks are remembered, %d in order", len(n.foundAt), len(n.found))
	}
}

// TestNewsOfAPeerAreBounded checks how many transactions and blocks wait to be announced to a
// peer, which of them make room, and that the rest is announced to others.
func TestNewsOfAPeerAreBounded(t *testing.T) {
	h := newTestNode(t, 1, nil)
	p := h.guests(1)[0] // has not given a session that would be in use yet
	p.phase = oneWay
	n := h.g.news
	for i := range maxTxNews + 1 {
		n.announceTx(numbered(1 + i))
	}
	if len(p.news.txs) != maxTxNews || p.news.txs[0] != numbered(1) {
		t.Errorf("%d transactions wait, want %d", len(p.news.txs), maxTxNews)
	}
	var tips []pow.Hash
	for range maxBlockNews + 2 {
		b := mineOn(h.chain.Tip(), 1)
		tips = append(tips, b.Hash())
		h.accept(b)
	}
	var waiting []pow.Hash
	for _, b := range p.news.blocks {
		waiting = append(waiting, b.Hash)
	}
	if !slices.Equal(waiting, tips[2:]) {
		t.Errorf("%d blocks wait, want the latest %d", len(waiting), maxBlockNews)
	}
}

// TestNewsArePutBack checks that what could not be announced stands before what has gathered
// since, up to the bounds: of the blocks the latest remain, and of the transactions the first.
func TestNewsArePutBack(t *testing.T) {
	announced := func(from, count int) (list []Announced) {
		for _, hash := range fakes(from, count) {
			list = append(list, Announced{Hash: hash})
		}
		return list
	}
	for _, tc := range []struct{ blocks, more, txs, moreTxs int }{
		{1, 1, 1, 1}, {0, 0, 0, 0}, {maxBlockNews - 1, 1, maxTxNews - 1, 1}, {maxBlockNews, 1, maxTxNews, 1}, {3, maxBlockNews, 3, maxTxNews},
	} {
		s := newsState{blocks: announced(1000, tc.more), txs: fakes(20_000, tc.moreTxs)}
		s.putBack(Announce{Blocks: announced(1, tc.blocks), Txs: fakes(1, tc.txs)})
		blocks, txs := append(announced(1, tc.blocks), announced(1000, tc.more)...), append(fakes(1, tc.txs), fakes(20_000, tc.moreTxs)...)
		blocks, txs = blocks[max(0, len(blocks)-maxBlockNews):], txs[:min(len(txs), maxTxNews)]
		if !slices.Equal(s.blocks, blocks) || !slices.Equal(s.txs, txs) {
			t.Errorf("%+v: %d blocks and %d transactions wait, want %d and %d", tc, len(s.blocks), len(s.txs), len(blocks), len(txs))
		}
	}
}

// TestAnnouncementIsBounded checks that an announcement has no more hashes and ids together
// than a peer takes, and that the rest follows when it has been answered.
func TestAnnouncementIsBounded(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	p := h.g.host.peers.byAddress[r.address]
	p.fails = 2
	p.news.blocks, p.news.txs = []Announced{{Hash: pow.Hash{1}}, {Hash: pow.Hash{2}}}, fakes(1, MaxAnnounced)
	h.run(func() []Event { h.g.news.announce(p); return []Event{Wake{}} })
	if p.news.request == nil {
		t.Fatal("nothing is announced")
	}
	if len(p.news.blocks) != 0 || len(p.news.txs) != 2 {
		t.Errorf("%d blocks and %d transactions are left, want 0 and 2", len(p.news.blocks), len(p.news.txs))
	}
	h.step(Answered{ID: p.news.request.id, Answer: Done{}})
	if _, a := mustTake[Announce](h); len(a.Blocks) != 0 || len(a.Txs) != 2 {
		t.Errorf("then %d blocks and %d transactions are announced, want 0 and 2", len(a.Blocks), len(a.Txs))
	}
	if p.fails != 0 {
		t.Errorf("%d failures are counted after an answer", p.fails)
	}
}

// TestPagesOfAPoolAreBounded checks how many pages of a peer's mempool are read at a time, and
// what ends the reading before.
func TestPagesOfAPoolAreBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		page  func(i int) Pool
		pages int // that are asked for
		ban   bool
	}{
		"an endless pool":            {func(i int) Pool { return Pool{IDs: fakes(1+i, 1), Total: math.MaxInt} }, maxPages, false},
		"an empty page":              {func(i int) Pool { return Pool{IDs: fakes(1+i, max(0, 2-i)), Total: math.MaxInt} }, 3, false},
		"the end":                    {func(int) Pool { return Pool{IDs: fakes(1, 10), Total: 20} }, 2, false},
		"one before the end":         {func(int) Pool { return Pool{IDs: fakes(1, 10), Total: 21} }, 3, false},
		"as many ids as are allowed": {func(int) Pool { return Pool{IDs: fakes(1, MaxPoolPage), Total: 1} }, 1, false},
		"too many ids":               {func(int) Pool { return Pool{IDs: fakes(1, MaxPoolPage+1), Total: 1} }, 1, true},
	} {
		h := newTestNode(t, 1, nil)
		h.welcome(newRemote(1))
		asked := 0
		for {
			s, get, ok := take[GetPool](h)
			if !ok {
				break
			}
			if get.Limit != MaxPoolPage {
				t.Errorf("%s: a page of %d ids is asked for", name, get.Limit)
			}
			h.answer(s, tc.page(asked))
			asked++
		}
		if asked != tc.pages || len(h.noted(NoteBanned)) > 0 != tc.ban {
			t.Errorf("%s: %d pages are asked for, bans for %v; want %d pages, a ban: %v", name, asked, h.noted(NoteBanned), tc.pages, tc.ban)
		}
	}
}

// TestPoolsAreComparedInTurn checks that a mempool is read every minute, but not while it is
// being read.
func TestPoolsAreComparedInTurn(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.welcome(r)
	h.now = start.Add(h.g.host.config.PoolEvery)
	h.step(Wake{})
	if n := pending[GetPool](h); n != 1 {
		t.Errorf("%d pages are asked for at a time", n)
	}
	s, _ := mustTake[GetPool](h)
	h.answer(s, Pool{})
	for _, step := range []struct {
		at   time.Duration
		want int
	}{{2*h.g.host.config.PoolEvery - 1, 0}, {2 * h.g.host.config.PoolEvery, 1}} {
		h.now = start.Add(step.at)
		h.step(Wake{})
		if n := pending[GetPool](h); n != step.want {
			t.Errorf("after %v %d pages are asked for, want %d", step.at, n, step.want)
		}
	}
}

// TestIntakeIsBounded checks how many announced blocks wait for the chain, and that a peer
// whose block finds no room is remembered.
func TestIntakeIsBounded(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.g.intake.current = &acceptance{id: 1 << 40} // the chain is busy
	blocks := make([]block.Block, 0, maxAccepts+1)
	for i := range maxAccepts + 1 {
		blocks = append(blocks, mineOn(h.chain.Tip(), uint64(i)))
	}
	for i, b := range blocks {
		r := newRemote(i + 1)
		h.welcome(r)
		h.announces(r, b.Hash())
		s, get := mustTake[GetBlocks](h)
		h.answer(s, serveFrom(blocks, get))
		if n := len(h.g.intake.queue); n != min(i+1, maxAccepts) || len(h.g.relay.missed) != max(0, i+1-maxAccepts) {
			t.Fatalf("%d blocks of %d wait, and %d peers are missed", n, i+1, len(h.g.relay.missed))
		}
	}
}
