package gossip

import (
	"net/netip"
	"time"
)

// maxBans bounds the bans; the oldest makes room.
const maxBans = 4096

// bans are the nodes that are not dealt with until a time: by node id, by
// address, and by the IP address if that tells it from others.
type bans struct {
	duration time.Duration
	until    map[string]time.Time
	order    []string
}

func newBans(d time.Duration) bans { return bans{duration: d, until: map[string]time.Time{}} }

func (b *bans) add(now time.Time, p *peer) {
	until := now.Add(b.duration)
	b.put(string(p.address), until)
	if p.node != (NodeID{}) {
		b.put(p.node.String(), until)
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

func (b *bans) hasNode(now time.Time, n NodeID) bool { return b.has(now, n.String()) }

func (b *bans) hasAddress(now time.Time, a Address) bool {
	return b.has(now, string(a)) || b.has(now, a.Host())
}

func (b *bans) hasSource(now time.Time, ip netip.Addr) bool {
	return ip.IsValid() && b.has(now, ip.Unmap().String())
}
