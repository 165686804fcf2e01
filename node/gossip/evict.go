package gossip

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// A node that came to this one, or that a client who may not choose has named, is a
// guest. When there is no room for another guest, the newcomer may take the place of
// one that belongs to a larger group: the guests from one network, or those from one IP address of the newcomer's own network. So
// somebody with a few addresses cannot keep others out, however quickly the places are
// taken; and since a newcomer of a group that is as large as the others evicts nobody,
// coming again and again evicts nobody either.
//
// Groups are made by the IP addresses from which guests, or those clients, came. The
// addresses that guests claim would cost nothing.

// Guests that were useful, are near or have been here for long are spared: of all
// guests one in sparedNear with the shortest trips, one in sparedBlocks that have most
// recently brought a block, one in sparedTxs that have most recently brought a
// transaction, and of the others one in sparedOld that have been here longest. An
// attacker needs several ways to imitate all of these.
const (
	sparedNear   = 8
	sparedBlocks = 8
	sparedTxs    = 16
	sparedOld    = 2
)

// maxGivenUp bounds the calls that are still under way to guests that had to make room
// before they answered.
const maxGivenUp = 48

// networkOf returns the network that the guests from a source belong to: the /16 of an
// IPv4 address, and the /32 of an IPv6 address, which are usually in one hand.
func networkOf(source netip.Addr) netip.Prefix {
	bits := 16
	switch {
	case source.IsLoopback():
		bits = 8
	case source.Is6():
		bits = 32
	}
	network, _ := source.Prefix(bits) // the error is that of an unknown source, whose network is the zero value
	return network
}

// guestGroups counts guests by the network and by the IP address that they came from.
type guestGroups struct {
	networks map[netip.Prefix]int
	sources  map[netip.Addr]int
}

// groupsOf counts the guests and a newcomer.
func groupsOf(guests []*peer, newcomer netip.Addr) guestGroups {
	c := guestGroups{map[netip.Prefix]int{networkOf(newcomer): 1}, map[netip.Addr]int{newcomer: 1}}
	for _, p := range guests {
		c.networks[networkOf(p.source)]++
		c.sources[p.source]++
	}
	return c
}

// yields reports whether a guest is of a larger group than the newcomer.
func (c guestGroups) yields(p *peer, newcomer netip.Addr) bool {
	theirs, ours := networkOf(p.source), networkOf(newcomer)
	if theirs != ours {
		return c.networks[theirs] > c.networks[ours]
	}
	return c.sources[p.source] > c.sources[newcomer]
}

// larger orders guests by the size of their groups.
func (c guestGroups) larger(p, other *peer) int {
	return cmp.Or(
		cmp.Compare(c.networks[networkOf(p.source)], c.networks[networkOf(other.source)]),
		cmp.Compare(c.sources[p.source], c.sources[other.source]),
	)
}

// makeRoom drops a guest if a newcomer needs its place. It returns a refusal if the
// newcomer finds no place.
func (g *greeter) makeRoom(newcomer netip.Addr) *Refusal {
	guests := slices.DeleteFunc(slices.Clone(g.peers.all), func(p *peer) bool { return p.out })
	greeted := slices.DeleteFunc(slices.Clone(guests), func(p *peer) bool { return p.phase.proven() })
	var sameCame, sameGreeted int
	if newcomer.IsValid() && !newcomer.IsLoopback() {
		sameCame, sameGreeted = countFrom(guests, newcomer), countFrom(greeted, newcomer)
	}
	limits := g.config.Limits
	full := &Refusal{Reason: Full, Message: fmt.Sprintf("there is no room for another peer: %d have come to this node, %d of them from the same IP address", len(guests), sameCame), RetryAfter: g.config.FullRetry}
	busy := &Refusal{Reason: Busy, Message: "too many nodes have come at the same time: try again in a moment", RetryAfter: g.config.BusyRetry}
	if sameCame >= limits.InboundEach {
		return full
	}
	if sameGreeted >= maxGreetedEach {
		return busy
	}
	var victim *peer
	if len(greeted) >= maxGreeted {
		if victim = g.slowest(greeted, newcomer); victim == nil {
			return busy
		}
	}
	if len(guests) >= max(0, limits.Inbound) && victim == nil {
		if victim = g.youngest(guests, newcomer); victim == nil {
			return full
		}
	}
	if victim != nil {
		if victim.phase.proven() {
			g.book.markFailed(victim.address, g.now, g.config.FullRetry) // it is not dialled at once
		} else { // the book says nothing of it, since anybody may have claimed the address of another node
			g.givenUp = append(g.givenUp, g.now.Add(g.config.HelloTimeout))
		}
		g.drop(victim, "evicted", fmt.Sprintf("another node needs the place, and %d peers came from the network of this one", groupsOf(guests, newcomer).networks[networkOf(victim.source)]))
	}
	return nil
}

func countFrom(guests []*peer, source netip.Addr) (n int) {
	for _, p := range guests {
		if p.source == source {
			n++
		}
	}
	return n
}

// slowest returns the guest that has kept this node waiting for longest for the
// answer to its first hello, of those of the largest group that yield to a newcomer; or
// nil if there is none, or too many calls are under way.
func (g *greeter) slowest(greeted []*peer, newcomer netip.Addr) *peer {
	g.givenUp = slices.DeleteFunc(g.givenUp, func(until time.Time) bool { return !until.After(g.now) })
	if len(g.givenUp) >= maxGivenUp {
		return nil
	}
	return victimOf(greeted, greeted, newcomer, func(p, other *peer) int { return other.met.Compare(p.met) })
}

// youngest returns the guest that came last, of those of the largest group that
// yield to a newcomer and are not spared; or nil if there is none.
func (g *greeter) youngest(guests []*peer, newcomer netip.Addr) *peer {
	return victimOf(notSpared(guests), guests, newcomer, func(p, other *peer) int { return p.met.Compare(other.met) })
}

// victimOf returns that guest of the largest group which comes last in an order, of
// the candidates that yield to a newcomer.
func victimOf(candidates, guests []*peer, newcomer netip.Addr, order func(p, other *peer) int) *peer {
	groups := groupsOf(guests, newcomer)
	candidates = slices.DeleteFunc(slices.Clone(candidates), func(p *peer) bool { return !groups.yields(p, newcomer) })
	if len(candidates) == 0 {
		return nil
	}
	return slices.MaxFunc(candidates, func(p, other *peer) int { return cmp.Or(groups.larger(p, other), order(p, other)) })
}

// notSpared returns the guests without those that are spared.
func notSpared(guests []*peer) []*peer {
	left := slices.Clone(guests)
	spare := func(most int, unknown func(*peer) bool, better func(p, other *peer) int) {
		slices.SortStableFunc(left, better)
		n := 0
		left = slices.DeleteFunc(left, func(p *peer) bool {
			if n >= most || unknown(p) {
				return false
			}
			n++
			return true
		})
	}
	spare(len(guests)/sparedNear, func(p *peer) bool { return p.brought.trip == 0 },
		func(p, other *peer) int { return cmp.Compare(p.brought.trip, other.brought.trip) })
	spare(len(guests)/sparedBlocks, func(p *peer) bool { return p.brought.block.IsZero() },
		func(p, other *peer) int { return other.brought.block.Compare(p.brought.block) })
	spare(len(guests)/sparedTxs, func(p *peer) bool { return p.brought.tx.IsZero() },
		func(p, other *peer) int { return other.brought.tx.Compare(p.brought.tx) })
	spare(len(left)/sparedOld, func(p *peer) bool { return !p.phase.proven() },
		func(p, other *peer) int { return p.met.Compare(other.met) })
	return left
}
