package gossip

import (
	"errors"
	"slices"
)

const (
	// maxSlowDials bounds the addresses that are dialled beyond Limits.Outbound while
	// no peer of this node's choice has answered.
	maxSlowDials = 24

	// maxRivals bounds the tried addresses that are being called because others
	// compete for their places in the book.
	maxRivals = 4
)

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
