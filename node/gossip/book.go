package gossip

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

const (
	perSource      = 64  // new addresses that came from one host
	perSourceGroup = 256 // new addresses that came from the hosts of one group
	maxKept        = 256
	maxOurs        = 64
	poorBook       = 32 // number of addresses below which the node asks its peers for more
)

// Entry is an address in the address book.
type Entry struct {
	Address  Address   `json:"address"`
	Seen     time.Time `json:"seen,omitzero"`      // when a node was last found there; zero: never
	Failures int       `json:"failures,omitempty"` // since then
	Next     time.Time `json:"next,omitzero"`      // the earliest time of the next attempt

	// Tried says that this node has dialled the address by its own choice, and found a
	// node there. All others are new, even those of nodes that came to this one,
	// because every attacker can come to this node.
	Tried  bool   `json:"tried,omitempty"`
	Anchor bool   `json:"anchor,omitempty"` // one of the best peers of this node's choice, to be dialled first
	Chosen bool   `json:"chosen,omitempty"` // it was named by the operator of the node, or by a client who may choose
	Source string `json:"source,omitempty"` // the host that it came from; "": its own
}

// entry is an Entry with what is not saved.
type entry struct {
	Entry
	kept bool   // the node always tries to be connected with it, and never forgets it
	node NodeID // the node that was found there last

	// alias is the address by which that node was connected already, and which it
	// gives as its own; "" if there was none.
	alias Address

	// byHand says that a client has asked for the address, and that no flag gave it.
	byHand bool

	// Where it is in the book, and for whom it counts there.
	in          *table
	index       int
	host, group *tally
}

// book is the address book. It has three tables. Kept addresses come from the
// operator and from clients. Tried ones are those at which this node has found others
// by its own choice, and count for their own host. All others are new, and count for
// the host that has named them. So an attacker who wants to push honest nodes out of the book,
// or to keep them from being dialled, needs many hosts in many networks, and this node
// must have chosen them. That there are two tables, and what bounds them, was learnt
// from the address manager of Bitcoin Core.
type book struct {
	most              int                // entries at most
	allow             func(Address) bool // nil: every address is allowed
	own               []netip.Addr       // of this node, as others see it; empty: not known
	timing            Timing
	ours              []Address // by which this node itself can be reached
	kept, tried, news *table
	at                map[Address]*entry
	changed           bool // since the book was last saved
}

func newBook(c Config) book {
	b := book{
		most: c.Limits.Addresses, allow: c.Allow, own: c.Own, timing: c.Timing,
		ours: []Address{c.Address}, at: map[Address]*entry{},
		kept: newTable(), tried: newTable(), news: newTable(),
	}
	for _, tried := range []bool{true, false} { // the best first, in case there is not room for all
		for _, e := range c.Book {
			if e.Tried == tried {
				b.restore(e)
			}
		}
	}
	for _, a := range c.Peers {
		b.choose(a)
		b.keep(a)
	}
	return b
}

// all returns all entries.
func (b *book) all() []*entry { return slices.Concat(b.kept.entries, b.tried.entries, b.news.entries) }

// isSelf reports whether this node itself listens at an address.
func (b *book) isSelf(a Address) bool { return slices.Contains(b.ours, a) }

// allowed reports whether this node may connect with an address.
func (b *book) allowed(a Address) bool { return b.allow == nil || b.allow(a) }

// isChosen reports whether an address was named by the operator, or by a client who
// may choose.
func (b *book) isChosen(a Address) bool {
	e := b.at[a]
	return e != nil && e.Chosen
}

// believes reports whether this node may call an address that it has heard from an IP
// address.
func (b *book) believes(a Address, from netip.Addr) bool {
	return b.isChosen(a) || believes(b.own, a, from)
}

// disbelief says why believes is false for an address.
func (b *book) disbelief(a Address) string {
	ip, _ := a.IP()
	if len(b.own) == 0 {
		return fmt.Sprintf("%s is not an address that this node can connect with: %s is %s, and the node does not know its own address (see --advertise)", a, ip, ScopeOf(ip))
	}
	return fmt.Sprintf("%s is not an address that this node can connect with: %s is %s, and this node's own address is not", a, ip, ScopeOf(ip))
}

// addOurs records that this node itself has answered at an address. The address is
// no longer dialled.
func (b *book) addOurs(a Address) {
	b.forget(a)
	if len(b.ours) < maxOurs {
		b.ours = append(b.ours, a)
	}
}

