package gossip

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lodepow/lode/chain/rules"

	"github.com/lodepow/lode/pow"
)

// Config says what the state machine needs to know. Chain, Random, Node and
// Address are required.
type Config struct {
	Chain   Chain
	Random  *rand.Rand
	Node    NodeID
	Address Address            // where others reach this node
	Peers   []Address          // to be connected with always
	Book    []Entry            // addresses known from before
	Allow   func(Address) bool // whom to connect with; nil: anybody
	Limits  Limits
}

// Limits bound what peers can take. Fields left zero stand for their defaults.
type Limits struct {
	Outbound    int           // peers of our choice; 0: 8
	Inbound     int           // peers that came to us; 0: 64; negative: none
	InboundEach int           // of those, from one IP address that is not this machine's; 0: 16
	Addresses   int           // in the address book; 0: 4096
	BanTime     time.Duration // 0: 1 h
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Outbound, 8)
	setDefault(&l.Inbound, 64)
	setDefault(&l.InboundEach, 16)
	setDefault(&l.Addresses, 4096)
	setDefault(&l.BanTime, time.Hour)
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Gossip is the state machine. It must be used by one goroutine at a time.
//
// Maps are for looking up only: whatever is walked through stands in a slice, so
// that the same events always have the same effects.
type Gossip struct {
	chain   Chain
	params  rules.Params
	network pow.Hash // its id
	random  *rand.Rand
	self    NodeID
	address Address
	limits  Limits

	now    time.Time // of the step under way
	out    []Effect  // of the step under way
	lastID ID
	sends  map[ID]*send

	peers     []*peer // in the order in which they came
	byNode    map[NodeID]*peer
	byAddress map[Address]*peer
	bySession map[Session]*peer
	waiters   []waiter
	book      book
	bans      bans
	nextDial  time.Time // when the book may have somebody to dial; zero: now
	nextPool  time.Time // when to compare mempools with some peer

	relay     relay
	txs       txFetch
	sync      *syncing  // nil: none under way
	after     time.Time // no sync begins before
	oursFirst bool      // for the next sync, peers of our choice come before all others

	accepting *acceptance   // with the chain; nil: none
	accepts   []*acceptance // of announced blocks, waiting
}

// New makes one. Its first Step should be a Wake.
func New(c Config) *Gossip {
	limits := c.Limits.withDefaults()
	params := c.Chain.Params()
	g := &Gossip{
		chain: c.Chain, params: params, network: params.ID(),
		random: c.Random, self: c.Node, address: c.Address, limits: limits,
		sends:     map[ID]*send{},
		byNode:    map[NodeID]*peer{},
		byAddress: map[Address]*peer{},
		bySession: map[Session]*peer{},
		book:      newBook(limits.Addresses, c.Address, c.Allow),
		bans:      newBans(limits.BanTime),
		relay:     newRelay(),
		txs:       newTxFetch(),
	}
	for _, e := range c.Book {
		g.book.restore(e)
	}
	for _, a := range c.Peers {
		g.book.keep(a)
	}
	return g
}

// Step takes an event and returns what to do.
func (g *Gossip) Step(now time.Time, ev Event) []Effect {
	g.now, g.out = now, nil
	switch ev := ev.(type) {
	case Wake:
	case Connect:
		g.onConnect(ev)
	case Incoming:
		g.onIncoming(ev)
	case Answered:
		g.onAnswered(ev)
	case Accepted:
		g.onAccepted(ev)
	case Added:
		g.onAdded(ev)
	case Changed:
		g.onChanged(ev.Event)
	}
	g.onTime()
	return g.out
}

// onTime does whatever is due.
func (g *Gossip) onTime() {
	g.expireWaiters()
	for _, p := range slices.Clone(g.peers) {
		if !p.gone && p.up && !p.greeting && !g.now.Before(p.nextHello) {
			g.greet(p)
		}
		if !p.gone && !g.now.Before(p.nextAnnounce) {
			g.announce(p)
		}
	}
	g.comparePools()
	g.hurryBlocks()
	g.hurryBatches()
	g.askTxs()
	g.considerSync()
	g.fillOutbound()
}

// Next returns when the next Wake is due.
func (g *Gossip) Next() time.Time {
	next := g.now.Add(time.Minute)
	soonest := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	for _, w := range g.waiters {
		soonest(w.deadline)
	}
	for _, p := range g.peers {
		if p.up && !p.greeting {
			soonest(p.nextHello)
		}
		if p.hasNews() && !p.announcing && p.theirs != (Session{}) {
			soonest(p.nextAnnounce)
		}
		if p.up {
			soonest(g.nextPool)
		}
		if p.up && g.sync == nil && g.ahead(p) {
			soonest(later(g.after, p.syncAfter))
		}
		if len(p.askTxs) > 0 {
			soonest(later(g.txs.after, g.now.Add(time.Second)))
		}
	}
	for _, w := range g.relay.blocks {
		if w.mayHurry() {
			soonest(w.again)
		}
	}
	if g.sync != nil {
		if b := g.sync.first(); b != nil {
			soonest(b.again)
		}
	}
	if g.outbound() < g.limits.Outbound {
		soonest(g.nextDial)
	}
	return later(next, g.now.Add(minWait))
}

// minWait keeps what waits for an answer, although its time has come, from
// waking the node again and again.
const minWait = 100 * time.Millisecond

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (g *Gossip) do(e Effect)      { g.out = append(g.out, e) }
func (g *Gossip) note(n Note)      { g.do(n) }
func (g *Gossip) newID() ID        { g.lastID++; return g.lastID }
func (g *Gossip) session() Session { return Session(draw(g.random)) }

// send is a request under way.
type send struct {
	id   ID
	peer *peer // nil: not to a peer
	done func(Answer, error)
}

// ask sends a request to a peer. done is called once: with the answer, with an
// error, or with errGone when the peer is dropped meanwhile.
func (g *Gossip) ask(p *peer, r Request, timeout time.Duration, done func(Answer, error)) {
	s := &send{id: g.newID(), peer: p, done: done}
	g.sends[s.id] = s
	p.sends = append(p.sends, s)
	g.do(Send{ID: s.id, To: p.address, Session: p.theirs, Request: r, Timeout: timeout})
}

// as returns an answer of the kind that was asked for, or why there is none.
func as[A Answer](a Answer, err error) (A, error) {
	answer, ok := a.(A)
	if err == nil && !ok {
		err = fault(FaultMalformed, "the answer is a %T, not a %T", a, answer)
	}
	return answer, err
}

func (g *Gossip) onAnswered(ev Answered) {
	s := g.sends[ev.ID]
	if s == nil {
		return // of a peer that is gone
	}
	delete(g.sends, ev.ID)
	if p := s.peer; p != nil {
		p.sends = slices.DeleteFunc(p.sends, func(other *send) bool { return other == s })
		if ev.Err == nil {
			p.seen = g.now
		}
	}
	s.done(ev.Answer, ev.Err)
}
