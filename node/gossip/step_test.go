package gossip

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// params are those of a network on which every other hash will do.
func params() chain.Params {
	return chain.Params{Name: "test", Difficulty: chain.Difficulty{Bits: 0x207fffff}}.WithDefaults()
}

func openChain(t rapid.TB) *chain.Chain {
	t.Helper()
	c, err := chain.Open(chain.Config{Params: params(), Store: chain.NewMemStore(), Now: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mineOn returns a block on top of a state; the salt tells it from others there.
func mineOn(s chain.State, salt uint64, txs ...chain.Tx) chain.Block {
	coinbase := chain.Coinbase{Height: s.Height + 1, Extranonce: salt}
	b := chain.Block{Coinbase: coinbase, Txs: txs}
	root, _ := chain.MerkleRoot(b.IDs())
	b.Header = pow.Header{Version: 0x20000000, Prev: s.Hash, MerkleRoot: root, Time: s.MedianTimePast() + 1, Bits: 0x207fffff}
	target, err := b.Header.Bits.Target()
	if err != nil {
		panic(err)
	}
	for !b.Header.Hash().Meets(target) {
		b.Header.Nonce++
	}
	return b
}

// mineChain returns so many blocks on top of a state.
func mineChain(s chain.State, n int, salt uint64) []chain.Block {
	blocks := make([]chain.Block, n)
	for i := range blocks {
		blocks[i] = mineOn(s, salt)
		s = s.Apply(blocks[i].Header)
	}
	return blocks
}

// host is a node with its chain, whose requests the test answers.
type host struct {
	t     rapid.TB
	g     *Gossip
	chain *chain.Chain
	now   time.Time
	ids   ID

	sends   []Send
	replies map[ID]Reply
	notes   []Note
}

func newHost(t rapid.TB, seed uint64, change func(*Config)) *host {
	c := Config{
		Chain: openChain(t), Random: rand.New(rand.NewPCG(seed, 0)),
		Node: NodeID{0xee, byte(seed)}, Address: "http://self:80",
	}
	h := &host{t: t, chain: c.Chain.(*chain.Chain), now: start, replies: map[ID]Reply{}}
	if change != nil {
		change(&c)
	}
	h.g = New(c)
	var events []chain.Event
	h.chain.Subscribe(func(ev chain.Event) { events = append(events, ev) })
	h.step(Wake{})
	_ = events
	return h
}

// step lets the chain do its part at once and keeps what else there is to do.
func (h *host) step(ev Event) {
	h.t.Helper()
	queue := []Event{ev}
	cancel := h.chain.Subscribe(func(ev chain.Event) { queue = append(queue, Changed{ev}) })
	defer cancel()
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		for _, e := range h.g.Step(h.now, next) {
			switch e := e.(type) {
			case Send:
				h.sends = append(h.sends, e)
			case Reply:
				if _, twice := h.replies[e.ID]; twice {
					h.t.Fatalf("two replies to %d", e.ID)
				}
				h.replies[e.ID] = e
			case Accept:
				taken, err := h.chain.AcceptAll(e.Blocks)
				queue = append(queue, Accepted{ID: e.ID, Taken: taken, Err: err})
			case AddTxs:
				errs := make([]error, len(e.Txs))
				for i, tx := range e.Txs {
					_, errs[i] = h.chain.AddTx(tx)
				}
				queue = append(queue, Added{ID: e.ID, Errs: errs})
			case Note:
				h.notes = append(h.notes, e)
			}
		}
		if next := h.g.Next(); !next.After(h.now) {
			h.t.Fatalf("Next is %v, which is not after now", next.Sub(h.now))
		}
	}
}

// take removes and returns the first request of one kind that waits for an
// answer.
func take[R Request](h *host) (s Send, r R, ok bool) {
	for i, s := range h.sends {
		if r, ok := s.Request.(R); ok {
			h.sends = slices.Delete(h.sends, i, i+1)
			return s, r, true
		}
	}
	return s, r, false
}

func mustTake[R Request](h *host) (Send, R) {
	h.t.Helper()
	s, r, ok := take[R](h)
	if !ok {
		h.t.Fatalf("no %T among %d requests", r, len(h.sends))
	}
	return s, r
}

func (h *host) answer(s Send, a Answer) { h.t.Helper(); h.step(Answered{ID: s.ID, Answer: a}) }
func (h *host) fail(s Send, err error)  { h.t.Helper(); h.step(Answered{ID: s.ID, Err: err}) }

func (h *host) incoming(session Session, r Request) Reply {
	h.t.Helper()
	h.ids++
	h.step(Incoming{ID: h.ids, From: netip.MustParseAddr("127.0.0.1"), Session: session, Request: r})
	reply, ok := h.replies[h.ids]
	if !ok {
		h.t.Fatalf("no reply to a %T", r)
	}
	return reply
}

func (h *host) noted(kind NoteKind) (reasons []string) {
	for _, n := range h.notes {
		if n.Kind == kind {
			reasons = append(reasons, n.Reason)
		}
	}
	return reasons
}

// remote is another node as the test plays it.
type remote struct {
	id      NodeID
	address Address
	tip     chain.State
	session Session // by which it knows the host
	given   Session // by which the host knows it
}

func newRemote(i int) *remote {
	return &remote{id: NodeID{1, byte(i), byte(i >> 8)}, address: address(i), session: Session{2, byte(i), byte(i >> 8)}, tip: chain.Genesis(params())}
}

func (r *remote) greeting() Greeting {
	p := params()
	return Greeting{
		Version: Version, Network: p.Name, NetworkID: p.ID(), Node: r.id, Address: r.address,
		Tip: Tip{Hash: r.tip.Hash, Height: r.tip.Height, Work: r.tip.Work},
	}
}

// join has the host connect with a remote and tells it the remote's tip.
func (h *host) join(r *remote) {
	h.t.Helper()
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address})
	s, hello := mustTake[Hello](h)
	if s.To != r.address {
		h.t.Fatalf("hello to %s, want %s", s.To, r.address)
	}
	r.given = hello.Session
	h.answer(s, Welcome{r.greeting()})
	if reply := h.incoming(r.given, Hello{r.greeting(), r.session}); reply.Refusal != nil {
		h.t.Fatal(reply.Refusal)
	}
	for {
		if s, _, ok := take[GetAddresses](h); ok {
			h.answer(s, Addresses{})
		} else if s, _, ok := take[GetPool](h); ok {
			h.answer(s, Pool{})
		} else {
			return
		}
	}
}

