package gossip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

const (
	// maxGreeted bounds the peers that are being checked, with those that clients who
	// may not choose have named, so that a flood of hellos does not become a flood of
	// requests.
	maxGreeted     = 16
	maxGreetedEach = 4 // of those, peers from one IP address that is not this machine's
)

// greeter makes connections: it exchanges greetings and sessions, dials, and
// spreads addresses.
type greeter struct {
	*host
	clock   *clock
	news    *announcer
	txs     *transactions
	waiters []*waiter
	rivals  int // tried addresses that are being called, because others compete for their places

	// givenUp has, for each call that is still under way to a guest which had to make
	// room before it answered, the time at which the call ends.
	givenUp []time.Time
}

// helloState is what the greeter keeps of a peer.
type helloState struct {
	request *request  // the Hello under way; nil: none
	sent    time.Time // when the latest Hello was sent
	with    Session   // that went along with the latest Hello
	timer   timer     // for the next Hello; set while the peer is proven and no Hello is under way
}

// newPeer adds a peer at an address, in its first phase, and greets it.
func (g *greeter) newPeer(a Address, first phase, enter func(*peer)) {
	p := &peer{address: a, out: first == dialling, phase: first, ours: g.session(), seen: g.now, met: g.now}
	p.hello.timer.fire = func() { g.greet(p) }
	p.news.retry.fire = func() { g.news.announce(p) }
	enter(p)
	g.peers.add(p)
	g.greet(p)
}

// greet sends a Hello to a peer, and arranges for the next one.
func (g *greeter) greet(p *peer) {
	p.hello.sent = g.now
	next := g.nextHello()
	session := p.theirs
	if p.testsOffer() {
		session, p.offer = p.offer.session, offer{}
	}
	p.hello.with = session
	p.hello.request = g.askWith(p, session, Hello{g.greeting(), p.ours}, g.config.HelloTimeout, func(a Answer, err error) {
		p.hello.request = nil
		if p.phase == closed {
			return
		}
		g.timers.set(&p.hello.timer, next)
		w, err := as[Welcome](a, err)
		if err != nil {
			var r Refusal
			if errors.As(err, &r) && (r.Reason == WrongNetwork || r.Reason == WrongVersion) {
				r.Message = "the node there says: " + r.Message // the message calls the other node "this node"
				err = r
			}
			g.onHelloFailed(p, err)
			return
		}
		if trip := max(g.now.Sub(p.hello.sent), 1); p.brought.trip == 0 || trip < p.brought.trip {
			p.brought.trip = trip
		}
		g.clock.heard(p, w.Greeting, g.now.Sub(p.hello.sent))
		p.listed = time.Time{}
		if w.Listed == nil || *w.Listed {
			p.listed = g.now
		}
		g.onWelcome(p, w)
		g.clock.judge()
	})
}

func (g *greeter) greeting() Greeting {
	tip := g.tip()
	return Greeting{
		Version: Version, Network: g.params.Name(), NetworkID: g.network, Node: g.config.Node, Address: g.config.Address,
		Tip:  Tip{Hash: tip.Hash, Height: tip.Height, Work: tip.Work},
		Time: g.wall().UnixMilli(),
	}
}

// nextHello draws the time of the next Hello to a peer, so that hellos do not
// bunch up.
func (g *greeter) nextHello() time.Time {
	spread := g.config.HelloEvery / 2
	return g.now.Add(g.config.HelloEvery - spread/2 + time.Duration(g.config.Random.Int64N(int64(spread))))
}

// onHelloFailed handles a Hello that has failed or was refused.
func (g *greeter) onHelloFailed(p *peer, err error) {
	var r Refusal
	if !errors.As(err, &r) {
		if p.phase.proven() {
			g.timers.set(&p.hello.timer, g.now.Add(g.config.HelloRetry))
			g.fail(p, err)
			return
		}
		// Nobody is banned for what is found at an address that somebody may have
		// invented. A ban would also show in later answers what was found there.
		var no NotNode
		if errors.As(err, &no) {
			g.endWait(p.address, fmt.Errorf("%s: %w", p.address, no), false)
			g.book.markNoNode(p.address, g.now)
			g.dismiss(p, "unreachable", no.What)
			return
		}
		g.book.markFailed(p.address, g.now, 0)
		// Whoever waits is given the cause itself, and not only its text.
		g.endWait(p.address, fmt.Errorf("%s: %w: %w", p.address, errUnreachable, err), true)
		g.dismiss(p, "unreachable", err.Error())
		return
	}
	switch r.Reason {
	case Self:
		g.book.addOurs(p.address)
	case WrongNetwork, WrongVersion:
		g.book.markFailed(p.address, g.now, g.config.OtherNetwork)
	case Full:
		g.book.markFailed(p.address, g.now, r.RetryAfter)
		if g.book.poor() {
			g.askFullNode(p.address)
		}
	default:
		g.book.markFailed(p.address, g.now, r.RetryAfter)
	}
	g.dismiss(p, r.Reason.word(), r.Message)
}

