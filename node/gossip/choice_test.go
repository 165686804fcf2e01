package gossip

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// These tests are about when a sync begins and ends, and with which peer it is.

// work returns as much work as n blocks of the test's network have.
func work(n int) (w pow.Work) {
	for range n {
		w = w.Add(params().GenesisState().Work)
	}
	return w
}

// A peer of this node's choice is the better source, then one that stalls less often, then
// one that claims more work.
func TestBetterSource(t *testing.T) {
	chosen, guest := true, false
	like := func(out bool, stalls, claims int) *peer {
		return &peer{out: out, sync: syncState{stalls: stalls}, tip: Tip{Work: work(claims)}}
	}
	for _, tc := range []struct {
		p, other *peer
		want     bool
	}{
		{like(chosen, 2, 1), like(guest, 0, 9), true},
		{like(guest, 0, 9), like(chosen, 2, 1), false},
		{like(guest, 0, 1), like(guest, 1, 9), true},
		{like(chosen, 1, 9), like(chosen, 0, 1), false},
		{like(chosen, 1, 2), like(chosen, 1, 1), true},
		{like(chosen, 1, 1), like(chosen, 1, 1), false},
		{like(guest, 1, 1), like(guest, 1, 2), false},
	} {
		if got := (&syncer{}).better(tc.p, tc.other); got != tc.want {
			t.Errorf("%+v is better than %+v: %v", tc.p, tc.other, got)
		}
	}
}

// A sync has blocks to come from the moment at which its branch has shown more work. A
// second after a block, it no longer keeps tips from being announced.
func TestBehindAndAdvances(t *testing.T) {
	y := &syncer{host: &host{now: start}}
	if y.behind() || y.advances() {
		t.Error("without a sync, blocks are to come")
	}
	for _, tc := range []struct {
		phase syncPhase
		left  int
		want  bool
	}{
		{measuring, 0, false}, {measuring, 1, false}, {collecting, 0, true}, {proved, 0, true}, {complete, 0, false}, {complete, 1, true},
	} {
		y.current = &syncing{phase: tc.phase, download: download{hashes: make([]pow.Hash, tc.left)}}
		if got := y.behind(); got != tc.want {
			t.Errorf("%s, %d hashes left: behind %v", tc.phase, tc.left, got)
		}
	}
	for ago, want := range map[time.Duration]bool{0: true, advancing - 1: true, advancing: false} {
		y.current.takenAt = start.Add(-ago)
		if got := y.advances(); got != want {
			t.Errorf("%v after a block: advances %v", ago, got)
		}
	}
}

// guestSync begins a sync with a peer that came to the node, whose blocks are asked for,
// and returns a chosen peer that claims as much.
func guestSync(h *testNode, blocks []block.Block) (chosen *peer, of *remote) {
	h.t.Helper()
	of = claiming(2, blocks)
	claimed := of.tip
	of.tip = params().GenesisState()
	h.join(of)
	of.tip = claimed
	r := claiming(1, blocks)
	h.welcome(r)
	if reply := h.incoming(r.given, Hello{r.greeting(), r.session}); reply.Refusal != nil {
		h.t.Fatal(reply.Refusal)
	}
	guest, chosen := h.g.host.peers.byAddress[r.address], h.g.host.peers.byAddress[of.address]
	s, _ := mustTake[GetHeaders](h)
	if s.To != r.address || guest.out || !chosen.out {
		h.t.Fatalf("the headers are asked of %s; chosen: %v and %v", s.To, guest.out, chosen.out)
	}
	h.answer(s, Headers{headersOf(blocks)})
	mustTake[GetBlocks](h)
	return chosen, of
}

// A sync with a peer that came to this node gives way to one with a peer of this node's
// choice.
func TestChosenSourceReplacesAGuest(t *testing.T) {
	h := newTestNode(t, 1, nil)
	chosen, r := guestSync(h, mineChain(h.chain.Tip(), 3, 7))
	if reply := h.incoming(r.given, Hello{r.greeting(), r.session}); reply.Refusal != nil {
		t.Fatal(reply.Refusal)
	}
	if got := h.noted(NoteSyncEnds); !slices.Equal(got, []string{"replaced"}) {
		t.Errorf("the sync ended with %v, want replaced", got)
	}
	if s := h.g.syncer.current; s == nil || s.source != chosen {
		t.Errorf("the sync is %+v, want one with the chosen peer", s)
	}
	if s, _ := mustTake[GetHeaders](h); s.To != r.address {
		t.Errorf("the headers are asked of %s", s.To)
	}
}