func TestConnectTellsWhenBothKnowEachOther(t *testing.T) {
	h := newHost(t, 1, nil)
	r := newRemote(1)
	h.join(r)
	peers := h.g.Peers()
	if len(peers) != 1 || peers[0].Node != r.id || !peers[0].Out {
		t.Fatalf("peers %+v", peers)
	}
	b := mineOn(h.chain.Tip(), 1)
	if _, err := h.chain.Accept(b); err != nil {
		t.Fatal(err)
	}
	h.step(Changed{chain.Event{Kind: chain.EventTip, Tip: h.chain.Tip()}})
	s, a := mustTake[Announce](h)
	if s.Session != r.session || len(a.Blocks) != 1 || a.Blocks[0].Hash != b.Hash() {
		t.Errorf("announced %+v with session %s", a, s.Session)
	}
}

func TestWhoCannotProveItsAddressIsNoPeer(t *testing.T) {
	h := newHost(t, 1, nil)
	r := newRemote(1)
	if reply := h.incoming(Session{}, Hello{r.greeting(), r.session}); reply.Refusal != nil {
		t.Fatal(reply.Refusal)
	}
	s, _ := mustTake[Hello](h)
	if s.To != r.address || s.Session != r.session {
		t.Fatalf("the host greets %s with %s", s.To, s.Session)
	}
	other := newRemote(2)
	h.answer(s, Welcome{other.greeting()}) // somebody else lives there
	if peers := h.g.Peers(); len(peers) != 0 {
		t.Errorf("peers %+v", peers)
	}
	if reply := h.incoming(Session{9}, Announce{}); reply.Refusal == nil || reply.Refusal.Reason != UnknownSession {
		t.Errorf("an announcement without a session: %+v", reply)
	}
}

func TestRefusals(t *testing.T) {
	h := newHost(t, 1, func(c *Config) { c.Limits.Inbound = 1 })
	hello := func(change func(*Greeting)) *Refusal {
		g := newRemote(1).greeting()
		change(&g)
		return h.incoming(Session{}, Hello{g, Session{1}}).Refusal
	}
	for _, test := range []struct {
		name   string
		change func(*Greeting)
		reason RefusalReason
	}{
		{"another network", func(g *Greeting) { g.Network, g.NetworkID = "other", pow.Hash{1} }, WrongNetwork},
		{"other parameters", func(g *Greeting) { g.NetworkID = pow.Hash{1} }, WrongNetwork},
		{"another version", func(g *Greeting) { g.Version = 2 }, WrongVersion},
		{"itself", func(g *Greeting) { g.Node = h.g.self }, Self},
		{"our address", func(g *Greeting) { g.Address = "http://self:80" }, BadRequest},
		{"no address", func(g *Greeting) { g.Address = "" }, BadRequest},
		{"a strange address", func(g *Greeting) { g.Address = "http://h:1/path" }, BadRequest},
	} {
		if r := hello(test.change); r == nil || r.Reason != test.reason {
			t.Errorf("%s: %v, want %s", test.name, r, test.reason)
		}
	}
	if r := hello(func(*Greeting) {}); r != nil {
		t.Fatal(r)
	}
	if r := hello(func(g *Greeting) { g.Node, g.Address = NodeID{5}, address(5) }); r == nil || r.Reason != Full {
		t.Errorf("one too many: %v, want %s", r, Full)
	}
}

