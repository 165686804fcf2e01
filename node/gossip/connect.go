package gossip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

const (
	maxWaiters = 256

	// maxSlowDials bounds the addresses that are dialled beyond Limits.Outbound while
	// no peer of this node's choice has answered.
	maxSlowDials = 24

	// maxRivals bounds the tried addresses that are being called because others
	// compete for their places in the book.
	maxRivals = 4

	// maxByHand bounds how many peers clients can connect the node with, beyond
	// Limits.Outbound.
	maxByHand = 64
)

var errUnreachable = errors.New("unreachable")

// waiter is a Connect whose outcome is not known yet.
type waiter struct {
	id      ID
	asked   Address // with which the client wants a connection
	address Address // where the node is a peer, or may become one; differs from asked if the node there is a duplicate
	keep    bool
	timer   timer
	heard   bool // see [Connect]: what was found is not for the client to know
	source  netip.Addr
	least   time.Time // when it may be told, if heard, that there is no connection
}

// onConnect dials an address for a client.
func (g *greeter) onConnect(ev Connect) {
	refuse := func(format string, args ...any) {
		g.do(Connected{ID: ev.ID, Err: fmt.Errorf(format, args...)})
	}
	a, mostByHand := ev.Address, max(0, g.config.Limits.Outbound)+maxByHand
	p := g.peers.byAddress[a]
	guest := ev.Heard && !g.book.isKept(a) // an address that the operator has chosen stays chosen if a client names it as well
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
	case ev.Heard && !g.book.believes(a, ev.From):
		refuse("%s; a client on the node's own machine, or with its token, may name such an address", g.book.disbelief(a))
		return
	case p == nil && !guest && g.peers.outbound >= mostByHand:
		refuse("this node has chosen %d peers already, and takes no more", g.peers.outbound)
		return
	case len(g.waiters) >= maxWaiters:
		refuse("%d connections are being made already: try again in a moment", len(g.waiters))
		return
	}
	source := SourceOf(ev.From)
	if p == nil && guest {
		if refusal := g.makeRoom(source); refusal != nil {
			g.do(Connected{ID: ev.ID, Err: *refusal})
			return
		}
	}
	if p != nil && ev.Heard && p.phase == checking {
		g.dialClaimed(p)
		p.heard = true
	}
	if p != nil && !ev.Heard {
		p.chosen = true
		if g.peers.outbound < mostByHand {
			g.takeGuest(p, ev.Keep)
		}
	}
	w := &waiter{id: ev.ID, asked: a, address: a, keep: ev.Keep, heard: ev.Heard, source: source, least: g.now.Add(g.config.HelloTimeout)}
	w.timer.fire = func() { g.expireWaiter(w) }
	g.timers.set(&w.timer, g.now.Add(g.config.ConnectWait))
	g.waiters = append(g.waiters, w)
	switch {
	case p == nil && guest:
		g.newPeer(a, dialling, func(p *peer) { p.out, p.heard, p.source = false, true, source })
	case p == nil:
		g.newPeer(a, dialling, func(p *peer) { p.chosen = !ev.Heard })
	case p.phase.canAnnounce():
		g.endWait(a, nil, true)
	}
}

// takeGuest makes a guest one of this node's choice, because its address is to be
// dialled: if the address is to be kept, or if nobody has answered there yet.
func (g *greeter) takeGuest(p *peer, keep bool) {
	if p.out {
		return
	}
	if !p.phase.proven() {
		g.dialClaimed(p)
		p.heard, keep = false, true
	}
	if keep {
		g.peers.choose(p)
	}
}

// dialClaimed dials the address of a guest at which nobody has answered yet. The guest
// may be no more than a claim that somebody has made to be in the way, so whichever
// node answers is welcome; and if the guest has failed already, see [greeter.dismiss],
// the address is called again.
func (g *greeter) dialClaimed(p *peer) {
	if p.phase == checking {
		p.setOffer(offer{p.claims, p.theirs, p.source})
		p.phase, p.claims, p.theirs = dialling, NodeID{}, Session{}
	}
	if p.hello.request == nil {
		p.hello.timer.fire = func() { g.greet(p) }
		g.timers.stop(&p.hello.timer)
		g.greet(p)
	}
}

// expireWaiter reports that a connection has not been made in time.
func (g *greeter) expireWaiter(w *waiter) {
	err := fmt.Errorf("%s did not answer in time", w.asked)
	if p := g.peers.byAddress[w.address]; p == nil || !p.phase.proven() {
		// nobody has answered
	} else if other := g.peers.namedBy(p, p.node); other != nil {
		err = fmt.Errorf("the node at %s says that it is the one at %s, which is connected, but has not proved it", w.asked, other.address)
	} else {
		err = fmt.Errorf("%s answers but could not reach this node at %s: see --advertise", w.asked, g.config.Address)
	}
	g.waiters = slices.DeleteFunc(g.waiters, func(other *waiter) bool { return other == w })
	g.finish(w, err)
}

