package gossip

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/lodepow/lode/pow"
)

// peer is another node, or an address at which one is being greeted for the
// first time.
type peer struct {
	address Address // where it answers our requests
	out     bool    // of our choice
	node    NodeID  // zero until it is up
	up      bool    // it has proved that it is at the address
	gone    bool
	claims  NodeID     // not up, came to us: who it said that it is
	source  netip.Addr // from which it came to us; zero: not known

	mine   Session // by which it is recognised here
	theirs Session // by which it recognises us; zero: it has not said hello
	stale  bool    // it did not know theirs

	// offer is a session that came with a Hello which proved nothing. Once the
	// node of that id has answered at the address it is good.
	offer     Session
	offeredBy NodeID

	tip       Tip  // that it claims
	news      bool // it has announced a block that was not fetched
	unbacked  int  // how often its headers did not bear out what it claimed
	stalls    int  // how often its headers, or all their blocks, did not come
	syncAfter time.Time

	since, seen time.Time
	greeting    bool
	lastHello   time.Time
	nextHello   time.Time
	fails       int // requests in a row that were not answered

	sends []*send // under way

	known        idSet // blocks and transactions that it has
	blocks       []Announced
	txs          []pow.Hash // to be announced to it
	announcing   bool
	nextAnnounce time.Time

	wants    int        // announced blocks that it is to be asked for
	askTxs   []pow.Hash // that it is to be asked for
	asking   bool       // for transactions
	pool     poolExchange
	askedFor time.Time // addresses
}

// Errors of requests.
var errGone = errors.New("the peer was dropped")

const (
	helloTimeout    = 5 * time.Second
	announceTimeout = 10 * time.Second
	firstHeaders    = 5 * time.Second
	headersTimeout  = 15 * time.Second
	blocksTimeout   = 20 * time.Second
	txsTimeout      = 10 * time.Second
	listTimeout     = 10 * time.Second // of ids or addresses

	helloEvery = 20 * time.Second // with up to a quarter more or less
	helloRetry = 2 * time.Second
	maxFails   = 3
)

// PeerInfo is what is known of a peer.
type PeerInfo struct {
	Node    NodeID
	Address Address
	Out     bool // of our choice
	Tip     Tip
	Since   time.Time
	Seen    time.Time // the last answer or request
}

// Peers lists the peers, in the order in which they came.
func (g *Gossip) Peers() []PeerInfo {
	var infos []PeerInfo
	for _, p := range g.peers {
		if p.up {
			infos = append(infos, PeerInfo{Node: p.node, Address: p.address, Out: p.out, Tip: p.tip, Since: p.since, Seen: p.seen})
		}
	}
	return infos
}

// newPeer begins with an address.
func (g *Gossip) newPeer(a Address, out bool) *peer {
	p := &peer{address: a, out: out, mine: g.session(), seen: g.now}
	g.peers = append(g.peers, p)
	g.byAddress[a] = p
	g.bySession[p.mine] = p
	return p
}

// drop forgets a peer. What it was asked for fails at once, so that others are
// asked.
func (g *Gossip) drop(p *peer, reason, detail string) {
	if p.gone {
		return
	}
	p.gone = true
	kind := NoteDropped
	if !p.up {
		kind = NoteFailed
	}
	g.note(Note{Kind: kind, Peer: p.address, Out: p.out, Reason: reason, Detail: detail})
	g.peers = slices.DeleteFunc(g.peers, func(other *peer) bool { return other == p })
	delete(g.bySession, p.mine)
	if g.byAddress[p.address] == p {
		delete(g.byAddress, p.address)
	}
	if p.up && g.byNode[p.node] == p {
		delete(g.byNode, p.node)
	}
	g.nextDial = time.Time{}
	g.forgetTxs(p)
	for _, s := range slices.Clone(p.sends) {
		delete(g.sends, s.id)
		s.done(nil, errGone)
	}
	p.sends = nil
	if g.sync != nil {
		g.lostPeer(p)
	}
	g.failWaiters(p.address, reason, detail)
}

// failed judges a request that was not answered as it should.
func (g *Gossip) failed(p *peer, err error) {
	if p.gone {
		return
	}
	var f Fault
	var r Refusal
	switch {
	case errors.As(err, &f):
		g.ban(p, f)
	case errors.As(err, &r) && r.Reason == UnknownSession:
		p.stale = true
		if p.offeredBy == p.node && p.offer != (Session{}) {
			g.takeOffer(p)
		}
		g.greetSoon(p)
	case errors.As(err, &r) && r.Reason == Busy:
		p.nextAnnounce = g.now.Add(max(r.RetryAfter, time.Second))
	case errors.As(err, &r) && r.Reason == Banned:
		g.book.failed(p.address, g.now, g.limits.BanTime)
		g.drop(p, string(Banned), r.Message)
	default:
		p.fails++
		if p.fails >= maxFails {
			g.book.failed(p.address, g.now, 0)
			g.drop(p, "unreachable", err.Error())
		}
	}
}

// ban drops a peer and has nothing to do with it for some time.
func (g *Gossip) ban(p *peer, f Fault) {
	if p.gone {
		return
	}
	g.bans.add(g.now, p)
	g.book.forget(p.address)
	g.note(Note{Kind: NoteBanned, Peer: p.address, Out: p.out, Reason: string(f.Reason), Detail: f.Detail})
	g.drop(p, "banned", f.Error())
}

func (g *Gossip) outbound() int { return g.count(true) }

// count returns the peers of one kind, those that are being greeted too.
func (g *Gossip) count(out bool) int {
	n := 0
	for _, p := range g.peers {
		if p.out == out {
			n++
		}
	}
	return n
}

// Knows reports whether a session is that of a peer.
func (g *Gossip) Knows(s Session) bool {
	p := g.bySession[s]
	return p != nil && p.up
}
