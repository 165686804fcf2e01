package gossip

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
)

// TestRefusedAnnouncementsStayShort checks that what is to be announced to a peer
// that refuses every announcement does not grow without limit, nor do the
// announcements.
func TestRefusedAnnouncementsStayShort(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	p := h.g.host.peers.byAddress[r.address]
	for range 80 {
		h.accept(mineChain(h.chain.Tip(), 1, 7)...)
		s, a := mustTake[Announce](h)
		if len(a.Blocks) > maxBlockNews {
			t.Fatalf("an announcement of %d blocks, want at most %d", len(a.Blocks), maxBlockNews)
		}
		for range maxBlockNews { // while the announcement is under way
			h.accept(mineChain(h.chain.Tip(), 1, 7)...)
		}
		h.fail(s, Refusal{Reason: Busy})
		if len(p.news.blocks) > maxBlockNews {
			t.Fatalf("%d blocks wait to be announced, want at most %d", len(p.news.blocks), maxBlockNews)
		}
		h.now = h.now.Add(time.Second)
		h.step(Wake{})
		if s, _, ok := take[Announce](h); ok {
			h.fail(s, Refusal{Reason: Busy})
			h.now = h.now.Add(time.Second)
		}
		for { // the host also repeats its hello
			s, _, ok := take[Hello](h)
			if !ok {
				break
			}
			h.answer(s, r.welcome(s))
		}
	}
}

// TestNobodyIsBannedForAnother checks that a ban applies to the node at an address.
// It applies neither to the node that this one claims to be, nor to other services
// on the machine of an address that anybody may have given.
func TestNobodyIsBannedForAnother(t *testing.T) {
	welcome := func(h *testNode, r *remote) {
		t.Helper()
		s, _ := mustTake[Hello](h)
		h.answer(s, r.welcome(s))
		if p := h.g.host.peers.ofNode(r.id); p == nil || p.address != r.address {
			t.Fatal("the honest node is not connected")
		}
	}
	t.Run("node id", func(t *testing.T) {
		h := newTestNode(t, 1, nil)
		honest, liar := newRemote(1), newRemote(2)
		liar.id = honest.id
		h.join(liar)
		h.now = h.now.Add(time.Hour / 2)
		h.step(Wake{})
		s, _ := mustTake[Hello](h)
		h.fail(s, fault(FaultMalformed, "no greeting"))
		if got := h.noted(NoteBanned); len(got) != 1 {
			t.Fatalf("bans for %v", got)
		}
		h.ids++
		h.step(Connect{ID: h.ids, Address: honest.address})
		welcome(h, honest)
	})
	t.Run("another service of its machine", func(t *testing.T) {
		h := newTestNode(t, 1, nil)
		honest, liar := newRemote(1), newRemote(2)
		honest.address, liar.address = "http://10.0.0.1:8000", "http://10.0.0.1:80"
		if reply := h.incoming(Session{}, Hello{liar.greeting(), liar.session}); reply.Refusal != nil {
			t.Fatal(reply.Refusal)
		}
		s, _ := mustTake[Hello](h)
		h.fail(s, fault(FaultMalformed, "a web page"))
		if got := h.noted(NoteBanned); len(got) != 0 {
			t.Errorf("bans for %v, although no node listens there", got)
		}
		h.ids++
		h.step(Connect{ID: h.ids, Address: honest.address})
		welcome(h, honest)
	})
}

// TestOldForksAreNotKept checks that an announced block on an old fork is not kept.
// On a network that began with little hash rate such blocks cost next to nothing,
// and an attacker could fill the disk with them.
func TestOldForksAreNotKept(t *testing.T) {
	for behind, want := range map[int]bool{1: true, maxBehind: true, maxBehind + 1: false, 40: false} {
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			h := newTestNode(t, 1, nil)
			blocks := mineChain(h.chain.Tip(), 40, 7)
			h.accept(blocks...)
			r := newRemote(1)
			h.join(r)
			parent := params().GenesisState()
			for _, b := range blocks[:40-behind] {
				parent = parent.Apply(b.Header)
			}
			fork := mineOn(parent, 9)
			h.incoming(r.given, Announce{Blocks: []Announced{{Hash: fork.Hash()}}})
			s, _ := mustTake[GetBlocks](h)
			h.answer(s, Blocks{[]block.Block{fork}})
			if _, kept := h.chain.State(fork.Hash()); kept != want {
				t.Errorf("the block is kept: %v, want %v", kept, want)
			}
			if got := h.noted(NoteBanned); len(got) > 0 {
				t.Errorf("bans for %v", got)
			}
		})
	}
}

// welcome has a remote connect with the host, and prove its address.
func (h *testNode) welcome(r *remote) {
	h.t.Helper()
	if reply := h.incoming(Session{}, Hello{r.greeting(), r.session}); reply.Refusal != nil {
		h.t.Fatal(reply.Refusal)
	}
	s, hello := mustTake[Hello](h)
	r.given = hello.Session
	h.answer(s, r.welcome(s))
	if p := h.g.host.peers.ofNode(r.id); p == nil || p.out {
		h.t.Fatalf("%s is no inbound peer", r.address)
	}
}