// Each condition under which a sync may be replaced, alone.
func TestMayReplace(t *testing.T) {
	h := newTestNode(t, 1, nil)
	p, r := guestSync(h, mineChain(h.chain.Tip(), 3, 7))
	p.tip = Tip{Hash: r.tip.Hash, Height: r.tip.Height, Work: r.tip.Work}
	y := h.g.syncer
	for name, tc := range map[string]struct {
		change func(p *peer, y *syncer)
		want   bool
	}{
		"as it is":            {func(*peer, *syncer) {}, true},
		"it may begin now":    {func(p *peer, y *syncer) { p.sync.notBefore, y.notBefore = y.now, y.now }, true},
		"a guest":             {func(p *peer, _ *syncer) { p.out = false }, false},
		"not proven":          {func(p *peer, _ *syncer) { p.phase = dialling }, false},
		"not ahead":           {func(p *peer, y *syncer) { p.tip.Work = y.tip().Work }, false},
		"it has to wait":      {func(p *peer, y *syncer) { p.sync.notBefore = y.now.Add(1) }, false},
		"all have to wait":    {func(_ *peer, y *syncer) { y.notBefore = y.now.Add(1) }, false},
		"a refused block":     {func(p *peer, y *syncer) { y.relay.rejected.add(p.tip.Hash) }, false},
		"a block on its way":  {func(p *peer, y *syncer) { y.relay.wanted = []*wantedBlock{{hash: p.tip.Hash}} }, false},
		"others on their way": {func(_ *peer, y *syncer) { y.relay.wanted = []*wantedBlock{{hash: pow.Hash{7}}} }, true},
	} {
		changed, machine, refused := *p, *y, *y.relay
		machine.relay = &refused
		refused.rejected = idSet{}
		tc.change(&changed, &machine)
		if got := machine.mayReplace(&changed); got != tc.want {
			t.Errorf("%s: a sync with the peer may begin: %v", name, got)
		}
	}
}

// The next sync begins when the first of the peers that have to wait may be synced with,
// whatever their order, and not before any sync may begin.
func TestSyncWaitsForTheFirst(t *testing.T) {
	for _, tc := range []struct{ all, one, other, want time.Duration }{
		{0, 5, 3, 3}, {0, 3, 5, 3}, {4, 3, 5, 4}, {9, 5, 3, 9},
	} {
		h := newTestNode(t, 1, nil)
		y := h.g.syncer
		y.notBefore = h.now.Add(tc.all * time.Second)
		for i, wait := range []time.Duration{tc.one, tc.other} {
			y.ahead = append(y.ahead, &peer{address: address(i), phase: connected, tip: Tip{Work: work(9)}, sync: syncState{notBefore: h.now.Add(wait * time.Second)}})
		}
		y.consider()
		if got := y.wake.at.Sub(h.now); y.current != nil || got != tc.want*time.Second {
			t.Errorf("%+v: the next sync begins after %v", tc, got)
		}
	}
}

// A peer whose tip was refused is left alone for ten minutes, however often the node looks,
// and then for another ten.
func TestRefusedTipIsLeftAlone(t *testing.T) {
	h := newTestNode(t, 1, nil)
	y := h.g.syncer
	p := &peer{address: address(1), phase: connected, tip: Tip{Hash: pow.Hash{9}, Work: work(9)}}
	y.relay.rejected.add(p.tip.Hash)
	for _, step := range []struct{ at, want time.Duration }{{0, 10}, {1, 10}, {9, 10}, {10, 20}, {11, 20}} {
		y.now = start.Add(step.at * time.Minute)
		y.ahead = []*peer{p}
		y.consider()
		if got := p.sync.notBefore.Sub(start); y.current != nil || got != step.want*time.Minute {
			t.Errorf("after %d minutes: no sync before %v, want %d minutes", step.at, got, step.want)
		}
	}
}

