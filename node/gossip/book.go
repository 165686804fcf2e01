package gossip

import (
	"math/rand/v2"
	"slices"
	"time"
)

const (
	newTries   = 5    // failures after which an address that was never connected is forgotten
	knownTries = 1000 // failures after which any address is forgotten, which takes about four hours
	perSource  = 64   // addresses that came from one peer and were never connected
	maxKept    = 256
	maxOurs    = 64
	poorBook   = 32 // number of addresses below which the node asks its peers for more
)

// Entry is an address in the address book.
type Entry struct {
	Address  Address   `json:"address"`
	Seen     time.Time `json:"seen,omitzero"`      // when it last became connected; zero: never
	Failures int       `json:"failures,omitempty"` // since then
	Next     time.Time `json:"next,omitzero"`      // the earliest time of the next attempt
}

// entry is an Entry with what is not saved.
type entry struct {
	Entry
	kept   bool   // the node always tries to be connected with it, and never forgets it
	source string // the host that has sent the address; "": the address was connected, or comes from a client or a file
	index  int    // among the entries
	node   NodeID // the node that was found there last

	// alias is the address by which that node was connected already, and which it
	// gives as its own; "" if there was none.
	alias Address

	// byHand says that a client has asked for the address, and that no flag gave it.
	byHand bool
}

// tried reports whether the address was ever connected.
func (e *entry) tried() bool { return !e.Seen.IsZero() }

// book is the address book. Addresses that were never connected cannot push out
// others, and each peer can add only a few.
type book struct {
	most    int                // entries at most
	allow   func(Address) bool // nil: every address is allowed
	timing  Timing
	ours    []Address // by which this node itself can be reached
	entries []*entry
	at      map[Address]*entry
	told    map[string]int // entries by source, without those whose source is ""
	kept    int            // entries that are kept
	changed bool           // since the book was last saved
}

func newBook(c Config) book {
	b := book{
		most: c.Limits.Addresses, allow: c.Allow, timing: c.Timing,
		ours: []Address{c.Address}, at: map[Address]*entry{}, told: map[string]int{},
	}
	for _, e := range c.Book {
		b.restore(e)
	}
	for _, a := range c.Peers {
		b.keep(a)
	}
	return b
}

// isSelf reports whether this node itself listens at an address.
func (b *book) isSelf(a Address) bool { return slices.Contains(b.ours, a) }

// allowed reports whether this node may connect with an address.
func (b *book) allowed(a Address) bool { return b.allow == nil || b.allow(a) }

// addOurs records that this node itself has answered at an address. The address is
// no longer dialled.
func (b *book) addOurs(a Address) {
	b.forget(a)
	if len(b.ours) < maxOurs {
		b.ours = append(b.ours, a)
	}
}

// restore adds an entry that was saved. One that is not valid is left out.
func (b *book) restore(e Entry) {
	if a, err := ParseAddress(string(e.Address)); err != nil || a != e.Address {
		return
	}
	if n := b.put(e.Address, "", nil); n != nil {
		n.Entry = e
	}
}

// keep adds an address with which the node always tries to be connected.
func (b *book) keep(a Address) {
	if e := b.put(a, "", nil); e != nil && !e.kept && b.kept < maxKept {
		e.kept = true
		b.kept++
	}
}

// learn adds an address that the host source has sent.
func (b *book) learn(a Address, source string, rng *rand.Rand) { b.put(a, source, rng) }

// put returns the entry of an address, and adds one if there is none. In a full
// book it replaces an entry that was never connected: a random one if rng is not
// nil. It returns nil if there is no room, or the address is not allowed.
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

// count adds n to the number of entries of a source.
func (b *book) count(source string, n int) {
	if source == "" {
		return
	}
	if b.told[source] += n; b.told[source] == 0 {
		delete(b.told, source)
	}
}

// evict forgets an entry that was never connected, if there is one. It looks for
// it from a random place on.
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

// forget removes the entry of an address, unless it is kept.
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

// markConnected records that a node has been found at an address.
func (b *book) markConnected(a Address, n NodeID, now time.Time) {
	e := b.put(a, "", nil)
	if e == nil {
		return
	}
	b.count(e.source, -1)
	e.source = ""
	e.Seen, e.Failures, e.Next, e.node, e.alias = now, 0, time.Time{}, n, ""
	b.changed = true
}

// setAlias records that the node at an address is connected by another address, its
// main one.
func (b *book) setAlias(a, main Address, n NodeID) {
	if e := b.at[a]; e != nil {
		e.node, e.alias = n, main
	}
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

// markNoNode records that something other than a node has answered at an address. If
// the address was never connected, it is forgotten if a client gave it, and left alone
// for a long time if another node did. Otherwise something may be in the way of the
// node for a while.
func (b *book) markNoNode(a Address, now time.Time) {
	e := b.at[a]
	switch {
	case e == nil:
	case e.tried() || e.kept && !e.byHand:
		b.markFailed(a, now, 0)
	case e.byHand:
		if e.kept {
			e.kept = false
			b.kept--
		}
		b.forget(a)
	default:
		b.markFailed(a, now, b.timing.OtherNetwork)
	}
}

// markFailed records that an address has failed. The address is left alone for some
// time, which doubles with each failure and is at least wait. After too many failures
// it is forgotten.
func (b *book) markFailed(a Address, now time.Time, wait time.Duration) {
	e := b.at[a]
	if e == nil {
		return
	}
	e.Failures++
	b.changed = true
	tries, longest := newTries, b.timing.NewBackoff
	if e.tried() {
		tries, longest = knownTries, b.timing.KnownBackoff
	}
	if e.kept {
		longest = b.timing.KnownBackoff
	} else if e.Failures >= tries {
		b.forget(a)
		return
	}
	backoff := longest
	if shift := e.Failures - 1; shift < 16 {
		backoff = min(longest, b.timing.FirstBackoff<<shift)
	}
	e.Next = now.Add(max(wait, backoff))
}

// pick returns an address to dial that is free: first a kept one that has not
// failed; then a kept one, one that was connected before, or one that was not,
// with equal odds, so that no kind can keep the others out. If no address is due
// it returns "" and when to try again.
func (b *book) pick(now time.Time, rng *rand.Rand, free func(*entry) bool) (a Address, next time.Time) {
	next = now.Add(b.timing.DialEvery)
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

// poor reports whether the book has so few addresses that more are asked for.
func (b *book) poor() bool { return len(b.entries) < poorBook }
