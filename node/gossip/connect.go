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
	hurried bool      // see [greeter.mayHurry]
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
	default:
		g.confirm(p)
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
	} else if !p.phase.canAnnounce() {
		err = fmt.Errorf("%s answers but could not reach this node at %s: see --advertise", w.asked, g.config.Address)
	} else {
		err = fmt.Errorf("%s is connected, but has not said that it lists this node", w.asked)
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
	if main := g.peers.byAddress[p.says]; main != nil {
		g.confirm(main)
	}
}
