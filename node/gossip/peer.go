package gossip

import (
	"net/netip"
	"slices"
	"time"
)

// phase says how far two nodes know each other.
type phase uint8

const (
	dialling  phase = iota // this node calls the address by its own choice or for a client, and nobody has answered there yet
	checking               // a node came with a Hello, and has not answered at the address that it claims yet
	oneWay                 // the peer has answered at its address, but has not given this node a session yet
	connected              // each node has a session of the other
	forgotten              // the peer no longer knows the session that it gave this node
	closed                 // dropped
)

// String returns the phase as a word.
func (p phase) String() string {
	return [...]string{"dialling", "checking", "one-way", "connected", "forgotten", "closed"}[p]
}

// proven reports whether the peer has answered at its address. Its node id is known
// then.
func (p phase) proven() bool { return p == oneWay || p == connected || p == forgotten }

// canAnnounce reports whether this node has a session of the peer.
func (p phase) canAnnounce() bool { return p == connected || p == forgotten }

// peer is another node, or an address at which one may be listening. Its phase
// only moves forward, except that forgotten becomes connected again, and that a new
// process at the address begins as oneWay.
type peer struct {
	address Address // where it answers requests
	out     bool    // this node chose it; otherwise it came to this node
	chosen  bool    // its address was named by the operator, or by a client who may choose
	heard   bool    // it was dialled for a client who may not choose, see [Connect], and has not come to this node since
	phase   phase
	node    NodeID     // zero until the peer is proven
	claims  NodeID     // the node id that a peer being checked has given; otherwise zero
	source  netip.Addr // from which a peer came to this node, or the client who named a heard one, as SourceOf counts it; zero if not known
	met     time.Time  // when it was added

	// says is the address that the node gives as its own, by its latest greeting. It
	// differs from address if the node can be reached by several addresses, or lies.
	says Address

	// from is the IP address that has sent the latest answer; zero if not known. If
	// the answers came from several IP addresses, several is set.
	from    netip.Addr
	several bool

	ours   Session // given to the peer; requests that carry it come from the peer
	theirs Session // given by the peer; zero if it has given none
	offer  offer   // what the peer may have given as well

	tip         Tip // of the peer's best chain, by its own account
	since, seen time.Time
	listed      time.Time  // when it last said that this node is one of its peers, or answered a Hello without saying whether it is; zero: never
	fails       int        // requests in a row that were not answered
	requests    []*request // under way

	// Each of the following belongs to one part of the machine.
	hello     helloState
	clock     clockState
	brought   broughtState
	news      newsState
	wants     int // announced blocks that it is being asked for; of the block relay
	txs       txState
	pool      poolState
	sync      syncState
	addresses time.Time // when it was last asked for addresses; of the greeter
	slot      int       // its bit in the knowledge, counted from 1; 0 if it has none
}

// offer is a session that came with a Hello from a node that proved nothing. It
// becomes valid once that node has answered at the peer's address.
type offer struct {
	node    NodeID
	session Session    // zero: there is no offer
	source  netip.Addr // from which the offer came, as SourceOf counts it; zero if not known
}

// broughtState says what a peer has done for this node, for the choice of the peer
// that has to make room for another one.
type broughtState struct {
	block time.Time     // when this node's chain last took a new block that the peer has sent; zero: never
	tx    time.Time     // the same for a transaction
	trip  time.Duration // the shortest time from a hello to its answer; zero: none was answered
}

// answersFrom reports whether requests from a source come from the IP address, or
// the IPv6 /64, at which the peer answers. It reports false if that is not known.
func (p *peer) answersFrom(source netip.Addr) bool {
	if !source.IsValid() {
		return false
	}
	if p.from.IsValid() {
		return SourceOf(p.from) == source
	}
	ip, err := netip.ParseAddr(p.address.Host())
	return err == nil && SourceOf(ip) == source
}

// setOffer records an offered session. An offer that came from where the peer
// answers is replaced only by another such offer, so that nobody else can put a
// false one in its place.
func (p *peer) setOffer(o offer) {
	if p.offer.session != (Session{}) && p.answersFrom(p.offer.source) && !p.answersFrom(o.source) {
		return
	}
	p.offer = o
}

