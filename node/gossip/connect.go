package gossip

import (
	"fmt"
	"slices"
)

const (
	maxWaiters = 256

	// maxByHand bounds how many peers clients can connect the node with, beyond
	// Limits.Outbound.
	maxByHand = 64
)

// waiter is a Connect whose outcome is not known yet.
type waiter struct {
	id      ID
	address Address
	timer   timer
}

// onConnect dials an address for a client.
func (g *greeter) onConnect(ev Connect) {
	refuse := func(format string, args ...any) {
		g.do(Connected{ID: ev.ID, Err: fmt.Errorf(format, args...)})
	}
	a := ev.Address
	p := g.peers.byAddress[a]
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
	case p == nil && g.peers.outbound >= max(0, g.config.Limits.Outbound)+maxByHand:
		refuse("this node has chosen %d peers already, and takes no more", g.peers.outbound)
		return
	case len(g.waiters) >= maxWaiters:
		refuse("%d connections are being made already: try again in a moment", len(g.waiters))
		return
	}
	if ev.Keep {
		g.book.keep(a)
	} else {
		g.book.learn(a, "", g.config.Random)
	}
	if p != nil && p.phase.canAnnounce() {
		g.do(Connected{ID: ev.ID})
		return
	}
	w := &waiter{id: ev.ID, address: a}
	w.timer.fire = func() { g.expireWaiter(w) }
	g.timers.set(&w.timer, g.now.Add(g.config.ConnectWait))
	g.waiters = append(g.waiters, w)
	if p == nil {
		g.newPeer(a, dialling, func(*peer) {})
	}
}

// expireWaiter reports that a connection has not been made in time.
func (g *greeter) expireWaiter(w *waiter) {
	err := fmt.Errorf("%s did not answer in time", w.address)
	if p := g.peers.byAddress[w.address]; p != nil && p.phase.proven() {
		err = fmt.Errorf("%s answers but could not reach this node at %s: see --advertise", w.address, g.config.Address)
	}
	g.waiters = slices.DeleteFunc(g.waiters, func(other *waiter) bool { return other == w })
	g.do(Connected{ID: w.id, Err: err})
}

// endWait reports the outcome to all who wait for a connection with an address.
func (g *greeter) endWait(a Address, err error) {
	g.waiters = slices.DeleteFunc(g.waiters, func(w *waiter) bool {
		if w.address != a {
			return false
		}
		g.timers.stop(&w.timer)
		g.do(Connected{ID: w.id, Err: err})
		return true
	})
}

// onLost ends the waits for a connection with a peer that is lost. They succeed if
// the peer was a duplicate, because the node is then connected with the same node by
// another address. Otherwise they fail.
func (g *greeter) onLost(p *peer, reason, detail string) {
	if reason == "duplicate" {
		g.endWait(p.address, nil)
		return
	}
	g.endWait(p.address, fmt.Errorf("%s: %s: %s", p.address, reason, detail))
}

// fillOutbound dials until there are enough peers of this node's choice, or
// nobody is left to dial for now.
func (g *greeter) fillOutbound() {
	for g.peers.outbound < g.config.Limits.Outbound {
		a, next := g.book.pick(g.now, g.config.Random, func(e *entry) bool {
			return g.peers.byAddress[e.Address] == nil && g.peers.byNode[e.node] == nil && !g.bans.hasAddress(g.now, e.Address)
		})
		if a == "" {
			// The time may come from the file of the book, which has no monotonic clock.
			g.timers.set(&g.dial, g.now.Add(next.Sub(g.now)))
			return
		}
		g.newPeer(a, dialling, func(*peer) {})
	}
}

// knownAddresses returns the answer to GetAddresses: the addresses of the peers, and
// then those of nodes that were connected before, in random order.
func (g *greeter) knownAddresses() Addresses {
	var known []Address
	for _, p := range g.peers.all {
		if p.phase.proven() {
			known = append(known, p.address)
		}
	}
	var rest []Address
	for _, e := range g.book.entries {
		if e.tried() && e.Failures == 0 && g.peers.byAddress[e.Address] == nil {
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

// onAddresses adds addresses to the book. Loopback addresses are left out unless
// this node is on the loopback itself, for they mean another machine here.
func (g *greeter) onAddresses(from Address, list Addresses) {
	for _, text := range list.Addresses[:min(len(list.Addresses), MaxAddresses)] {
		if a, err := ParseAddress(string(text)); err == nil && a == text && (!a.isLoopback() || g.config.Address.isLoopback()) {
			g.book.learn(a, from.Host(), g.config.Random)
		}
	}
	g.dialSoon()
}
