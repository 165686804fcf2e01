package gossip

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// params returns the parameters of a network on which every second hash meets the
// target.
func params() rules.Params {
	return rulestest.MustNew(rules.Config{Name: "test", Difficulty: rules.Difficulty{Bits: 0x207fffff}})
}

func openChain(t rapid.TB) *chain.Chain {
	t.Helper()
	c, err := chain.Open(chain.Config{Params: params(), Store: chain.NewMemStore(), Now: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mineOn returns a block on top of a state. Blocks with different salts differ.
func mineOn(s rules.State, salt uint64, txs ...block.Tx) block.Block {
	coinbase := block.Coinbase{Height: s.Height + 1, Extranonce: salt}
	b := block.Block{Coinbase: coinbase, Txs: txs}
	root, _ := block.MerkleRoot(b.IDs())
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

// mineChain returns n blocks on top of a state.
func mineChain(s rules.State, n int, salt uint64) []block.Block {
	blocks := make([]block.Block, n)
	for i := range blocks {
		blocks[i] = mineOn(s, salt)
		s = s.Apply(blocks[i].Header)
	}
	return blocks
}

// testNode is a node with a chain. The test answers its requests.
type testNode struct {
	t     rapid.TB
	g     *Gossip
	chain *chain.Chain
	now   time.Time
	ids   ID

	sends   []Send
	replies map[ID]Reply
	notes   []Note
	told    map[ID]error // outcomes of Connect events
}

func newTestNode(t rapid.TB, seed uint64, change func(*Config)) *testNode {
	c := Config{
		Chain: openChain(t), Random: rand.New(rand.NewPCG(seed, 0)),
		Node: NodeID{0xee, byte(seed)}, Address: "http://self:80", Own: []netip.Addr{netip.MustParseAddr("10.255.0.1")},
	}
	h := &testNode{t: t, chain: c.Chain.(*chain.Chain), now: start, replies: map[ID]Reply{}, told: map[ID]error{}}
	if change != nil {
		change(&c)
	}
	h.g = New(c)
	h.step(Wake{})
	return h
}

// step makes a step. The chain does its part at once; the other effects are kept for
// the test.
func (h *testNode) step(ev Event) {
	h.t.Helper()
	h.run(func() []Event { return []Event{ev} })
}

// run calls f, and makes the steps for the events that f returns and for those that
// follow from them.
func (h *testNode) run(f func() []Event) {
	h.t.Helper()
	var queue []Event
	cancel := h.chain.Subscribe(func(ev chain.Event) { queue = append(queue, Changed{&ev}) })
	defer cancel()
	queue = append(queue, f()...)
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
			case Connected:
				if _, twice := h.told[e.ID]; twice {
					h.t.Fatalf("two outcomes of connect %d", e.ID)
				}
				h.told[e.ID] = e.Err
			case Note:
				h.notes = append(h.notes, e)
			}
		}
		if next := h.g.Next(); !next.After(h.now) {
			h.t.Fatalf("Next is %v from now, want it in the future", next.Sub(h.now))
		}
	}
}

// take removes and returns the first request of a kind that is not answered yet.
func take[R Request](h *testNode) (s Send, r R, ok bool) {
	for i, s := range h.sends {
		if r, ok := s.Request.(R); ok {
			h.sends = slices.Delete(h.sends, i, i+1)
			return s, r, true
		}
	}
	return s, r, false
}

// mustTake is take, and fails the test if there is no such request.
func mustTake[R Request](h *testNode) (Send, R) {
	h.t.Helper()
	s, r, ok := take[R](h)
	if !ok {
		h.t.Fatalf("there is no %T among the %d requests", r, len(h.sends))
	}
	return s, r
}

func (h *testNode) answer(s Send, a Answer) { h.t.Helper(); h.step(Answered{ID: s.ID, Answer: a}) }
func (h *testNode) fail(s Send, err error)  { h.t.Helper(); h.step(Answered{ID: s.ID, Err: err}) }

// accept adds blocks to the chain, as if the node had mined them.
func (h *testNode) accept(blocks ...block.Block) {
	h.t.Helper()
	h.run(func() []Event {
		if n, err := h.chain.AcceptAll(blocks); err != nil {
			h.t.Fatalf("block %d: %v", n, err)
		}
		return nil
	})
}

// post adds a transaction to the chain, as if a client had posted it.
func (h *testNode) post(content string) block.Tx {
	h.t.Helper()
	tx := newTx(h.t, content)
	h.run(func() []Event {
		if _, err := h.chain.AddTx(tx); err != nil {
			h.t.Fatal(err)
		}
		return nil
	})
	return tx
}

func newTx(t rapid.TB, content string) block.Tx {
	t.Helper()
	tx, err := block.NewTx([]byte(`{"author":"a","content":"`+content+`"}`), start)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// incoming has the host answer a request of another node.
func (h *testNode) incoming(session Session, r Request) Reply {
	h.t.Helper()
	h.ids++
	h.step(Incoming{ID: h.ids, From: netip.MustParseAddr("127.0.0.1"), Session: session, Request: r})
	reply, ok := h.replies[h.ids]
	if !ok {
		h.t.Fatalf("no reply to a %T", r)
	}
	return reply
}

// noted returns the reasons of the notes of a kind.
func (h *testNode) noted(kind NoteKind) (reasons []string) {
	for _, n := range h.notes {
		if n.Kind == kind {
			reasons = append(reasons, n.Reason)
		}
	}
	return reasons
}

// remote is another node, played by the test.
type remote struct {
	id      NodeID
	address Address
	tip     rules.State
	session Session       // given to the host
	given   Session       // given by the host
	off     time.Duration // of its clock; see clockTest
}

func newRemote(i int) *remote {
	return &remote{id: NodeID{1, byte(i), byte(i >> 8)}, address: address(i), session: Session{2, byte(i), byte(i >> 8)}, tip: params().GenesisState()}
}

func (r *remote) greeting() Greeting {
	p := params()
	return Greeting{
		Version: Version, Network: p.Name(), NetworkID: p.ID(), Node: r.id, Address: r.address,
		Tip: Tip{Hash: r.tip.Hash, Height: r.tip.Height, Work: r.tip.Work},
	}
}

// welcome is the answer to a Hello, which says by the session that the remote recognises
// the host.
func (r *remote) welcome(hello Send) Welcome {
	listed := hello.Session == r.session
	return Welcome{Greeting: r.greeting(), Listed: &listed}
}

// join has the host connect with a remote, which gives it a session and its tip.
func (h *testNode) join(r *remote) {
	h.t.Helper()
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address})
	s, hello := mustTake[Hello](h)
	if s.To != r.address {
		h.t.Fatalf("the hello goes to %s, want %s", s.To, r.address)
	}
	r.given = hello.Session
	h.answer(s, r.welcome(s))
	if reply := h.incoming(r.given, Hello{r.greeting(), r.session}); reply.Refusal != nil {
		h.t.Fatal(reply.Refusal)
	}
	for {
		if s, _, ok := take[GetAddresses](h); ok {
			h.answer(s, Addresses{})
		} else if s, _, ok := take[GetPool](h); ok {
			h.answer(s, Pool{})
		} else {
			break
		}
	}
	h.confirm(r, r.address)
}

// confirm has a remote answer the Hello by which the host asks at an address whether it is
// listed there, if it asks.
func (h *testNode) confirm(r *remote, at Address) {
	h.t.Helper()
	for i, s := range h.sends {
		if _, ok := s.Request.(Hello); ok && s.To == at && s.Session == r.session {
			h.sends = slices.Delete(h.sends, i, i+1)
			h.answer(s, r.welcome(s))
			return
		}
	}
}

// ofNode returns the first proven peer with a node id, or nil.
func (ps *peers) ofNode(id NodeID) *peer {
	for _, p := range ps.all {
		if p.phase.proven() && p.node == id {
			return p
		}
	}
	return nil
}
