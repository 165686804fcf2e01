package gossip

import (
	"net/netip"
	"time"
)

// maxBans bounds the bans; the oldest makes room.
const maxBans = 4096

// bans are the addresses that are not dealt with until a time, and the IP
// addresses of nodes where those tell them from others. Node ids are not banned:
// everybody knows them, and whoever breaks the protocol in the name of another
// node would have that one banned.
type bans struct {
	duration time.Duration
	until    map[string]time.Time
	order    []string
}

func newBans(d time.Duration) bans { return bans{duration: d, until: map[string]time.Time{}} }

func (b *bans) add(now time.Time, p *peer) {
	until := now.Add(b.duration)
	b.put(string(p.address), until)
	if !p.up {
		return // anybody can name a web server on the machine of a node
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

func (b *bans) hasAddress(now time.Time, a Address) bool {
	return b.has(now, string(a)) || b.has(now, a.Host())
}

func (b *bans) hasSource(now time.Time, ip netip.Addr) bool {
	return ip.IsValid() && b.has(now, ip.Unmap().String())
}