// A block that is on its way needs no sync.
func TestBlockOnItsWayNeedsNoSync(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	b := mineOn(h.chain.Tip(), 7)
	r.tip = r.tip.Apply(b.Header)
	h.incoming(r.given, Announce{Blocks: []Announced{{Hash: b.Hash()}}})
	if reply := h.incoming(r.given, Hello{r.greeting(), r.session}); reply.Refusal != nil {
		t.Fatal(reply.Refusal)
	}
	if pending[GetBlocks](h) != 1 || pending[GetHeaders](h) != 0 {
		t.Errorf("%d requests for blocks and %d for headers, want only one for the block", pending[GetBlocks](h), pending[GetHeaders](h))
	}
}

// A sync that succeeds forgives its source and its senders. If other peers were faster, the
// source is asked again only after a second.
func TestSyncForgives(t *testing.T) {
	for _, taken := range []int{0, 1} {
		h := newTestNode(t, 1, nil)
		y := h.g.syncer
		source, sender := &peer{sync: syncState{unbacked: 2, stalls: 2}}, &peer{sync: syncState{unbacked: 1, stalls: 1}}
		y.current = &syncing{source: source, phase: complete, download: download{taken: taken, senders: []*peer{sender}}}
		y.goOn(y.current)
		want := syncState{}
		if taken == 0 {
			want.notBefore = h.now.Add(time.Second) // SyncLeast
		}
		if source.sync != want || sender.sync != (syncState{unbacked: 1}) || y.current != nil {
			t.Errorf("%d blocks taken: source %+v, sender %+v", taken, source.sync, sender.sync)
		}
	}
}

// A sync whose blocks have all come goes on if there are more headers.
func TestSyncWaitsForItsHeaders(t *testing.T) {
	h := newTestNode(t, 1, nil)
	blocks := mineChain(h.chain.Tip(), MaxHeaders+1, 7)
	h.join(claiming(1, blocks))
	s, _ := mustTake[GetHeaders](h)
	h.answer(s, Headers{headersOf(blocks[:MaxHeaders])})
	last, _ := mustTake[GetHeaders](h) // is answered after all blocks
	for {
		if n := pending[GetHeaders](h); n > 0 {
			t.Fatalf("%d more pages are asked for while one is under way", n)
		}
		s, get, ok := take[GetBlocks](h)
		if !ok {
			break
		}
		h.answer(s, serveFrom(blocks, get))
	}
	if h.chain.Tip().Height != MaxHeaders || h.g.syncer.current == nil || len(h.noted(NoteSyncEnds)) > 0 {
		t.Fatalf("at height %d the sync has ended", h.chain.Tip().Height)
	}
	if h.g.syncer.stall.isSet() {
		t.Error("a sync may stall although no block is to come")
	}
	h.answer(last, Headers{headersOf(blocks[MaxHeaders:])})
	s, get := mustTake[GetBlocks](h)
	h.answer(s, serveFrom(blocks, get))
	if h.chain.Tip().Height != MaxHeaders+1 || !slices.Equal(h.noted(NoteSyncEnds), []string{"done"}) {
		t.Errorf("height %d, and the sync ended with %v", h.chain.Tip().Height, h.noted(NoteSyncEnds))
	}
}

