package gossip

import (
	"net/netip"
)

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
