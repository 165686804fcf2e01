package gossip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

const (
	connectWait = 10 * time.Second // for both nodes to know each other
	maxWaiters  = 256

	// maxByHand bounds the peers that clients can have on top of those of our
	// choice.
	maxByHand = 64

	// maxGreeted bounds the peers that came to us and have not yet proved where
	// they are, so that a flood of hellos is not a flood of requests.
	maxGreeted     = 16
	maxGreetedEach = 4 // of those, from one IP address that is not this machine's
)

// waiter is a Connect whose outcome is not told.
type waiter struct {
	id       ID
	address  Address
	deadline time.Time
}

func (g *Gossip) onConnect(ev Connect) {
	refuse := func(format string, args ...any) {
		g.do(Connected{ID: ev.ID, Err: fmt.Errorf(format, args...)})
	}
	a := ev.Address
	switch {
	case g.book.isSelf(a):
		refuse("%s is this node itself", a)
		return
	case g.bans.hasAddress(g.now, a):
		refuse("%s is banned", a)
		return
	case !g.book.allowed(a):
		refuse("%s is not an address that this node may connect with", a)
		return
	case g.byAddress[a] == nil && g.outbound() >= max(0, g.limits.Outbound)+maxByHand:
		refuse("%d nodes are connected with already, which is enough", g.outbound())
		return
	case len(g.waiters) >= maxWaiters:
		refuse("%d connections are being made already: try again in a moment", len(g.waiters))
		return
	}
	if ev.Keep {
		g.book.keep(a)
	} else {
		g.book.heard(a, "", g.random)
	}
	p := g.byAddress[a]
	if p != nil && p.up && p.theirs != (Session{}) {
		g.do(Connected{ID: ev.ID})
		return
	}
	g.waiters = append(g.waiters, waiter{ev.ID, a, g.now.Add(connectWait)})
	if p == nil {
		g.dial(a)
	}
}

// dial greets whoever is at an address.
func (g *Gossip) dial(a Address) {
	p := g.newPeer(a, true)
	g.greet(p)
}

// greet says hello.
func (g *Gossip) greet(p *peer) {
	p.greeting, p.lastHello = true, g.now
	p.nextHello = g.helloTime()
	g.ask(p, Hello{g.greeting(), p.mine}, helloTimeout, func(a Answer, err error) {
		p.greeting = false
		if p.gone {
			return
		}
		w, err := as[Welcome](a, err)
		if err != nil {
			g.notWelcome(p, err)
			return
		}
		g.onWelcome(p, w)
	})
}

func (g *Gossip) greeting() Greeting {
	tip := g.chain.Tip()
	return Greeting{
		Version: Version, Network: g.params.Name(), NetworkID: g.network, Node: g.self, Address: g.address,
		Tip: Tip{Hash: tip.Hash, Height: tip.Height, Work: tip.Work},
	}
}

// helloTime spreads the hellos.
func (g *Gossip) helloTime() time.Time {
	spread := helloEvery / 2
	return g.now.Add(helloEvery - spread/2 + time.Duration(g.random.Int64N(int64(spread))))
}

// greetSoon greets a peer before its time, but not in a loop.
func (g *Gossip) greetSoon(p *peer) {
	if !p.up || p.greeting {
		return
	}
	if soon := p.lastHello.Add(time.Second); p.nextHello.After(soon) {
		p.nextHello = soon
	}
}

func (g *Gossip) notWelcome(p *peer, err error) {
	var r Refusal
	if !errors.As(err, &r) {
		if p.up {
			p.nextHello = g.now.Add(helloRetry)
			g.failed(p, err)
			return
		}
		var f Fault
		if errors.As(err, &f) {
			g.ban(p, f)
			return
		}
		g.book.failed(p.address, g.now, 0)
		g.drop(p, "unreachable", err.Error())
		return
	}
	switch r.Reason {
	case Self:
		g.book.isOurs(p.address)
	case WrongNetwork, WrongVersion:
		g.book.failed(p.address, g.now, time.Hour)
	case Full:
		g.book.failed(p.address, g.now, r.RetryAfter)
		if g.book.poor() {
			g.askStranger(p.address) // it knows others, even if it has no room itself
		}
	default:
		g.book.failed(p.address, g.now, r.RetryAfter)
	}
	g.drop(p, r.Reason.word(), r.Message)
}