// restore adds an entry that was saved. One that is not valid is left out, as is one
// that an earlier version has believed and this one does not.
func (b *book) restore(e Entry) {
	if a, err := ParseAddress(string(e.Address)); err != nil || a != e.Address {
		return
	}
	if !e.Chosen && !believes(b.own, e.Address, netip.Addr{}) {
		return
	}
	anchors := 0
	for _, other := range b.tried.entries {
		if other.Anchor {
			anchors++
		}
	}
	e.Anchor = e.Anchor && e.Tried && anchors < maxAnchors
	if e.Anchor { // it may have failed because this node's own line was down
		e.Failures, e.Next = 0, time.Time{}
	}
	tried := e.Tried
	e.Tried = false // until there is room for it
	if n := b.put(e, nil); n != nil && tried && b.hasRoomToTry(n) {
		b.move(n, b.tried)
		n.Tried = true
	} else if n != nil {
		n.Anchor = false
	}
}

// capWaits shortens the waits of addresses that end later than any wait that begins
// now. An earlier process has saved them while the clock of this machine was ahead.
func (b *book) capWaits(now time.Time, c Config) {
	longest := now.Add(max(c.OtherNetwork, c.Limits.BanTime, c.NewBackoff, c.UnbackedWait))
	for _, e := range b.all() {
		if e.Next.After(longest) {
			e.Next, b.changed = time.Time{}, true
		}
	}
}

// choose adds an address that the operator has named, or a client who may choose.
func (b *book) choose(a Address) {
	if e := b.put(Entry{Address: a, Chosen: true}, nil); e != nil && !e.Chosen {
		e.Chosen, b.changed = true, true
	}
}

// keep makes the node always try to be connected with an address.
func (b *book) keep(a Address) {
	if e := b.put(Entry{Address: a}, nil); e != nil && !e.kept && len(b.kept.entries) < maxKept {
		e.kept = true
		b.move(e, b.kept)
	}
}

// learn adds an address that the host source has sent.
func (b *book) learn(a Address, source string, rng *rand.Rand) {
	b.put(Entry{Address: a, Source: source}, rng)
}

// put returns the entry of an address, and adds a new one if there is none. It
// returns nil if there is no room, or the address is not allowed.
func (b *book) put(e Entry, rng *rand.Rand) *entry {
	if old := b.at[e.Address]; old != nil {
		return old
	}
	host := e.Source
	if host == "" {
		host = e.Address.Host()
	}
	host = hostKey(host)
	if b.isSelf(e.Address) || !b.allowed(e.Address) || !b.makeRoom(host, e.Chosen, rng) {
		return nil
	}
	n := &entry{Entry: e}
	b.news.add(n, host)
	b.at[e.Address] = n
	b.changed = true
	return n
}

// makeRoom makes room for a new address that comes from a host. If there is none, the
// host from which the most came loses one, unless that is this host. Addresses that
// were chosen count like the others, but only the size of the book bounds them.
func (b *book) makeRoom(host string, chosen bool, rng *rand.Rand) bool {
	mine, group := b.news.hosts.count(host), groupOf(host)
	var old *entry
	switch {
	case !chosen && mine >= perSource:
		return false
	case !chosen && b.news.groups.count(group) >= perSourceGroup:
		old = b.news.crowd(mine, func(e *entry) bool { return e.group.key == group }, orSteady(rng))
	case len(b.at) >= b.most:
		old = b.news.crowd(mine, func(*entry) bool { return true }, orSteady(rng))
	default:
		return true
	}
	if old == nil {
		return false
	}
	b.forget(old.Address)
	return true
}

// orSteady returns a source of random numbers where none was given, because what is
// displaced does not matter. It is the same one each time.
func orSteady(rng *rand.Rand) *rand.Rand {
	if rng == nil {
		return rand.New(rand.NewPCG(0, 0))
	}
	return rng
}

// move puts an entry into another table, where it counts for its own host.
func (b *book) move(e *entry, to *table) {
	e.in.remove(e)
	to.add(e, hostKey(e.Address.Host()))
	b.changed = true
}

// forget removes the entry of an address, unless it is kept.
func (b *book) forget(a Address) {
	e := b.at[a]
	if e == nil || e.kept {
		return
	}
	delete(b.at, a)
	e.in.remove(e)
	b.changed = true
}

// keepByHand is keep for an address that a client gives, unless it is in the book
// already.
func (b *book) keepByHand(a Address) {
	known := b.at[a] != nil
	b.keep(a)
	if e := b.at[a]; e != nil && !known {
		e.byHand = true
	}
}

// isKept reports whether the node always tries to be connected with an address.
func (b *book) isKept(a Address) bool {
	e := b.at[a]
	return e != nil && e.kept
}

// poor reports whether the book has so few addresses that more are asked for.
func (b *book) poor() bool { return len(b.at) < poorBook }