// TestAnnouncersInLeague has many peers announce a block first and never send it. A
// peer of this node's choice must be asked for the block soon all the same.
func TestAnnouncersInLeague(t *testing.T) {
	h := newTestNode(t, 1, nil)
	honest := newRemote(100)
	h.join(honest)
	mined := mineOn(h.chain.Tip(), 9)
	announce := Announce{Blocks: []Announced{{Hash: mined.Hash()}, {Hash: mined.Hash()}}}
	for i := range 2 * maxAnnouncers {
		r := newRemote(i + 1)
		h.welcome(r)
		h.incoming(r.given, announce)
	}
	for range maxAsked {
		h.now = h.now.Add(h.g.host.config.AskAnother)
		h.step(Wake{})
	}
	h.incoming(honest.given, announce)
	h.now = h.now.Add(h.g.host.config.AskAnother)
	h.step(Wake{})
	for {
		s, _ := mustTake[GetBlocks](h)
		if s.To == honest.address {
			h.answer(s, Blocks{[]block.Block{mined}})
			break
		}
	}
	if h.chain.Tip().Hash != mined.Hash() {
		t.Error("the block is not the tip")
	}
}

// TestSyncsByTurns checks that peers that keep coming to this node under new names,
// claim much work and stall, get at most two syncs in a row, even after a peer of
// this node's choice has stalled once.
func TestSyncsByTurns(t *testing.T) {
	h := newTestNode(t, 1, nil)
	honest := newRemote(100)
	for _, b := range mineChain(h.chain.Tip(), 5, 7) {
		honest.tip = honest.tip.Apply(b.Header)
	}
	h.join(honest)
	var asked []bool // for each sync, whether the outbound peer was asked
	for i := range 12 {
		r := newRemote(i + 1)
		r.tip = honest.tip.Apply(mineOn(honest.tip, 1).Header)
		h.welcome(r)
		s, _ := mustTake[GetHeaders](h)
		asked = append(asked, s.To == honest.address)
		h.now = h.now.Add(s.Timeout)
		h.fail(s, context.DeadlineExceeded)
		h.now = h.now.Add(h.g.host.config.SyncRetry)
		for {
			s, _, ok := take[Hello](h)
			if !ok {
				break
			}
			g := r.greeting()
			if s.To == honest.address {
				g = honest.greeting()
			} else if p := h.g.host.peers.byAddress[s.To]; p != nil {
				g.Node, g.Address = p.node, p.address
			}
			h.answer(s, Welcome{Greeting: g})
		}
	}
	for i := 2; i < len(asked); i++ { // the wait after its own stall may cost the outbound peer a turn
		if !asked[i] && !asked[i-1] && !asked[i-2] {
			t.Fatalf("syncs with the outbound peer: %v, want no three without it in a row", asked)
		}
	}
}

// TestClientsCannotFillTheNode checks that the connections that clients ask for are
// bounded, and do not keep the node from dialling others.
func TestClientsCannotFillTheNode(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Limits.Outbound = 2 })
	for i := range 3 * maxByHand {
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(i), Keep: true})
	}
	if n := h.g.host.peers.outbound; n > 2+maxByHand {
		t.Errorf("%d outbound peers, want at most %d", n, 2+maxByHand)
	}

	b := newTestBook(1000, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range maxKept {
		b.keep(address(i))
		b.markFailed(address(i), start.Add(-time.Hour), 0)
	}
	b.learn("http://honest:80", "x", rng)
	picked := 0
	for range 100 {
		if a, _ := b.pick(start, rng, all); a == "http://honest:80" {
			picked++
		}
	}
	if picked < 20 {
		t.Errorf("the honest address is picked %d times in 100, want at least 20", picked)
	}
}

// TestOneMachineCannotTakeAllPlaces checks that the number of peers from one IP
// address is limited, so that nodes on other machines find room.
func TestOneMachineCannotTakeAllPlaces(t *testing.T) {
	h := newTestNode(t, 1, nil)
	hello := func(r *remote, from string) *Refusal {
		h.ids++
		h.step(Incoming{ID: h.ids, From: netip.MustParseAddr(from), Request: Hello{r.greeting(), r.session}})
		return h.replies[h.ids].Refusal
	}
	up := func(r *remote) {
		s, _ := mustTake[Hello](h)
		h.answer(s, r.welcome(s))
	}
	for i := range 2 * maxGreetedEach { // whose addresses nobody answers at
		if r := hello(newRemote(200+i), "10.0.0.1"); (r != nil) != (i >= maxGreetedEach) {
			t.Errorf("hello %d from one machine: %v", i, r)
		}
	}
	if r := hello(newRemote(300), "10.0.0.2"); r != nil {
		t.Errorf("a node on another machine is refused: %v", r)
	}
	for {
		s, _, ok := take[Hello](h)
		if !ok {
			break
		}
		h.fail(s, context.DeadlineExceeded)
	}
	h.now = h.now.Add(h.g.host.config.HelloTimeout)
	h.step(Wake{})
	for i := range 2 * h.g.host.config.Limits.InboundEach {
		r := newRemote(i + 1)
		if refusal := hello(r, "10.0.0.1"); (refusal != nil) != (i >= h.g.host.config.Limits.InboundEach) {
			t.Fatalf("peer %d from one machine: %v", i, refusal)
		} else if refusal == nil {
			up(r)
		}
	}
	if r := hello(newRemote(300), "10.0.0.2"); r != nil {
		t.Errorf("a node on another machine is refused: %v", r)
	}
}
