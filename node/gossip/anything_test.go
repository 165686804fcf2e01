package gossip

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// TestAnything checks that whatever peers do, the machine answers each of their
// requests once, its state is consistent after every step, and none of it grows
// without bound.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newTestNode(t, rapid.Uint64().Draw(t, "seed"), func(c *Config) {
			if rapid.Bool().Draw(t, "small") {
				c.Limits.Outbound, c.Limits.Inbound = 2, 4
			}
		})
		branches := [][]block.Block{mineChain(h.chain.Tip(), 20, 1), mineChain(h.chain.Tip(), 25, 2)}
		all := slices.Concat(branches...)
		tips := []rules.State{params().GenesisState()}
		for _, branch := range branches {
			s := tips[0]
			for _, b := range branch {
				s = s.Apply(b.Header)
			}
			tips = append(tips, s)
		}
		remotes := make([]*remote, 12)
		for i := range remotes {
			remotes[i] = newRemote(i)
		}
		yes := true
		pick := func(t *rapid.T) *remote { return rapid.SampledFrom(remotes).Draw(t, "remote") }
		hash := func(t *rapid.T) pow.Hash {
			if rapid.Bool().Draw(t, "real") {
				return rapid.SampledFrom(all).Draw(t, "block").Hash()
			}
			return pow.Hash{byte(rapid.IntRange(0, 255).Draw(t, "byte"))}
		}
		t.Repeat(map[string]func(*rapid.T){
			"time": func(t *rapid.T) {
				h.now = h.now.Add(time.Duration(rapid.IntRange(1, 30_000).Draw(t, "ms")) * time.Millisecond)
				h.step(Wake{})
			},
			"clock back": func(t *rapid.T) {
				h.now = h.now.Add(-time.Duration(rapid.IntRange(1, 300).Draw(t, "s")) * time.Second)
				h.step(Wake{})
			},
			"restart": func(t *rapid.T) { pick(t).id[2]++ }, // another process at the same address
			"join": func(t *rapid.T) {
				r := pick(t)
				r.tip = rapid.SampledFrom(tips).Draw(t, "tip")
				if h.g.host.peers.byAddress[r.address] == nil && !h.g.host.book.isSelf(r.address) && h.g.host.peers.ofNode(r.id) == nil && !h.g.host.bans.hasAddress(h.now, r.address) {
					for { // so that the next Hello is the one to r
						s, _, ok := take[Hello](h)
						if !ok {
							break
						}
						h.fail(s, errors.New("timeout"))
					}
					if h.g.host.peers.byAddress[r.address] != nil {
						return // the host has dialled r meanwhile
					}
					h.join(r)
				}
			},
			"impostor": func(t *rapid.T) { pick(t).id = pick(t).id },
			"connect": func(t *rapid.T) {
				h.ids++
				h.step(Connect{ID: h.ids, Address: pick(t).address, Keep: rapid.Bool().Draw(t, "keep")})
			},
			"guest": func(t *rapid.T) {
				r := pick(t)
				from := netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(1, 3).Draw(t, "network")), 0, byte(rapid.IntRange(1, 3).Draw(t, "host"))})
				h.ids++
				h.step(Incoming{ID: h.ids, From: from, Request: Hello{r.greeting(), r.session}})
			},
			"hello": func(t *rapid.T) {
				r := pick(t)
				r.tip = rapid.SampledFrom(tips).Draw(t, "tip")
				h.incoming(rapid.SampledFrom([]Session{{}, r.given, {1}}).Draw(t, "session"), Hello{r.greeting(), r.session})
			},
			"announce": func(t *rapid.T) {
				r := pick(t)
				h.incoming(r.given, Announce{
					Blocks: []Announced{{Hash: hash(t), Age: time.Duration(rapid.Int64().Draw(t, "age"))}},
					Txs:    []pow.Hash{hash(t)},
				})
			},
			"answer": func(t *rapid.T) {
				if len(h.sends) == 0 {
					t.Skip("nothing was asked")
				}
				i := rapid.IntRange(0, len(h.sends)-1).Draw(t, "i")
				s := h.sends[i]
				h.sends = slices.Delete(h.sends, i, i+1)
				r := remotes[0]
				for _, other := range remotes {
					if other.address == s.To {
						r = other
					}
				}
				switch rapid.IntRange(0, 9).Draw(t, "how") {
				case 0:
					h.fail(s, errors.New("timeout"))
					return
				case 1:
					h.fail(s, Refusal{Reason: rapid.SampledFrom([]RefusalReason{Full, Busy, Banned, UnknownSession, Self, "x"}).Draw(t, "why")})
					return
				case 2:
					h.answer(s, Done{})
					return
				}
				switch q := s.Request.(type) {
				case Hello:
					r.given = q.Session
					greeting := r.greeting()
					if rapid.IntRange(0, 3).Draw(t, "alias") == 0 {
						greeting.Address = pick(t).address
					}
					listed := rapid.SampledFrom([]*bool{nil, new(bool), &yes}).Draw(t, "listed")
					h.answer(s, Welcome{Greeting: greeting, Listed: listed})
				case GetHeaders:
					branch := rapid.SampledFrom(branches).Draw(t, "branch")
					h.answer(s, Headers{headersOf(branch[rapid.IntRange(0, 3).Draw(t, "from"):])})
				case GetBlocks:
					h.answer(s, serveFrom(all, q))
				case GetTxs:
					h.answer(s, Txs{})
				case GetPool:
					h.answer(s, Pool{IDs: []pow.Hash{hash(t)}, Total: 1})
				case GetAddresses:
					h.answer(s, Addresses{[]Address{pick(t).address, "nonsense"}})
				default:
					h.answer(s, Done{})
				}
			},
			"": func(t *rapid.T) { check(t, h) },
		})
	})
}