// finish reports the outcome of a Connect. An address that a client wants kept goes
// into the book now, if there is or may be a node of this network; if the client may
// not choose, as an address that another node has sent. An address that has failed and
// is not to be kept is not in the book, so it is not dialled again.
func (g *greeter) finish(w *waiter, err error) {
	switch {
	case !w.keep:
	case w.heard:
		host := ""
		if w.source.IsValid() {
			host = w.source.String()
		}
		g.book.learn(w.asked, host, g.config.Random)
	default:
		g.book.keepByHand(w.asked)
		g.book.choose(w.asked)
	}
	g.do(Connected{ID: w.id, Err: err})
}

// endWait reports the outcome to all who wait for a connection with an address.
func (g *greeter) endWait(a Address, err error, mayBeNode bool) {
	g.waiters = slices.DeleteFunc(g.waiters, func(w *waiter) bool {
		if w.address != a {
			return false
		}
		w.keep = w.keep && mayBeNode
		var no NotNode
		if w.heard && (errors.Is(err, errUnreachable) || errors.As(err, &no)) {
			// What is there instead of a node is not for this client to know, not even by
			// how soon it is told.
			if g.now.Before(w.least) {
				g.timers.set(&w.timer, w.least)
				return false
			}
			err = fmt.Errorf("%s did not answer in time", w.asked)
		}
		g.timers.stop(&w.timer)
		g.finish(w, err)
		return true
	})
}

// onLost ends the waits for a connection with a peer that is lost. If the peer was a
// duplicate, they go on as waits for the peer by which the node is connected, which
// the lost peer has named itself. Otherwise they fail.
func (g *greeter) onLost(p *peer, reason, detail string) {
	if reason != "duplicate" {
		_, foreign := map[string]bool{string(WrongNetwork): true, string(WrongVersion): true, string(Self): true, "banned": true}[reason]
		err := fmt.Errorf("%s: %s: %s", p.address, reason, detail)
		if reason == "unreachable" {
			err = fmt.Errorf("%s: %w: %s", p.address, errUnreachable, detail)
		}
		g.endWait(p.address, err, !foreign)
		return
	}
	for _, w := range g.waiters {
		if w.address == p.address {
			w.address = p.says
		}
	}
	if main := g.peers.byAddress[p.says]; main != nil && main.phase.canAnnounce() {
		g.endWait(main.address, nil, true)
	}
}

// fillOutbound dials until there are enough peers of this node's choice, or
// nobody is left to dial for now.
func (g *greeter) fillOutbound() {
	more, alone := g.wantsOutbound()
	for more {
		a, next := g.book.pick(g.now, g.config.Random, func(e *entry) bool {
			p := g.peers.byAddress[e.Address]
			return (p == nil || !p.out && !p.phase.proven()) && !g.isConnected(e) && !g.bans.hasAddress(g.now, e.Address)
		})
		if a == "" {
			// The time may come from the file of the book, which has no monotonic clock.
			g.timers.set(&g.dial, g.now.Add(next.Sub(g.now)))
			return
		}
		if p := g.peers.byAddress[a]; p != nil { // somebody has claimed the address, which proves nothing
			g.takeGuest(p, false)
		} else {
			g.newPeer(a, dialling, func(*peer) {})
		}
		more, alone = g.wantsOutbound()
	}
	if alone {
		g.timers.set(&g.dial, g.now.Add(g.config.SlowDial))
	}
}

// wantsOutbound reports whether this node should dial another address. An address
// that is slow to answer keeps it from that only if another one has answered. So a
// book full of addresses at which nobody answers does not keep a node alone for long.
func (g *greeter) wantsOutbound() (more, alone bool) {
	slow := 0
	for _, p := range g.peers.all {
		switch {
		case !p.out:
		case p.phase.proven():
			return g.peers.outbound < g.config.Limits.Outbound, false
		case !g.now.Before(p.hello.sent.Add(g.config.SlowDial)):
			slow++
		}
	}
	return g.peers.outbound-min(slow, maxSlowDials) < g.config.Limits.Outbound, g.peers.outbound > 0
}

// dropExtra drops a peer that has been dialled because others were slow, and is not
// needed because they have answered after all. It reports whether it has done so.
func (g *greeter) dropExtra(p *peer) bool {
	if !p.out || p.phase.canAnnounce() || g.peers.outbound <= g.config.Limits.Outbound {
		return false
	}
	if e := g.book.at[p.address]; e == nil || e.Chosen || e.kept {
		return false
	}
	if slices.ContainsFunc(g.waiters, func(w *waiter) bool { return w.address == p.address }) {
		return false
	}
	proven := 0
	for _, other := range g.peers.all {
		if other.out && other.phase.proven() {
			proven++
		}
	}
	if proven <= g.config.Limits.Outbound {
		return false
	}
	g.drop(p, "extra", "other nodes have answered meanwhile")
	return true
}