// check returns the refusal with which this node answers the greeting of another one,
// or nil if it accepts the greeting.
func (g *greeter) check(gr Greeting) *Refusal {
	switch {
	case gr.Version != Version:
		return refuse(WrongVersion, "this node speaks version %d of the protocol, not %d", Version, gr.Version)
	case gr.NetworkID != g.network:
		if gr.Network == g.params.Name() {
			return refuse(WrongNetwork, "this node is on a network %s of other parameters: its id is %s, not %s", g.params.Name(), g.network, gr.NetworkID)
		}
		return refuse(WrongNetwork, "this node is on the network %s, not on %.40s", g.params.Name(), gr.Network)
	case gr.Node == g.config.Node:
		return refuse(Self, "this is the same node")
	}
	return nil
}

// onWelcome handles the answer to a Hello. It proves which node listens at the
// peer's address.
func (g *greeter) onWelcome(p *peer, w Welcome) {
	p.fails = 0
	if r := g.check(w.Greeting); r != nil {
		g.onHelloFailed(p, *r)
		return
	}
	if !p.phase.proven() && g.bans.hasSource(g.now, g.answeredBy) {
		g.dismiss(p, "banned", "the IP address that answers, "+g.answeredBy.String()+", is banned for some time")
		return
	}
	if p.phase == checking && !g.preferOffer(p, w.Node) && p.claims != w.Node {
		g.dismiss(p, "impostor", "the node at "+string(p.address)+" is not the one that claimed this address")
		return
	}
	if !g.identify(p, w.Greeting, p.theirs) || g.dropExtra(p) {
		return
	}
	if p.phase == oneWay || p.phase == forgotten {
		p.takeOffer()
	}
	g.askAddresses(p)
	g.settle(p)
}

// preferOffer puts the offer of the node that has answered in the place of what a
// guest gave when it came, if that was another node, or came from elsewhere while the
// offer came from where the node answers. So nobody can keep a node out by coming in
// its name before it. It reports whether it did.
func (g *greeter) preferOffer(p *peer, node NodeID) bool {
	o := p.offer
	if o.session == (Session{}) || o.node != node {
		return false
	}
	if p.claims == node && (!p.answersFrom(o.source) || p.answersFrom(p.source)) {
		return false
	}
	p.claims, p.theirs, p.source, p.offer = o.node, o.session, o.source, offer{}
	return true
}

// identify records which node listens at the peer's address, and has given the session
// theirs, if any. If the peer turns out to be a duplicate of another one, it drops the
// peer and returns false.
func (g *greeter) identify(p *peer, gr Greeting, theirs Session) bool {
	fresh := !p.phase.proven()
	if !fresh && p.node != gr.Node {
		p.reset()
		g.known.forget(p)
		g.note(p, Note{Kind: NoteDropped, Reason: "restarted"})
		fresh = true
	}
	p.says = gr.Address
	if main := g.peers.mainOf(p, gr.Node, theirs); main != nil {
		g.merge(p, main)
		return false
	}
	if fresh {
		p.prove(gr.Node, g.now)
	}
	g.setTip(p, gr.Tip)
	g.known.add(gr.Tip.Hash, p)
	if !fresh {
		return true
	}
	g.markFound(p)
	if g.book.isKept(p.address) {
		g.peers.choose(p)
	}
	g.note(p, Note{Kind: NoteConnected, Detail: gr.Node.String()})
	g.mergeOthers(p)
	g.askAddresses(p)
	g.txs.comparePool(p)
	return true
}

// mergeOthers drops the peers that turn out to be duplicates of a peer, now that the
// peer is proven or has given a session.
func (g *greeter) mergeOthers(p *peer) {
	for _, q := range slices.Clone(g.peers.all) {
		if q.phase.proven() && g.peers.mainOf(q, q.node, q.theirs) == p {
			g.merge(q, p)
		}
	}
}