// prove records that a node has answered at the peer's address.
func (p *peer) prove(node NodeID, now time.Time) {
	p.node, p.since, p.phase = node, now, oneWay
	if p.theirs != (Session{}) {
		p.phase = connected
	}
}

// useSession records a session that the peer, which is proven, has given.
func (p *peer) useSession(s Session) { p.theirs, p.phase = s, connected }

// testsOffer reports whether the next hello should carry the offered session in place of
// the one in use. A node that has called this one by a second address has offered a
// session for that address; by the hello it learns that both are the same node. The
// session in use stays in use.
func (p *peer) testsOffer() bool {
	return p.phase == connected && p.offer.session != (Session{}) && p.offer.session != p.theirs &&
		p.offer.node == p.node && p.answersFrom(p.offer.source)
}

// takeOffer uses the offered session if it was the peer itself that offered it. It
// reports whether it was.
func (p *peer) takeOffer() bool {
	if p.offer.node != p.node || p.offer.session == (Session{}) {
		return false
	}
	p.useSession(p.offer.session)
	p.offer = offer{}
	return true
}

// reset forgets what is known of the process that listened at the address
// before. The node that listens there now is a new one.
func (p *peer) reset() {
	p.theirs = Session{}
	p.listed = time.Time{}
	p.tip = Tip{}
	p.brought = broughtState{}
	p.sync.unbacked = 0
	p.pool = poolState{}
}

// PeerInfo describes a peer.
type PeerInfo struct {
	Node    NodeID
	Address Address
	Out     bool // this node chose it
	Tip     Tip
	Since   time.Time
	Seen    time.Time // when its last answer or request came

	// Trip is the shortest time from a call of the peer to its answer; zero if it has
	// answered none.
	Trip time.Duration
}

// peers are the peers in the order in which they came, and the ways to find one.
// The maps are only for looking up: what is iterated over is a slice, so that the
// same events always have the same effects.
type peers struct {
	all       []*peer
	outbound  int // those of this node's choice
	byAddress map[Address]*peer
	bySession map[Session]*peer // by the session that this node has given
}

func newPeers() peers {
	return peers{byAddress: map[Address]*peer{}, bySession: map[Session]*peer{}}
}

func (ps *peers) add(p *peer) {
	ps.all = append(ps.all, p)
	ps.byAddress[p.address] = p
	ps.bySession[p.ours] = p
	if p.out {
		ps.outbound++
	}
}

func (ps *peers) remove(p *peer) {
	ps.all = slices.DeleteFunc(ps.all, func(other *peer) bool { return other == p })
	if p.out {
		ps.outbound--
	}
	delete(ps.bySession, p.ours)
	if ps.byAddress[p.address] == p {
		delete(ps.byAddress, p.address)
	}
}

// choose makes a peer that came to this node one of this node's choice.
func (ps *peers) choose(p *peer) {
	if !p.out {
		p.out = true
		ps.outbound++
	}
}

// mainOf returns the peer of which another one, at which a node has answered, is a
// duplicate: both are the same node, and the other one itself says that its address
// is not the one at which it has answered, but that of the peer returned. It returns
// nil if there is none. theirs is the session that the other one has given, if any.
//
// A node id proves nothing, because anybody can copy it. But a node that gives
// another address as its own can thereby harm only itself, unless the address that it
// gives is that of another machine here, as a private one may be. So a peer that this
// node has dialled is a duplicate of one that came to this node only if both have given
// the same session, which is known to this node and that one alone.
func (ps *peers) mainOf(p *peer, node NodeID, theirs Session) *peer {
	q := ps.namedBy(p, node)
	if q == nil || p.out && !q.out && (theirs == Session{} || theirs != q.theirs) {
		return nil
	}
	return q
}

// namedBy returns the peer whose address another one, at which a node has answered,
// gives as its own, if it has the same id; or nil.
func (ps *peers) namedBy(p *peer, node NodeID) *peer {
	if q := ps.byAddress[p.says]; q != nil && q != p && q.phase.proven() && q.node == node {
		return q
	}
	return nil
}
