package gossip

import (
	"net/netip"
	"testing"
	"time"
)

// TestSharedFaultsFarApart checks that two faults of peers at one IP address ban it only if
// the second comes within the duration of a ban.
func TestSharedFaultsFarApart(t *testing.T) {
	ip := netip.MustParseAddr("10.0.0.9")
	for apart, want := range map[time.Duration]bool{0: true, time.Hour - 1: true, time.Hour: false, 2 * time.Hour: false} {
		b := newBans(time.Hour)
		b.addShared(start, ip)
		b.addShared(start.Add(apart), ip)
		if got := b.hasSource(start.Add(apart), ip); got != want {
			t.Errorf("the second fault comes %v after the first, and the address is banned: %v, want %v", apart, got, want)
		}
	}
}

// TestBanIsProlonged checks that a ban which is repeated ends an hour after the repetition.
func TestBanIsProlonged(t *testing.T) {
	b := newBans(time.Hour)
	b.addAddress(start, address(1))
	b.addAddress(start.Add(time.Minute), address(1))
	for after, want := range map[time.Duration]bool{0: true, time.Hour: true, time.Hour + time.Minute - 1: true, time.Hour + time.Minute: false} {
		if got := b.hasAddress(start.Add(after), address(1)); got != want {
			t.Errorf("after %v the address is banned: %v, want %v", after, got, want)
		}
	}
}

// TestBanPeer checks which addresses a ban of a peer covers, for each condition.
func TestBanPeer(t *testing.T) {
	at := func(s string) (ip netip.Addr) {
		if s != "" {
			ip = netip.MustParseAddr(s)
		}
		return ip
	}
	const name = "http://evil.example:8000"
	all := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "127.0.0.1"}
	for _, tc := range []struct {
		title  string
		p      peer
		answer string   // the IP address from which the answer came that has the fault
		want   []string // the IP addresses that are banned
	}{
		{"an IP address", peer{address: "http://10.0.0.1:80", phase: connected, from: at("10.0.0.1"), source: at("10.0.0.2")}, "", []string{"10.0.0.1"}},
		{"an IP address, not proven", peer{address: "http://10.0.0.1:80", phase: checking}, "", nil},
		{"an IP address that answers on this machine", peer{address: "http://10.0.0.1:80", phase: connected, from: at("127.0.0.1")}, "", nil},
		{"the loopback", peer{address: "http://127.0.0.1:80", phase: connected, from: at("10.0.0.1")}, "", nil},
		{"a name", peer{address: name, phase: connected, from: at("10.0.0.1"), source: at("10.0.0.2")}, "", []string{"10.0.0.1", "10.0.0.2"}},
		{"a name that nothing is known of", peer{address: name, phase: connected}, "", nil},
		{"a name of this machine", peer{address: name, phase: connected, from: at("127.0.0.1"), source: at("127.0.0.1")}, "", nil},
		{"a name with several addresses", peer{address: name, phase: connected, from: at("10.0.0.1"), source: at("10.0.0.2"), several: true}, "", []string{"10.0.0.2"}},
		{"a name with several addresses, one of which is at fault", peer{address: name, phase: connected, from: at("10.0.0.1"), source: at("10.0.0.2"), several: true}, "10.0.0.3", []string{"10.0.0.2", "10.0.0.3"}},
		{"a name that a client has named", peer{address: name, phase: connected, from: at("10.0.0.1"), source: at("10.0.0.2"), heard: true}, "", []string{"10.0.0.1"}},
		{"a name that came only", peer{address: name, phase: connected, source: at("10.0.0.2")}, "", []string{"10.0.0.2"}},
	} {
		h := newTestNode(t, 1, nil).g.host
		h.answeredBy = at(tc.answer)
		h.banPeer(&tc.p)
		if !h.bans.hasAddress(start, tc.p.address) {
			t.Errorf("%s: the address is not banned", tc.title)
		}
		banned := map[string]bool{}
		for _, ip := range tc.want {
			banned[ip] = true
		}
		for _, ip := range all {
			if got := h.bans.hasSource(start, at(ip)); got != banned[ip] {
				t.Errorf("%s: %s is banned: %v, want %v", tc.title, ip, got, banned[ip])
			}
		}
		if n := len(h.bans.until); n != 1+len(tc.want) {
			t.Errorf("%s: %d bans, want %d", tc.title, n, 1+len(tc.want))
		}
	}
}

// TestSharedSource checks for which other peers an IP address counts as shared.
func TestSharedSource(t *testing.T) {
	ip, other := netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("10.0.0.8")
	for name, tc := range map[string]struct {
		q    peer
		want bool
	}{
		"answers from there":             {peer{address: "http://q.example:80", phase: connected, from: ip}, true},
		"came from there":                {peer{address: "http://q.example:80", phase: connected, from: other, source: ip}, true},
		"is elsewhere":                   {peer{address: "http://q.example:80", phase: connected, from: other, source: other}, false},
		"answers from there, not proven": {peer{address: "http://q.example:80", phase: checking, from: ip, source: ip}, false},
	} {
		h := newTestNode(t, 1, nil).g.host
		p := &peer{address: "http://p.example:80", phase: connected, from: ip, source: ip}
		h.peers.add(p)
		h.peers.add(&tc.q)
		if got := h.sharesSource(p, ip); got != tc.want {
			t.Errorf("another peer %s: the address is shared: %v, want %v", name, got, tc.want)
		}
	}
}