// merge drops a peer that is a duplicate of another one by its own word. The other one
// becomes a peer of this node's choice if the duplicate was one.
func (g *greeter) merge(p, main *peer) {
	g.book.setAlias(p.address, main.address, main.node)
	if p.out {
		g.peers.choose(main)
	}
	g.drop(p, "duplicate", fmt.Sprintf("the node at %s says that its address is %s, where it is connected", p.address, main.address))
}

// settle acts on a peer whose phase may have changed: it reports connections that
// were asked for, and announces what has gathered.
func (g *greeter) settle(p *peer) {
	if !p.phase.canAnnounce() {
		return
	}
	g.confirm(p)
	g.news.announce(p)
}

// confirm ends the waits for a connection with a peer if the peer has just said that this
// node is one of its peers. A peer of an earlier version never says so; for such a peer, any
// answer that it has just given is enough. Otherwise, if somebody waits, confirm asks the
// peer by a Hello: at once if the peer has given a new session, but only once for each wait,
// and else as soon as HelloLeast allows. By the session the peer recognises this node, and
// makes it a peer before it answers if it had not yet.
func (g *greeter) confirm(p *peer) {
	switch {
	case p.phase != connected || p.hello.request != nil:
	case g.now.Sub(p.listed) < g.config.HelloLeast:
		g.endWait(p.address, nil, true)
	case !slices.ContainsFunc(g.waiters, func(w *waiter) bool { return w.address == p.address }):
	case p.hello.with != p.theirs && g.mayHurry(p):
		g.timers.stop(&p.hello.timer)
		g.greet(p)
	default:
		g.greetSoon(p)
	}
}

// mayHurry reports whether the peer may be greeted at once, because of a wait for which that
// has not been done yet. It marks all waits for the peer, so that the next Hello has to keep
// to HelloLeast. Otherwise a peer that gives a new session during each Hello would be greeted
// without a pause.
func (g *greeter) mayHurry(p *peer) bool {
	may := false
	for _, w := range g.waiters {
		if w.address == p.address && !w.hurried {
			w.hurried, may = true, true
		}
	}
	return may
}

// onHello answers a Hello. A Hello proves nothing about its sender, unless it comes
// with a session that this node has sent, because only one address has received it.
func (g *greeter) onHello(ev Incoming, h Hello) (Answer, *Refusal) {
	listed := false
	welcome := Welcome{Greeting: g.greeting(), Listed: &listed}
	if r := g.check(h.Greeting); r != nil {
		return nil, r
	}
	if g.bans.hasAddress(g.now, h.Address) { // only addresses at which nodes were found are banned
		return nil, refuse(Banned, "this node is banned for some time")
	}
	if h.Session == (Session{}) {
		return nil, refuse(BadRequest, "the session is missing")
	}
	if p := g.peers.bySession[ev.Session]; p != nil {
		p.seen = g.now
		if source := SourceOf(ev.From); !p.out && source.IsValid() {
			p.source, p.heard = source, false
		}
		if g.identify(p, h.Greeting, h.Session) {
			p.useSession(h.Session)
			g.mergeOthers(p)
			g.settle(p)
		}
		listed = true
		return welcome, nil
	}
	// A peer is found by its address alone, since anybody can copy the id of a node.
	if p := g.peers.byAddress[h.Address]; p != nil {
		p.setOffer(offer{h.Node, h.Session, SourceOf(ev.From)})
		g.greetSoon(p)
		return welcome, nil
	}
	return g.meet(h, ev.From, welcome)
}

// meet begins to check a node that came to this one, if there is room for it.
//
// The answer depends on nothing that is found at the address that the node claims, and
// does not wait for it. Otherwise anybody could learn from it what listens in this
// node's network.
func (g *greeter) meet(h Hello, from netip.Addr, welcome Welcome) (Answer, *Refusal) {
	a, err := ParseAddress(string(h.Address))
	if err != nil || a != h.Address || a == g.config.Address || !g.book.allowed(a) {
		return nil, refuse(BadRequest, "%.60q is not an address that this node can connect with", string(h.Address))
	}
	if !g.book.believes(a, from) {
		// Such a node, for example one behind a router, can follow the chain all the same.
		g.do(Note{Kind: NoteRefused, Peer: a, Reason: "heard", Detail: g.book.disbelief(a)})
		return welcome, nil
	}
	source := SourceOf(from)
	if refusal := g.makeRoom(source); refusal != nil {
		return nil, refusal
	}
	g.newPeer(a, checking, func(p *peer) { p.claims, p.theirs, p.source = h.Node, h.Session, source })
	return welcome, nil
}
