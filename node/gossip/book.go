package gossip

import (
	"math/rand/v2"
	"slices"
	"time"
)

const (
	firstBackoff = time.Second
	knownBackoff = 15 * time.Second // the longest for a node that was connected
	newBackoff   = 10 * time.Minute // the longest for one that never was
	newTries     = 5                // after which one that never was is forgotten
	knownTries   = 1000             // after which any is, about four hours
	perSource    = 64               // never connected addresses from one peer
	maxKept      = 256
	maxOurs      = 64
	poorBook     = 32 // addresses; with fewer, more are asked for
)

// Entry is an address in the address book.
type Entry struct {
	Address  Address   `json:"address"`
	Seen     time.Time `json:"seen,omitzero"`      // when it last became connected
	Failures int       `json:"failures,omitempty"` // since then
	Next     time.Time `json:"next,omitzero"`      // not to be tried before
}

type entry struct {
	Entry
	kept   bool   // wanted always
	source string // who told, as long as it was never connected; "": a client or a file
	index  int    // among the entries
	node   NodeID // who was there last
}

func (e *entry) tried() bool { return !e.Seen.IsZero() }

// book is the addresses that are known. Those that were never connected cannot
// push out the others, and each peer can add only so many.
type book struct {
	most    int
	allow   func(Address) bool
	ours    []Address // the ways to reach this node itself
	entries []*entry
	at      map[Address]*entry
	told    map[string]int // never connected addresses, by who told them
	kept    int
	changed bool
}

func newBook(most int, self Address, allow func(Address) bool) book {
	return book{most: most, allow: allow, ours: []Address{self}, at: map[Address]*entry{}, told: map[string]int{}}
}

func (b *book) isSelf(a Address) bool { return slices.Contains(b.ours, a) }

func (b *book) allowed(a Address) bool { return b.allow == nil || b.allow(a) }

// isOurs takes down that this node has answered at the address.
func (b *book) isOurs(a Address) {
	b.forget(a)
	if len(b.ours) < maxOurs {
		b.ours = append(b.ours, a)
	}
}

func (b *book) restore(e Entry) {
	if a, err := ParseAddress(string(e.Address)); err != nil || a != e.Address {
		return
	}
	if n := b.put(e.Address, "", nil); n != nil {
		n.Entry = e
	}
}

func (b *book) keep(a Address) {
	if e := b.put(a, "", nil); e != nil && !e.kept && b.kept < maxKept {
		e.kept = true
		b.kept++
	}
}

// heard takes an address that somebody has told.
func (b *book) heard(a Address, source string, rng *rand.Rand) { b.put(a, source, rng) }

// put returns the entry of an address, a new one if there is room: for a random
// source that of another that was never connected.
func (b *book) put(a Address, source string, rng *rand.Rand) *entry {
	if e := b.at[a]; e != nil {
		return e
	}
	if b.isSelf(a) || !b.allowed(a) {
		return nil
	}
	if source != "" && b.told[source] >= perSource || len(b.entries) >= b.most && !b.evict(rng) {
		return nil
	}
	e := &entry{Entry: Entry{Address: a}, source: source, index: len(b.entries)}
	b.entries = append(b.entries, e)
	b.at[a] = e
	b.count(source, 1)
	b.changed = true
	return e
}

func (b *book) count(source string, n int) {
	if source == "" {
		return
	}
	if b.told[source] += n; b.told[source] == 0 {
		delete(b.told, source)
	}
}

// evict makes room, from a random place on.
func (b *book) evict(rng *rand.Rand) bool {
	from := 0
	if rng != nil {
		from = rng.IntN(len(b.entries))
	}
	for i := range b.entries {
		if e := b.entries[(from+i)%len(b.entries)]; !e.tried() && !e.kept {
			b.forget(e.Address)
			return true
		}
	}
	return false
}

// forget removes an address, unless it is to be kept.
func (b *book) forget(a Address) {
	e := b.at[a]
	if e == nil || e.kept {
		return
	}
	delete(b.at, a)
	last := b.entries[len(b.entries)-1]
	b.entries[e.index], last.index = last, e.index
	b.entries = b.entries[:len(b.entries)-1]
	b.count(e.source, -1)
	b.changed = true
}

func (b *book) connected(a Address, n NodeID, now time.Time) {
	e := b.put(a, "", nil)
	if e == nil {
		return
	}
	b.count(e.source, -1)
	e.source = ""
	e.Seen, e.Failures, e.Next, e.node = now, 0, time.Time{}, n
	b.changed = true
}

// same takes down that a node connected by another address is there.
func (b *book) same(a Address, n NodeID) {
	if e := b.at[a]; e != nil {
		e.node = n
	}
}