func check(t *rapid.T, h *testNode) {
	g := h.g
	peers, limits := g.host.peers, g.host.config.Limits
	if n := len(peers.all) - peers.outbound; n > limits.Inbound {
		t.Fatalf("%d peers that came to this node, more than the limits allow", n)
	}
	if peers.outbound > limits.Outbound+maxByHand {
		t.Fatalf("%d outbound peers, more than the limits allow", peers.outbound)
	}
	if len(peers.bySession) != len(peers.all) {
		t.Fatalf("%d sessions for %d peers", len(peers.bySession), len(peers.all))
	}
	outbound := 0
	for _, p := range peers.all {
		if p.phase == closed {
			t.Fatal("a peer that was dropped is in the list")
		}
		if p.out {
			outbound++
		}
		if p.phase.canAnnounce() != (p.phase.proven() && p.theirs != Session{}) {
			t.Fatalf("peer %s is %s, its session %s", p.address, p.phase, p.theirs)
		}
		if p.hello.timer.isSet() == (p.hello.request != nil) {
			t.Fatalf("peer %s, which is %s: a hello is due %v and under way %v", p.address, p.phase, p.hello.timer.isSet(), p.hello.request != nil)
		}
		if (p.txs.phase == txIdle) != (len(p.txs.queue) == 0) && p.txs.phase != txAsking {
			t.Fatalf("peer %s: %d transactions are queued in phase %s", p.address, len(p.txs.queue), p.txs.phase)
		}
		if (p.txs.phase == txQueued) != slices.Contains(g.txs.turns, p) {
			t.Fatalf("peer %s waits for a turn in phase %s", p.address, p.txs.phase)
		}
		if p.phase.proven() {
			if g.host.isAhead(p) && !slices.Contains(g.host.ahead, p) {
				t.Fatalf("peer %s is ahead and no candidate for a sync", p.address)
			}
			if main := peers.mainOf(p, p.node, p.theirs); main != nil {
				t.Fatalf("peer %s is a duplicate of %s by its own word", p.address, main.address)
			}
		}
		if p.wants < 0 || p.wants > maxWantedOfPeer {
			t.Fatalf("%d blocks are wanted from %s", p.wants, p.address)
		}
		for _, q := range p.requests {
			if g.host.requests[q.id] != q {
				t.Fatal("a request to a peer is not among the requests")
			}
		}
	}
	if peers.outbound != outbound {
		t.Fatalf("%d outbound peers are counted, want %d", peers.outbound, outbound)
	}
	if len(g.relay.wanted) > maxWanted+outbound*maxWantedOfPeer || len(g.txs.wanted) > maxWantedTxs+outbound*maxWantedTxsOf {
		t.Fatalf("%d blocks and %d transactions are wanted, more than the limits allow", len(g.relay.wanted), len(g.txs.wanted))
	}
	if s := g.syncer.current; s != nil {
		if len(s.batches) > 2*window {
			t.Fatalf("%d batches, more than the window allows", len(s.batches))
		}
		if s.source.phase == closed && s.phase < complete {
			t.Fatal("a sync goes on whose source was dropped")
		}
		if b := s.first(); (b != nil) != g.syncer.hurry.isSet() {
			t.Fatalf("a batch holds up the sync: %v, and the timer for it is set: %v", b != nil, g.syncer.hurry.isSet())
		}
	}
	checkTimers(t, g)
	checkKnowledge(t, g)
	// Every request that is waited for was made, so that it will end.
	for id := range g.host.requests {
		if !slices.ContainsFunc(h.sends, func(s Send) bool { return s.ID == id }) {
			t.Fatalf("request %d is waited for and was not made", id)
		}
	}
}