func TestSyncFromOnePeer(t *testing.T) {
	h := newHost(t, 1, nil)
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
	// The answers come in any order.
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
		t.Errorf("sync ended with %v", got)
	}
}

func headersOf(blocks []chain.Block) []pow.Header {
	headers := make([]pow.Header, len(blocks))
	for i, b := range blocks {
		headers[i] = b.Header
	}
	return headers
}

func serveFrom(blocks []chain.Block, get GetBlocks) Blocks {
	var a Blocks
	for _, hash := range get.Hashes {
		i := slices.IndexFunc(blocks, func(b chain.Block) bool { return b.Hash() == hash })
		if i < 0 {
			break
		}
		a.Blocks = append(a.Blocks, blocks[i])
	}
	return a
}

// TestLies: whoever lies in a sync is banned for it, and what it has told leaves
// nothing behind.
func TestLies(t *testing.T) {
	chainOf := func(h *host, n int) []chain.Block { return mineChain(h.chain.Tip(), n, 7) }
	for _, test := range []struct {
		name    string
		reason  FaultReason
		headers func(h *host) []pow.Header
		blocks  func(honest []chain.Block, get GetBlocks) Answer
	}{
		{"headers without work", FaultWork, func(h *host) []pow.Header {
			headers := headersOf(chainOf(h, 3))
			target, _ := headers[2].Bits.Target()
			for headers[2].Hash().Meets(target) {
				headers[2].Nonce++
			}
			return headers
		}, nil},
		{"headers with other bits", FaultInvalid, func(h *host) []pow.Header {
			headers := headersOf(chainOf(h, 3))
			headers[2].Bits = 0x2000ffff
			return headers
		}, nil},
		{"headers with a gap", FaultUnconnected, func(h *host) []pow.Header {
			return slices.Delete(headersOf(chainOf(h, 3)), 1, 2)
		}, nil},
		{"headers from nowhere", FaultUnconnected, func(h *host) []pow.Header { return headersOf(chainOf(h, 3))[1:] }, nil},
		{"other blocks", FaultUnrequested, nil, func(honest []chain.Block, get GetBlocks) Answer {
			return Blocks{[]chain.Block{honest[1]}}
		}},
		{"too many blocks", FaultUnrequested, nil, func(honest []chain.Block, get GetBlocks) Answer {
			return Blocks{slices.Concat(honest, honest)}
		}},
		{"another body", FaultInvalid, nil, func(honest []chain.Block, get GetBlocks) Answer {
			blocks := slices.Clone(honest)
			blocks[1].Coinbase.Extranonce++
			return Blocks{blocks}
		}},
		{"another kind of answer", FaultMalformed, nil, func([]chain.Block, GetBlocks) Answer { return Done{} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHost(t, 1, nil)
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
			if len(h.g.Peers()) != 0 || h.g.sync != nil || len(h.g.sends) != 0 {
				t.Errorf("%d peers, sync %v, %d requests are left", len(h.g.Peers()), h.g.sync, len(h.g.sends))
			}
			if reply := h.incoming(Session{}, Hello{r.greeting(), r.session}); reply.Refusal == nil || reply.Refusal.Reason != Banned {
				t.Errorf("after the ban: %+v", reply)
			}
			// Somebody honest is believed, that block included.
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

// TestLowWorkTakesNoMemory: a branch of any length is only counted until it has
// more work than ours.
func TestLowWorkTakesNoMemory(t *testing.T) {
	h := newHost(t, 1, nil)
	ours := mineChain(h.chain.Tip(), 7000, 1)
	if n, err := h.chain.AcceptAll(ours); err != nil {
		t.Fatal(n, err)
	}
	theirs := mineChain(chain.Genesis(params()), 6900, 2)
	r := newRemote(1)
	r.tip = chain.State{Hash: pow.Hash{1}, Height: 1 << 20, Work: h.chain.Tip().Work.Add(h.chain.Tip().Work)}
	h.join(r)
	pages := 0
	for {
		s, get, ok := take[GetHeaders](h)
		if !ok {
			break
		}
		pages++
		from := 0
		if i := slices.IndexFunc(theirs, func(b chain.Block) bool { return b.Hash() == get.Locator[0] }); i >= 0 {
			from = i + 1
		}
		h.answer(s, Headers{headersOf(theirs[from:min(len(theirs), from+MaxHeaders)])})
		if h.g.sync != nil && h.g.sync.left() != 0 {
			t.Fatalf("%d hashes are kept of a branch with less work", h.g.sync.left())
		}
	}
	if pages != 4 {
		t.Errorf("%d pages read, want 4", pages)
	}
	if _, _, ok := take[GetBlocks](h); ok {
		t.Error("blocks of a branch with less work are asked for")
	}
	if p := h.g.byNode[r.id]; p == nil || p.unbacked != 1 {
		t.Errorf("the peer is %+v, want it with a mark", p)
	}
}

// TestBranchIsReadTwice: a branch of several pages whose work exceeds ours only
// with the last is collected in a second pass.
func TestBranchIsReadTwice(t *testing.T) {
	h := newHost(t, 1, nil)
	if n, err := h.chain.AcceptAll(mineChain(h.chain.Tip(), 2500, 1)); err != nil {
		t.Fatal(n, err)
	}
	theirs := mineChain(chain.Genesis(params()), 2600, 2)
	r := newRemote(1)
	for _, b := range theirs {
		r.tip = r.tip.Apply(b.Header)
	}
	h.join(r)
	for len(h.sends) > 0 {
		if s, get, ok := take[GetHeaders](h); ok {
			from := 0
			if i := slices.IndexFunc(theirs, func(b chain.Block) bool { return b.Hash() == get.Locator[0] }); i >= 0 {
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

// TestAnything: whatever peers do, every request of theirs is answered once, the
// chain is handed one thing at a time, and nothing grows without bound.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHost(t, rapid.Uint64().Draw(t, "seed"), nil)
		branches := [][]chain.Block{mineChain(h.chain.Tip(), 20, 1), mineChain(h.chain.Tip(), 25, 2)}
		all := slices.Concat(branches...)
		tips := []chain.State{chain.Genesis(params())}
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
			"join": func(t *rapid.T) {
				r := pick(t)
				r.tip = rapid.SampledFrom(tips).Draw(t, "tip")
				if h.g.byAddress[r.address] == nil && !h.g.book.isSelf(r.address) && h.g.byNode[r.id] == nil && !h.g.bans.hasNode(h.now, r.id) && !h.g.bans.hasAddress(h.now, r.address) {
					for { // so that the next hello is the one to r
						s, _, ok := take[Hello](h)
						if !ok {
							break
						}
						h.fail(s, errors.New("timeout"))
					}
					if h.g.byAddress[r.address] != nil {
						return // dialed meanwhile
					}
					h.join(r)
				}
			},
			"connect": func(t *rapid.T) { h.ids++; h.step(Connect{ID: h.ids, Address: pick(t).address}) },
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
					h.answer(s, Welcome{r.greeting()})
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

func check(t *rapid.T, h *host) {
	g := h.g
	if n := len(g.peers); n > g.limits.Outbound+g.limits.Inbound+len(g.waiters)+2 {
		t.Fatalf("%d peers", n)
	}
	if len(g.bySession) != len(g.peers) {
		t.Fatalf("%d sessions of %d peers", len(g.bySession), len(g.peers))
	}
	up := 0
	for _, p := range g.peers {
		if p.gone {
			t.Fatal("a peer that is gone is in the list")
		}
		if p.up {
			up++
			if g.byNode[p.node] != p {
				t.Fatalf("peer %s is not found by its node id", p.address)
			}
		}
		if p.wants < 0 || p.wants > maxWantedOfPeer {
			t.Fatalf("%d blocks wanted of %s", p.wants, p.address)
		}
		for _, s := range p.sends {
			if g.sends[s.id] != s {
				t.Fatal("a request is not found")
			}
		}
	}
	if len(g.byNode) != up {
		t.Fatalf("%d node ids of %d peers", len(g.byNode), up)
	}
	if len(g.relay.blocks) > maxWanted || len(g.txs.wanted) > maxWantedTxs {
		t.Fatalf("%d blocks and %d transactions wanted", len(g.relay.blocks), len(g.txs.wanted))
	}
	if s := g.sync; s != nil {
		if len(s.batches) > 2*window {
			t.Fatalf("%d batches", len(s.batches))
		}
		if s.source.gone && !s.complete {
			t.Fatal("a sync with a peer that is gone")
		}
	}
	// Whatever is under way was asked for, and will end.
	for id := range g.sends {
		if !slices.ContainsFunc(h.sends, func(s Send) bool { return s.ID == id }) {
			t.Fatal(fmt.Errorf("request %d is waited for and was not made", id))
		}
	}
}
