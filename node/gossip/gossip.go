package gossip

import (
	"errors"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// Gossip is the state machine. It must be used by one goroutine at a time.
//
// It consists of parts: the greeter makes connections, the announcer tells peers
// what is new, the relay and transactions fetch what peers announce, the syncer
// follows branches with more work, and the intake hands blocks to the chain. They
// have the host in common, and a few of them call each other.
type Gossip struct {
	host    *host
	greeter *greeter
	clock   *clock
	news    *announcer
	relay   *relay
	txs     *transactions
	syncer  *syncer
	intake  *intake
}

// New returns a state machine. Its first Step should be a Wake.
func New(c Config) *Gossip {
	c = c.complete()
	params := c.Chain.Params()
	h := &host{
		params: params, network: params.ID(),
		requests: map[ID]*request{},
		peers:    newPeers(),
		known:    newKnowledge(),
		book:     newBook(c),
		bans:     newBans(c.Limits.BanTime),
	}
	h.config, h.config.Peers, h.config.Book = c, nil, nil
	g := &Gossip{host: h}
	g.news = &announcer{host: h, foundAt: map[pow.Hash]time.Time{}}
	g.txs = &transactions{host: h, wanted: map[pow.Hash]*wantedTx{}}
	g.clock = &clock{host: h}
	g.greeter = &greeter{host: h, clock: g.clock, news: g.news, txs: g.txs}
	g.intake = &intake{host: h}
	g.relay = &relay{host: h, intake: g.intake, news: g.news}
	g.syncer = &syncer{host: h, relay: g.relay, news: g.news, intake: g.intake}
	g.intake.ready = g.syncer.ready

	h.dial.fire = g.greeter.fillOutbound
	g.txs.compare.fire = g.txs.compareSome
	g.txs.poolFull.fire = func() {} // what the timer held up goes on at the end of each step
	g.syncer.wake.fire = func() {}
	g.syncer.hurry.fire = g.syncer.hurryBatch
	g.syncer.stall.fire = g.syncer.endStalled
	h.timers.set(&h.dial, time.Time{})
	h.timers.set(&g.txs.compare, time.Time{})
	h.lost = []func(*peer, string, string){
		g.txs.onLost, g.relay.onLost, g.syncer.onLost, g.greeter.onLost,
	}
	return g
}

// Step handles an event and returns what is to be done. The slice is valid until
// the next Step.
func (g *Gossip) Step(now time.Time, ev Event) []Effect {
	if g.host.now.IsZero() {
		g.host.book.capWaits(now, g.host.config)
	}
	g.host.begin(now)
	switch ev := ev.(type) {
	case Connect:
		g.greeter.onConnect(ev)
	case Incoming:
		g.onIncoming(ev)
	case Answered:
		g.host.onAnswered(ev)
	case Accepted:
		g.intake.onAccepted(ev)
	case Added:
		g.txs.onAdded(ev)
	case Changed:
		g.onChanged(*ev.Event)
	}
	g.host.timers.fireDue(now)
	g.syncer.consider()
	g.txs.askAll()
	return g.host.effects
}

// Next returns when the next Wake is due. It is after the time of the latest
// Step.
func (g *Gossip) Next() time.Time {
	next, _ := g.host.timers.next() // the comparison of mempools is always due at some time
	return next
}

// onIncoming answers a request of another node.
func (g *Gossip) onIncoming(ev Incoming) {
	answer, refusal := g.incoming(ev)
	if refusal != nil {
		g.host.do(Note{Kind: NoteRefused, Reason: string(refusal.Reason), Detail: refusal.Message})
	}
	g.host.do(Reply{ID: ev.ID, Answer: answer, Refusal: refusal})
}

func (g *Gossip) incoming(ev Incoming) (Answer, *Refusal) {
	if g.host.bans.hasSource(g.host.now, ev.From) {
		return nil, refuse(Banned, "%s is banned for some time", ev.From)
	}
	switch r := ev.Request.(type) {
	case Hello:
		return g.greeter.onHello(ev, r)
	case Announce:
		return g.onAnnounce(ev, r)
	}
	return nil, refuse(BadRequest, "a %T is not for the state machine", ev.Request)
}

// onAnnounce handles an announcement of a peer.
func (g *Gossip) onAnnounce(ev Incoming, a Announce) (Answer, *Refusal) {
	p := g.host.peers.bySession[ev.Session]
	if p == nil || !p.phase.proven() {
		return nil, refuse(UnknownSession, "say hello first")
	}
	var r Refusal
	if errors.As(CheckRequest(a), &r) {
		return nil, &r
	}
	p.seen = g.host.now
	g.host.noteNews(NoteHeard, p, a)
	for _, b := range a.Blocks {
		g.relay.onAnnounced(p, b)
	}
	for _, id := range a.Txs {
		g.txs.onAnnounced(p, id)
	}
	return Done{}, nil
}

// onChanged announces what is new in the chain. While a sync brings one block after
// another, the tip is not worth announcing.
func (g *Gossip) onChanged(ev chain.Event) {
	switch ev.Kind {
	case chain.EventTip, chain.EventReorg:
		g.news.setFound(ev.Tip.Hash, g.host.now)
		if ev.Kind == chain.EventReorg {
			g.host.findAhead() // the new tip has less work if the chain holds back blocks
		}
		if !g.syncer.advances() {
			g.news.announceTip()
		}
		for _, id := range ev.Returned {
			g.news.announceTx(id)
		}
	case chain.EventTx:
		id := ev.Tx.ID()
		g.txs.recent.add(id)
		g.news.announceTx(id)
	}
}

// Peers lists the peers that are proven, in the order in which they came.
func (g *Gossip) Peers() []PeerInfo {
	var infos []PeerInfo
	for _, p := range g.host.peers.all {
		if p.phase.proven() {
			infos = append(infos, PeerInfo{Node: p.node, Address: p.address, Out: p.out, Tip: p.tip, Since: p.since, Seen: p.seen, Trip: p.brought.trip})
		}
	}
	return infos
}

// Knows reports whether a peer was given the session, and has proved where it is.
func (g *Gossip) Knows(s Session) bool {
	p := g.host.peers.bySession[s]
	return p != nil && p.phase.proven()
}

// Book returns the address book as it should be saved. It reports whether it has
// changed since the previous call.
func (g *Gossip) Book() (entries []Entry, changed bool) {
	b := &g.host.book
	b.setAnchors(g.greeter.bestPeers())
	for _, e := range b.all() {
		entries = append(entries, e.Entry)
	}
	changed, b.changed = b.changed, false
	return entries, changed
}

// Known returns how many addresses the address book has.
func (g *Gossip) Known() int { return len(g.host.book.at) }

// Addresses answers GetAddresses: with the addresses of the peers, and with those
// of others that this node has dialled, in random order.
func (g *Gossip) Addresses() Addresses { return g.greeter.knownAddresses() }

// Clock returns how this node's clock compares with those of its peers.
func (g *Gossip) Clock() ClockInfo { return g.clock.compare() }

// Sync returns how far the sync under way is.
func (g *Gossip) Sync() SyncInfo {
	s := g.syncer.current
	if s == nil || s.phase < collecting {
		return SyncInfo{}
	}
	return SyncInfo{Active: true, From: s.start.Height, Height: s.start.Height + int64(s.taken), Target: s.target(), Since: s.since}
}