// When a sync ends, its timers stop. Its end is noted only if its beginning was, and its
// tip is announced only if it has brought blocks.
func TestEndOfASync(t *testing.T) {
	for _, tc := range []struct {
		phase syncPhase
		taken int
		noted []string
		told  bool
	}{
		{measuring, 0, nil, false}, {collecting, 0, []string{"any"}, false}, {complete, 1, []string{"any"}, true},
	} {
		h := newTestNode(t, 1, nil)
		r, missed := newRemote(1), newRemote(2)
		h.join(r)
		h.join(missed)
		h.sends = nil
		y := h.g.syncer
		y.current = &syncing{source: h.g.host.peers.byAddress[r.address], phase: tc.phase, download: download{taken: tc.taken, takenAt: start.Add(-time.Hour)}}
		y.timers.set(&y.hurry, h.now.Add(time.Hour))
		y.timers.set(&y.stall, h.now.Add(time.Hour))
		late := h.g.host.peers.byAddress[missed.address]
		y.timers.set(&late.hello.timer, h.now.Add(time.Hour))
		y.relay.missed = []*peer{late}
		b := mineOn(h.chain.Tip(), 7)
		if n, err := h.chain.AcceptAll([]block.Block{b}); err != nil {
			t.Fatal(n, err)
		}
		y.begin(h.now)
		y.end("any")
		var announced bool
		for _, e := range y.effects {
			switch e := e.(type) {
			case Send:
				_, is := e.Request.(Announce)
				announced = announced || is
			case Note:
				h.notes = append(h.notes, e)
			}
		}
		if y.current != nil || y.hurry.isSet() || y.stall.isSet() {
			t.Errorf("%s: a sync or a timer of it is left", tc.phase)
		}
		if got := h.noted(NoteSyncEnds); !slices.Equal(got, tc.noted) {
			t.Errorf("%s: noted %v, want %v", tc.phase, got, tc.noted)
		}
		if announced != tc.told {
			t.Errorf("%s, %d blocks taken: announced %v", tc.phase, tc.taken, announced)
		}
		if wait := late.hello.timer.at.Sub(h.now); wait > time.Second { // HelloLeast
			t.Errorf("%s: the peer that was not followed is greeted after %v", tc.phase, wait)
		}
	}
}

// How fast a sync is, and how long it will take.
func TestSyncProgress(t *testing.T) {
	s := SyncInfo{Active: true, From: 10, Height: 30, Target: 70, Since: start}
	for name, tc := range map[string]struct {
		change func(*SyncInfo)
		after  time.Duration
		rate   float64
		left   time.Duration
	}{
		"half way":            {func(*SyncInfo) {}, 4 * time.Second, 5, 8 * time.Second},
		"none":                {func(s *SyncInfo) { s.Active = false }, 4 * time.Second, 0, 0},
		"no time":             {func(*SyncInfo) {}, 0, 0, 0},
		"a clock set back":    {func(*SyncInfo) {}, -time.Second, 0, 0},
		"no block":            {func(s *SyncInfo) { s.Height = s.From }, 4 * time.Second, 0, 0},
		"beyond the target":   {func(s *SyncInfo) { s.Target = 20 }, 4 * time.Second, 5, 0},
		"just at the target":  {func(s *SyncInfo) { s.Target = 30 }, 4 * time.Second, 5, 0},
		"one before the last": {func(s *SyncInfo) { s.Target = 31 }, 2 * time.Second, 10, time.Second / 10},
	} {
		info := s
		tc.change(&info)
		rate, left := info.Progress(start.Add(tc.after))
		if math.Abs(rate-tc.rate) > 1e-9 || left != tc.left {
			t.Errorf("%s: %g blocks a second and %v left, want %g and %v", name, rate, left, tc.rate, tc.left)
		}
	}
}

// A peer that has been dropped is charged no more. One that has stalled three times is left
// alone for a while after it was dropped, and no wait is longer than eight times SyncRetry.
func TestCharge(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	y := h.g.syncer
	p := h.g.host.peers.byAddress[r.address]
	y.begin(h.now)
	for i, want := range []time.Duration{10, 20, 40} {
		y.charge(p, "blocks", "")
		if got := p.sync.notBefore.Sub(h.now); p.sync.stalls != i+1 || got != want*time.Second {
			t.Errorf("charge %d: %d stalls, no sync for %v", i+1, p.sync.stalls, got)
		}
	}
	if p.phase != closed {
		t.Fatalf("the peer is %s", p.phase)
	}
	y.charge(p, "blocks", "")
	if p.sync.stalls != 3 {
		t.Errorf("a peer that is gone has %d stalls", p.sync.stalls)
	}
	if e := y.book.at[r.address]; e == nil || e.Failures == 0 {
		t.Errorf("the entry of the address is %+v, want a failure", e)
	}
}
