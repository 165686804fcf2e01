package gossip

import (
	"math/rand/v2"
	"slices"
	"time"
)

// This file is about the attempts to dial the addresses of the book: which address is
// next, and what the book remembers of the attempts that went well or failed.

const (
	newTries     = 5    // failures after which a new address is forgotten
	knownTries   = 1000 // failures after which a tried address is forgotten, which takes about four hours
	triedPart    = 4    // tried addresses take at most this part of the book: one fourth
	triedOfHost  = 16   // tried addresses of one host
	triedOfGroup = 64   // tried addresses of the hosts of one group
	maxAnchors   = 2
)

// pick returns an address to dial that is free: first an anchor that has not failed,
// then a kept one that has not; then one from each of the three tables, with equal
// odds, so that no kind can keep the others out. If no address is due it returns ""
// and when to try again.
func (b *book) pick(now time.Time, rng *rand.Rand, free func(*entry) bool) (a Address, next time.Time) {
	next = now.Add(b.timing.DialEvery)
	var first *entry
	var tables []*table
	var due [][]*entry
	for _, t := range []*table{b.kept, b.tried, b.news} {
		var of []*entry
		for _, e := range t.entries {
			switch {
			case !free(e):
			case now.Before(e.Next):
				if e.Next.Before(next) {
					next = e.Next
				}
			case e.Failures == 0 && (e.Anchor || e.kept && (first == nil || !first.Anchor)):
				first = e
			default:
				of = append(of, e)
			}
		}
		if len(of) > 0 {
			tables, due = append(tables, t), append(due, of)
		}
	}
	if first != nil {
		return first.Address, next
	}
	if len(due) == 0 {
		return "", next
	}
	i := rng.IntN(len(due))
	return tables[i].choose(due[i], rng).Address, next
}

// markSeen records that a node has been found at an address. If the node came to
// this one from a host, the address is new, and counts for that host.
func (b *book) markSeen(a Address, n NodeID, host string, now time.Time, rng *rand.Rand) {
	e := b.put(Entry{Address: a, Source: host}, rng)
	if e == nil {
		return
	}
	e.Seen, e.Failures, e.Next, e.node, e.alias = now, 0, time.Time{}, n, ""
	b.changed = true
}

// markTried records that this node has dialled an address by its own choice, and has
// found a node there. If there is no room for the address among the tried ones, it
// remains new, and markTried returns the tried address with which it competes. That one
// should be called, and is displaced if nobody answers.
func (b *book) markTried(a Address, rng *rand.Rand) (rival Address) {
	e := b.at[a]
	if e == nil || e.Tried {
		return ""
	}
	if e.kept {
		e.Tried, b.changed = true, true
		return ""
	}
	if b.hasRoomToTry(e) {
		e.Tried = true
		b.move(e, b.tried)
		return ""
	}
	host := hostKey(e.Address.Host())
	group := groupOf(host)
	old := b.tried.crowd(0, func(old *entry) bool {
		switch {
		case b.tried.hosts.count(host) >= triedOfHost:
			return old.host.key == host
		case b.tried.groups.count(group) >= triedOfGroup:
			return old.group.key == group
		}
		return true
	}, rng)
	if old == nil {
		return ""
	}
	return old.Address
}

// hasRoomToTry reports whether an entry can become a tried one.
func (b *book) hasRoomToTry(e *entry) bool {
	host := hostKey(e.Address.Host())
	return b.tried.hosts.count(host) < triedOfHost && b.tried.groups.count(groupOf(host)) < triedOfGroup &&
		len(b.tried.entries) < max(1, b.most/triedPart)
}

// replace makes the address that competed with a tried one take its place, because
// nobody answered at the latter any more.
func (b *book) replace(old, a Address) {
	if e := b.at[old]; e != nil && e.in == b.tried {
		b.forget(old)
	}
	if e := b.at[a]; e != nil && e.in == b.news && b.hasRoomToTry(e) {
		e.Tried = true
		b.move(e, b.tried)
	}
}

// setAnchors marks the addresses of the best peers. If there are fewer of them than
// maxAnchors, earlier ones remain, for they may be back soon.
func (b *book) setAnchors(best []Address) {
	left := maxAnchors - len(best)
	for _, e := range b.all() {
		anchor := slices.Contains(best, e.Address)
		if !anchor && e.Anchor && left > 0 {
			anchor = true
			left--
		}
		if e.Anchor != anchor {
			e.Anchor, b.changed = anchor, true
		}
	}
}

// setAlias records that the node at an address is connected by another address, its
// main one.
func (b *book) setAlias(a, main Address, n NodeID) {
	if e := b.at[a]; e != nil {
		e.node, e.alias = n, main
	}
}

// markNoNode records that something other than a node has answered at an address. If
// the address was never connected, it is forgotten if a client gave it, and left alone
// for a long time if another node did. Otherwise something may be in the way of the
// node for a while.
func (b *book) markNoNode(a Address, now time.Time) {
	e := b.at[a]
	switch {
	case e == nil:
	case !e.Seen.IsZero() || e.kept && !e.byHand:
		b.markFailed(a, now, 0)
	case e.byHand:
		e.kept = false
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
	if e.Tried {
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