// dismiss drops a peer whose Hello has failed. A node that came to this one, or was
// dialled for a client who may not choose, keeps its place until the time for an answer
// is over, as if there had been none. So the number of places that are free does not
// tell what was found at the address.
func (g *greeter) dismiss(p *peer, reason, detail string) {
	over := p.hello.sent.Add(g.config.HelloTimeout)
	if p.out || p.phase.proven() || !g.now.Before(over) {
		g.drop(p, reason, detail)
		return
	}
	p.hello.timer.fire = func() { g.drop(p, reason, detail) }
	g.timers.set(&p.hello.timer, over)
}

// markFound records in the address book that a node has been found at a peer's
// address. That makes it a tried address only if this node has dialled it by its own
// choice, since anybody can come to this node, or have it called.
func (g *greeter) markFound(p *peer) {
	host := ""
	if p.source.IsValid() {
		host = p.source.String()
	}
	g.book.markSeen(p.address, p.node, host, g.now, g.config.Random)
	if !p.out {
		return
	}
	if rival := g.book.markTried(p.address, g.config.Random); rival != "" {
		g.callRival(rival, p.address)
	}
}

// callRival calls a tried address with which a new one competes for its place in the
// book. The new one takes the place only if nobody answers.
func (g *greeter) callRival(rival, a Address) {
	if g.peers.byAddress[rival] != nil || g.rivals >= maxRivals {
		return
	}
	g.rivals++
	g.askStranger(rival, GetAddresses{}, g.config.ListTimeout, func(_ Answer, err error) {
		g.rivals--
		var r Refusal
		if err != nil && !errors.As(err, &r) {
			g.book.replace(rival, a)
		}
	})
}

// bestPeers returns the addresses of the peers that become the anchors of the book:
// of those that this node has chosen, first the ones that have brought blocks, then the
// ones that are not behind, and of these the ones that have been connected longest.
func (g *greeter) bestPeers() []Address {
	var best []*peer
	for _, p := range g.peers.all {
		if e := g.book.at[p.address]; p.out && p.phase.canAnnounce() && e != nil && e.Tried {
			best = append(best, p)
		}
	}
	slices.SortStableFunc(best, func(x, y *peer) int {
		if useless := x.brought.block.IsZero(); useless != y.brought.block.IsZero() {
			if useless {
				return 1
			}
			return -1
		}
		if behind := g.isBehind(x); behind != g.isBehind(y) {
			if behind {
				return 1
			}
			return -1
		}
		return x.since.Compare(y.since)
	})
	var addresses []Address
	for _, p := range best[:min(len(best), maxAnchors)] {
		addresses = append(addresses, p.address)
	}
	return addresses
}

func (g *greeter) isBehind(p *peer) bool { return p.tip.Work.Cmp(g.tip().Work) < 0 }

// isConnected reports whether the node of an entry is connected by another address,
// which it gave as its own when it was last found.
func (g *greeter) isConnected(e *entry) bool {
	p := g.peers.byAddress[e.alias]
	return p != nil && p.phase.proven() && p.node == e.node
}

// knownAddresses returns the answer to GetAddresses: the addresses of the peers, and
// then those of others that this node has dialled, in random order.
func (g *greeter) knownAddresses() Addresses {
	var known []Address
	for _, p := range g.peers.all {
		if p.phase.proven() {
			known = append(known, p.address)
		}
	}
	var rest []Address
	for _, e := range g.book.all() {
		if e.Tried && e.Failures == 0 && g.peers.byAddress[e.Address] == nil {
			rest = append(rest, e.Address)
		}
	}
	g.config.Random.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	known = append(known, rest...)
	return Addresses{known[:min(len(known), MaxAddresses)]}
}

// askAddresses asks a peer for the addresses that it knows, unless it was asked a
// short time ago. Asking once is not enough, because nodes that start at the same
// time do not know any others at first.
func (g *greeter) askAddresses(p *peer) {
	every := g.config.AddressesEvery
	if g.peers.outbound < g.config.Limits.Outbound && g.book.poor() {
		every = g.config.AddressesSoon
	}
	if !p.addresses.IsZero() && g.now.Sub(p.addresses) < every {
		return
	}
	p.addresses = g.now
	g.ask(p, GetAddresses{}, g.config.ListTimeout, func(a Answer, err error) {
		list, err := as[Addresses](a, err)
		if err != nil {
			g.fail(p, err)
			return
		}
		g.onAddresses(p.address, list)
	})
}

// askFullNode asks a node that has no room for this one for addresses. It may know
// nodes that have room.
func (g *greeter) askFullNode(at Address) {
	g.askStranger(at, GetAddresses{}, g.config.ListTimeout, func(a Answer, err error) {
		if list, err := as[Addresses](a, err); err == nil {
			g.onAddresses(at, list)
		}
	})
}

// onAddresses adds addresses to the book, as far as this node may believe them.
func (g *greeter) onAddresses(from Address, list Addresses) {
	for _, text := range list.Addresses[:min(len(list.Addresses), MaxAddresses)] {
		if a, err := ParseAddress(string(text)); err == nil && a == text && g.book.believes(a, netip.Addr{}) {
			g.book.learn(a, from.Host(), g.config.Random)
		}
	}
	g.dialSoon()
}