// check returns why a node is not to be dealt with, or nil.
func (g *Gossip) check(gr Greeting) *Refusal {
	switch {
	case gr.Version != Version:
		return refuse(WrongVersion, "this node speaks version %d of the protocol, not %d", Version, gr.Version)
	case gr.NetworkID != g.network:
		if gr.Network == g.params.Name() {
			return refuse(WrongNetwork, "this node is on a network %s of other parameters: its id is %s, not %s", g.params.Name(), g.network, gr.NetworkID)
		}
		return refuse(WrongNetwork, "this node is on the network %s, not on %.40s", g.params.Name(), gr.Network)
	case gr.Node == g.self:
		return refuse(Self, "this is the same node")
	}
	return nil
}

func (g *Gossip) onWelcome(p *peer, w Welcome) {
	p.fails = 0
	if r := g.check(w.Greeting); r != nil {
		g.notWelcome(p, *r)
		return
	}
	if !p.up && p.claims != (NodeID{}) && p.claims != w.Node {
		g.drop(p, "impostor", "the node at "+string(p.address)+" is not the one that gave this address")
		return
	}
	if !g.identify(p, w.Greeting) {
		return
	}
	if p.offeredBy == p.node && p.offer != (Session{}) && (p.theirs == (Session{}) || p.stale) {
		g.takeOffer(p)
	}
	g.askAddresses(p)
	g.settle(p)
}

func (g *Gossip) takeOffer(p *peer) {
	p.theirs, p.stale = p.offer, false
	p.offer, p.offeredBy = Session{}, NodeID{}
}

// identify takes down who a peer has proved to be. It is false when that makes
// the peer one too many.
func (g *Gossip) identify(p *peer, gr Greeting) bool {
	if other := g.byNode[gr.Node]; other != nil && other != p {
		g.book.same(p.address, gr.Node)
		g.drop(p, "duplicate", fmt.Sprintf("the node at %s is connected as %s", p.address, other.address))
		return false
	}
	if p.up && p.node != gr.Node { // another process at the same address
		delete(g.byNode, p.node)
		p.up, p.theirs, p.stale = false, Session{}, false
		p.known, p.tip, p.news, p.unbacked = idSet{}, Tip{}, false, 0
		p.pool = poolExchange{}
		g.note(Note{Kind: NoteDropped, Peer: p.address, Out: p.out, Reason: "restarted"})
	}
	p.tip = gr.Tip
	p.known.add(gr.Tip.Hash)
	if p.up {
		return true
	}
	p.up, p.node, p.since = true, gr.Node, g.now
	g.byNode[p.node] = p
	g.book.connected(p.address, gr.Node, g.now)
	g.note(Note{Kind: NoteConnected, Peer: p.address, Out: p.out, Detail: gr.Node.String()})
	g.askAddresses(p)
	g.startPool(p)
	return true
}

// settle goes on once something about a peer has become known.
func (g *Gossip) settle(p *peer) {
	if p.theirs != (Session{}) {
		g.waiters = slices.DeleteFunc(g.waiters, func(w waiter) bool {
			if w.address == p.address {
				g.do(Connected{ID: w.id})
			}
			return w.address == p.address
		})
	}
	g.considerSync()
}

func (g *Gossip) onIncoming(ev Incoming) {
	answer, refusal := g.incoming(ev)
	if refusal != nil {
		g.note(Note{Kind: NoteRefused, Reason: string(refusal.Reason), Detail: refusal.Message})
	}
	g.do(Reply{ID: ev.ID, Answer: answer, Refusal: refusal})
}

func (g *Gossip) incoming(ev Incoming) (Answer, *Refusal) {
	if g.bans.hasSource(g.now, ev.From) {
		return nil, refuse(Banned, "%s is banned for some time", ev.From)
	}
	switch r := ev.Request.(type) {
	case Hello:
		return g.onHello(ev, r)
	case Announce:
		return g.onAnnounce(ev, r)
	}
	return nil, refuse(BadRequest, "%T is not for this", ev.Request)
}