// checkTimers fails the test if a timer is set that belongs to something that is
// gone, or if something waits for a timer that is not set.
func checkTimers(t *rapid.T, g *Gossip) {
	live := map[*timer]bool{&g.host.dial: true, &g.txs.compare: true, &g.txs.poolFull: true, &g.syncer.wake: true, &g.syncer.hurry: true, &g.syncer.stall: true}
	for _, p := range g.host.peers.all {
		live[&p.hello.timer], live[&p.news.retry] = true, true
		if s := &p.news; p.phase.canAnnounce() && !s.empty() && s.request == nil && !s.retry.isSet() {
			t.Fatalf("news wait for peer %s, which is %s, and nothing will send them", p.address, p.phase)
		}
	}
	for _, w := range g.relay.wanted {
		live[&w.hurry] = true
		if len(w.asked) == 0 {
			t.Fatalf("nobody is asked for the wanted block %s", w.hash)
		}
	}
	for _, w := range g.greeter.waiters {
		live[&w.timer] = true
		if !w.timer.isSet() {
			t.Fatalf("a connection with %s may never be reported", w.address)
		}
	}
	for i, timer := range g.host.timers.heap {
		if !live[timer] || timer.place != i+1 {
			t.Fatalf("timer %d of the heap belongs to nothing (%v), or says that it is timer %d", i+1, !live[timer], timer.place)
		}
	}
	if s := g.syncer.current; s != nil && !g.syncer.stall.isSet() && slices.ContainsFunc(s.batches, func(b *batch) bool { return len(b.asked) > 0 && !b.done() }) {
		t.Fatal("a sync waits for blocks, and nothing will end it if they do not come")
	}
	if g.syncer.current == nil {
		if g.syncer.stall.isSet() {
			t.Fatal("no sync is under way, and the timer that ends it is set")
		}
		for _, p := range g.host.ahead {
			if !g.syncer.wake.isSet() && !g.relay.pending(p.tip.Hash) && g.host.isAhead(p) {
				t.Fatalf("peer %s is ahead, and no sync will begin", p.address)
			}
		}
	}
}

// checkKnowledge fails the test unless the bits belong to the peers, each to one.
func checkKnowledge(t *rapid.T, g *Gossip) {
	k := &g.host.known
	for i, p := range k.slots {
		if p != nil && (p.slot != i+1 || !slices.Contains(g.host.peers.all, p)) {
			t.Fatalf("bit %d belongs to %s, which is %s and has bit %d", i, p.address, p.phase, p.slot-1)
		}
		if p != nil {
			continue
		}
		for place := range k.keys {
			if k.bits[place*k.words+i/64]>>(i%64)&1 != 0 {
				t.Fatalf("bit %d belongs to no peer, and is set for an id", i)
			}
		}
	}
}
