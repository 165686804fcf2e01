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
type bans struct {
	duration time.Duration
	until    map[string]time.Time
	order    []string // the keys of until, the oldest first
}

func newBans(d time.Duration) bans { return bans{duration: d, until: map[string]time.Time{}} }

// add bans the address of a peer. Its IP address is banned as well if the peer is
// proven, because anybody can give the address of a web server on the machine of
// a node; and unless it is the loopback, which all programs of a machine share.
func (b *bans) add(now time.Time, p *peer) {
	until := now.Add(b.duration)
	b.put(string(p.address), until)
	if !p.phase.proven() {
		return
	}
	if ip, err := netip.ParseAddr(p.address.Host()); err == nil && !ip.IsLoopback() {
		b.put(ip.String(), until)
	}
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

// hasAddress reports whether an address or its host is banned.
func (b *bans) hasAddress(now time.Time, a Address) bool {
	return len(b.until) > 0 && (b.has(now, string(a)) || b.has(now, a.Host()))
}

// hasSource reports whether the IP address of a request is banned.
func (b *bans) hasSource(now time.Time, ip netip.Addr) bool {
	return len(b.until) > 0 && ip.IsValid() && b.has(now, ip.Unmap().String())
}