func (g *Gossip) onHello(ev Incoming, h Hello) (Answer, *Refusal) {
	welcome := Welcome{g.greeting()}
	if r := g.check(h.Greeting); r != nil {
		return nil, r
	}
	if g.bans.hasAddress(g.now, h.Address) {
		return nil, refuse(Banned, "this node is banned for some time")
	}
	if h.Session == (Session{}) {
		return nil, refuse(BadRequest, "the session is missing")
	}
	if p := g.bySession[ev.Session]; p != nil {
		// Only who is at p's address was given the session.
		p.seen = g.now
		if g.identify(p, h.Greeting) {
			p.theirs, p.stale = h.Session, false
			g.settle(p)
		}
		return welcome, nil
	}
	p := g.byNode[h.Node]
	if p == nil {
		p = g.byAddress[h.Address]
	}
	if p != nil {
		p.offer, p.offeredBy = h.Session, h.Node
		g.greetSoon(p)
		return welcome, nil
	}
	return g.meet(h, SourceOf(ev.From), welcome)
}

// meet greets a node that came to us, at the address that it gave.
func (g *Gossip) meet(h Hello, source netip.Addr, welcome Welcome) (Answer, *Refusal) {
	a, err := ParseAddress(string(h.Address))
	if err != nil || a != h.Address || g.book.isSelf(a) || !g.book.allowed(a) {
		return nil, refuse(BadRequest, "%.60q is not an address that this node can connect with", string(h.Address))
	}
	came, greeted := g.guests(func(*peer) bool { return true })
	var sameCame, sameGreeted int
	if source.IsValid() && !source.IsLoopback() {
		sameCame, sameGreeted = g.guests(func(p *peer) bool { return p.source == source })
	}
	if came >= g.limits.Inbound || sameCame >= g.limits.InboundEach {
		return nil, &Refusal{Reason: Full, Message: fmt.Sprintf("this node has its peers: %d came to it, %d from there", came, sameCame), RetryAfter: time.Minute}
	}
	if greeted >= maxGreeted || sameGreeted >= maxGreetedEach {
		return nil, &Refusal{Reason: Busy, Message: "too many nodes say hello at once", RetryAfter: time.Second}
	}
	p := g.newPeer(a, false)
	p.claims, p.theirs, p.source = h.Node, h.Session, source
	g.greet(p)
	return welcome, nil
}

// guests returns how many peers of a kind came to us, and how many of those have
// not proved where they are.
func (g *Gossip) guests(of func(*peer) bool) (came, greeted int) {
	for _, p := range g.peers {
		if p.out || !of(p) {
			continue
		}
		came++
		if !p.up {
			greeted++
		}
	}
	return came, greeted
}

func (g *Gossip) expireWaiters() {
	g.waiters = slices.DeleteFunc(g.waiters, func(w waiter) bool {
		if g.now.Before(w.deadline) {
			return false
		}
		err := fmt.Errorf("%s did not answer in time", w.address)
		if p := g.byAddress[w.address]; p != nil && p.up {
			err = fmt.Errorf("%s answers but could not reach this node at %s: see --advertise", w.address, g.address)
		}
		g.do(Connected{ID: w.id, Err: err})
		return true
	})
}

func (g *Gossip) failWaiters(a Address, reason, detail string) {
	g.waiters = slices.DeleteFunc(g.waiters, func(w waiter) bool {
		if w.address != a {
			return false
		}
		var err error
		if reason != "duplicate" { // connected under another name is connected
			err = fmt.Errorf("%s: %s: %s", a, reason, detail)
		}
		g.do(Connected{ID: w.id, Err: err})
		return true
	})
}

// fillOutbound dials until there are enough peers of our choice, or nobody is
// left to dial for now.
func (g *Gossip) fillOutbound() {
	for g.outbound() < g.limits.Outbound {
		if g.now.Before(g.nextDial) {
			return
		}
		a, next := g.book.pick(g.now, g.random, func(e *entry) bool {
			return g.byAddress[e.Address] == nil && g.byNode[e.node] == nil && !g.bans.hasAddress(g.now, e.Address)
		})
		if a == "" {
			g.nextDial = next
			return
		}
		g.dial(a)
	}
}
