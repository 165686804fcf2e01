package gossip

import (
	"net/netip"
	"time"
)

// maxBans bounds the bans. The oldest makes room for a new one.
const maxBans = 4096

// bans are the addresses, and the IP addresses, that this node does not deal with
// for some time. Node ids are not banned: they are public, so a node could break
// the protocol in the name of another one and have it banned.
//
// IP addresses are banned as SourceOf counts them, so that the ban of an IPv6
// address covers its /64 network, from which one host can choose its addresses.
type bans struct {
	duration time.Duration
	until    map[string]time.Time
	order    []string // the keys of until, the oldest first
}

func newBans(d time.Duration) bans { return bans{duration: d, until: map[string]time.Time{}} }

// addAddress bans the address of a peer.
func (b *bans) addAddress(now time.Time, a Address) { b.put(string(a), now.Add(b.duration)) }

// addSource bans an IP address.
func (b *bans) addSource(now time.Time, ip netip.Addr) {
	b.put(SourceOf(ip).String(), now.Add(b.duration))
}

// addShared bans an IP address at which several peers answer, such as that of a
// proxy, when it is called a second time within the duration of a ban. Until then
// the fault may be that of one peer among many, and the others are not to blame.
func (b *bans) addShared(now time.Time, ip netip.Addr) {
	key := "shared " + SourceOf(ip).String()
	if b.has(now, key) {
		b.addSource(now, ip)
		return
	}
	b.put(key, now.Add(b.duration))
}

func (b *bans) put(key string, until time.Time) {
	if _, ok := b.until[key]; !ok {
		if len(b.order) >= maxBans {
			delete(b.until, b.order[0])
			b.order = b.order[1:]
		}
		b.order = append(b.order, key)
	}
	b.until[key] = until
}

func (b *bans) has(now time.Time, key string) bool {
	until, ok := b.until[key]
	return ok && now.Before(until)
}

// hasAddress reports whether an address or its IP address is banned.
func (b *bans) hasAddress(now time.Time, a Address) bool {
	if len(b.until) == 0 {
		return false
	}
	if b.has(now, string(a)) {
		return true
	}
	ip, err := netip.ParseAddr(a.Host())
	return err == nil && b.hasSource(now, ip)
}

// hasSource reports whether the IP address of a request or an answer is banned.
func (b *bans) hasSource(now time.Time, ip netip.Addr) bool {
	return len(b.until) > 0 && ip.IsValid() && b.has(now, SourceOf(ip).String())
}

// banPeer bans the address of a peer, and the IP addresses that are the peer's for
// certain.
//
// If the peer is not proven, its address alone is banned, because anybody can give
// the address of a web server on the machine of a node. The loopback is never
// banned, because all programs of this machine share it.
func (h *host) banPeer(p *peer) {
	h.bans.addAddress(h.now, p.address)
	if !p.phase.proven() {
		return
	}
	if ip, err := netip.ParseAddr(p.address.Host()); err == nil {
		if !ip.IsLoopback() && !p.from.IsLoopback() {
			h.bans.addSource(h.now, ip)
		}
		return
	}
	// The address is a name, which may come to mean another machine. Whose answer is
	// at fault is certain if the fault was found in the answer itself, or if all
	// answers came from one IP address.
	from := p.from
	if h.answeredBy.IsValid() {
		from = h.answeredBy
	} else if p.several {
		from = netip.Addr{}
	}
	came := p.source
	if p.heard { // the client who named the peer is not to blame
		came = netip.Addr{}
	}
	for i, ip := range []netip.Addr{from, came} {
		switch {
		case !ip.IsValid() || ip.IsLoopback() || i > 0 && from.IsValid() && SourceOf(from) == SourceOf(ip):
		case h.sharesSource(p, ip):
			h.bans.addShared(h.now, ip)
		default:
			h.bans.addSource(h.now, ip)
		}
	}
}

// sharesSource reports whether another proven peer answers from, or came from, an IP
// address too.
func (h *host) sharesSource(p *peer, ip netip.Addr) bool {
	source := SourceOf(ip)
	for _, q := range h.peers.all {
		if q != p && q.phase.proven() && (q.answersFrom(source) || q.source == source) {
			return true
		}
	}
	return false
}