// failed puts an address off: by the time given, or by twice as long with each
// failure.
func (b *book) failed(a Address, now time.Time, wait time.Duration) {
	e := b.at[a]
	if e == nil {
		return
	}
	e.Failures++
	b.changed = true
	tries, longest := newTries, newBackoff
	if e.tried() {
		tries, longest = knownTries, knownBackoff
	}
	if e.kept {
		longest = knownBackoff
	} else if e.Failures >= tries {
		b.forget(a)
		return
	}
	backoff := longest
	if shift := e.Failures - 1; shift < 16 {
		backoff = min(longest, firstBackoff<<shift)
	}
	e.Next = now.Add(max(wait, backoff))
}

// pick returns an address to dial: one to be kept that has not failed before all
// others; then one to be kept, one that was connected before or one that was not,
// with equal odds, so that none of these can keep the others out. If none is due
// it returns when one will be.
func (b *book) pick(now time.Time, rng *rand.Rand, free func(*entry) bool) (a Address, next time.Time) {
	next = now.Add(time.Minute)
	var kept, tried, fresh []*entry
	for _, e := range b.entries {
		switch {
		case !free(e):
		case now.Before(e.Next):
			if e.Next.Before(next) {
				next = e.Next
			}
		case e.kept && e.Failures == 0:
			return e.Address, next
		case e.kept:
			kept = append(kept, e)
		case e.tried():
			tried = append(tried, e)
		default:
			fresh = append(fresh, e)
		}
	}
	due := slices.DeleteFunc([][]*entry{kept, tried, fresh}, func(kind []*entry) bool { return len(kind) == 0 })
	if len(due) == 0 {
		return "", next
	}
	from := due[rng.IntN(len(due))]
	return from[rng.IntN(len(from))].Address, next
}

// poor reports whether more addresses are worth asking for.
func (b *book) poor() bool { return len(b.entries) < poorBook }

// Book returns what is to be remembered of addresses, and whether anything has
// changed since the last call.
func (g *Gossip) Book() (entries []Entry, changed bool) {
	for _, e := range g.book.entries {
		entries = append(entries, e.Entry)
	}
	changed, g.book.changed = g.book.changed, false
	return entries, changed
}

// Known returns how many addresses are in the book.
func (g *Gossip) Known() int { return len(g.book.entries) }

// Addresses answers GetAddresses: the peers, and a random choice of nodes that
// were connected before.
func (g *Gossip) Addresses() Addresses {
	var known []Address
	for _, p := range g.peers {
		if p.up {
			known = append(known, p.address)
		}
	}
	var rest []Address
	for _, e := range g.book.entries {
		if e.tried() && e.Failures == 0 && g.byAddress[e.Address] == nil {
			rest = append(rest, e.Address)
		}
	}
	g.random.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	known = append(known, rest...)
	return Addresses{known[:min(len(known), MaxAddresses)]}
}

const (
	addressesEvery = 10 * time.Minute
	addressesSoon  = time.Minute // as long as this node lacks peers and knows few
)

// askAddresses asks a peer whom it knows, now and then: nodes that start at the
// same time have nobody to tell of at first.
func (g *Gossip) askAddresses(p *peer) {
	every := addressesEvery
	if g.outbound() < g.limits.Outbound && g.book.poor() {
		every = addressesSoon
	}
	if !p.askedFor.IsZero() && g.now.Sub(p.askedFor) < every {
		return
	}
	p.askedFor = g.now
	g.ask(p, GetAddresses{}, listTimeout, func(a Answer, err error) {
		list, err := as[Addresses](a, err)
		if err != nil {
			g.failed(p, err)
			return
		}
		g.onAddresses(p.address, list)
	})
}

// askStranger asks a node that is no peer.
func (g *Gossip) askStranger(at Address) {
	s := &send{id: g.newID()}
	s.done = func(a Answer, err error) {
		if list, err := as[Addresses](a, err); err == nil {
			g.onAddresses(at, list)
		}
	}
	g.sends[s.id] = s
	g.do(Send{ID: s.id, To: at, Request: GetAddresses{}, Timeout: listTimeout})
}

func (g *Gossip) onAddresses(from Address, list Addresses) {
	for _, text := range list.Addresses[:min(len(list.Addresses), MaxAddresses)] {
		// What is on the loopback here is not what it was there.
		if a, err := ParseAddress(string(text)); err == nil && a == text && (!a.isLoopback() || g.address.isLoopback()) {
			g.book.heard(a, from.Host(), g.random)
		}
	}
	g.nextDial = time.Time{}
}
