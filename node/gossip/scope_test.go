package gossip

import (
	"net/netip"
	"testing"
)

func TestScopeOf(t *testing.T) {
	const (
		ten        Scope = "private (10.0.0.0/8)"
		unique     Scope = "unique local (fc00::/7)"
		translated Scope = "in IPv6 for an IPv4 address that is not public"
	)
	for text, want := range map[string]Scope{
		"8.8.8.8": Public, "9.255.255.255": Public, "11.0.0.0": Public, "172.15.255.255": Public, "172.32.0.0": Public,
		"100.63.255.255": Public, "100.128.0.0": Public, "192.167.255.255": Public, "223.255.255.255": Public, "1.0.0.0": Public,
		"2606:4700::1": Public, "2a00::1": Public, "::ffff:8.8.8.8": Public,
		"127.0.0.1": Loopback, "127.255.255.254": Loopback, "::1": Loopback, "::ffff:127.0.0.1": Loopback,
		"10.0.0.0": ten, "10.255.255.255": ten, "::ffff:10.1.2.3": ten,
		"172.16.0.0": "private (172.16.0.0/12)", "172.31.255.255": "private (172.16.0.0/12)",
		"192.168.0.0": "private (192.168.0.0/16)", "192.168.255.255": "private (192.168.0.0/16)",
		"100.64.0.0": "shared (100.64.0.0/10)", "100.127.255.255": "shared (100.64.0.0/10)",
		"fc00::": unique, "fdff::1": unique,
		"169.254.169.254": LinkLocal, "fe80::1": LinkLocal, "fe80::1%eth0": LinkLocal, "febf::1": LinkLocal,
		"224.0.0.1": Multicast, "239.255.255.255": Multicast, "ff02::1": Multicast,
		"0.0.0.0": NoMachine, "0.1.2.3": NoMachine, "240.0.0.1": NoMachine, "255.255.255.255": NoMachine,
		"::": NoMachine, "::2": NoMachine, "::10.0.0.1": NoMachine, "100::1": NoMachine, "fec0::1": NoMachine, "4000::1": NoMachine, "8000::1": NoMachine,
		"64:ff9b:1::1": NoMachine, "192.0.0.8": "for protocols (192.0.0.0/24)", "2001:2::1": "for protocols (2001::/23)",
		"192.0.2.1": "for documentation (192.0.2.0/24)", "198.51.100.9": "for documentation (198.51.100.0/24)", "203.0.113.9": "for documentation (203.0.113.0/24)",
		"2001:db8::1": "for documentation (2001:db8::/32)", "3fff:fff::1": "for documentation (3fff::/20)", "198.19.0.1": "for benchmarks (198.18.0.0/15)",
		"2002:0808:0808::1": Public, "64:ff9b::8.8.8.8": Public, "2001::f7f7:f7f7": Public,
		"2002:7f00:0001::1": translated, "2002:0a00:0001::": translated, "64:ff9b::10.0.0.1": translated, "64:ff9b::7f00:1": translated,
		"2001:0:4136:e378:8000:63bf:f5ff:fffe": translated, // Teredo of 10.0.0.1
	} {
		if got := ScopeOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if got := ScopeOf(netip.Addr{}); got != NoMachine {
		t.Errorf("no address is %s", got)
	}
}

func TestBelieves(t *testing.T) {
	for _, test := range []struct {
		own, from string // "": not known
		heard     Address
		want      bool
	}{
		{"8.8.8.8", "9.9.9.9", "http://9.9.9.9:80", true},
		{"8.8.8.8", "9.9.9.9", "http://name:80", true}, // its IP address is checked later
		{"8.8.8.8", "9.9.9.9", "http://127.0.0.1:6379", false},
		{"8.8.8.8", "127.0.0.1", "http://127.0.0.1:6379", false}, // a proxy may have passed it on
		{"8.8.8.8", "9.9.9.9", "http://localhost:6379", false},
		{"8.8.8.8", "9.9.9.9", "http://x.localhost:6379", false},
		{"8.8.8.8", "10.0.0.1", "http://10.0.0.1:80", false},
		{"10.0.0.9", "9.9.9.9", "http://10.0.0.1:80", true},
		{"10.0.0.9", "10.0.0.1", "http://192.168.0.1:80", false},
		{"10.0.0.9", "10.0.0.1", "http://172.16.0.1:80", false},
		{"10.0.0.9", "10.0.0.1", "http://127.0.0.1:80", false},
		{"10.0.0.9", "10.0.0.1", "http://[64:ff9b::a00:1]:80", false},
		{"10.0.0.9", "10.0.0.1", "http://9.9.9.9:80", true},
		{"fd00::9", "fd00::1", "http://[fd12::1]:80", true},
		{"fd00::9", "fd00::1", "http://[::1]:80", false},
		{"127.0.0.1", "127.0.0.1", "http://127.0.0.1:80", true},
		{"127.0.0.1", "127.0.0.1", "http://[::1]:80", true},
		{"127.0.0.1", "127.0.0.1", "http://10.0.0.1:80", false},
		{"", "10.0.0.1", "http://10.0.0.1:80", true}, // where it calls from
		{"", "10.0.0.1", "http://10.0.0.2:80", false},
		{"", "::ffff:10.0.0.1", "http://10.0.0.1:80", true},
		{"", "", "http://10.0.0.1:80", false},
		{"", "127.0.0.1", "http://127.0.0.1:80", false},
		{"", "9.9.9.9", "http://8.8.8.8:80", true},
	} {
		var own []netip.Addr
		var from netip.Addr
		if test.own != "" {
			own = append(own, netip.MustParseAddr(test.own))
		}
		if test.from != "" {
			from = netip.MustParseAddr(test.from)
		}
		if got := believes(own, test.heard, from); got != test.want {
			t.Errorf("a node at %q believes %s from %q: %v, want %v", test.own, test.heard, test.from, got, test.want)
		}
	}
}

func TestGroupOf(t *testing.T) {
	for host, want := range map[string]string{
		"10.1.2.3": "10.1.0.0/16", "10.1.255.3": "10.1.0.0/16", "127.0.0.1": "127.0.0.0/16", "localhost": "127.0.0.0/16",
		"2a00:1:2::3": "2a00:1::/32", "::ffff:10.1.2.3": "10.1.0.0/16", "2002:0801:0203::": "8.1.0.0/16", "64:ff9b::8.1.2.3": "8.1.0.0/16",
		"a.example": "names", "b.example": "names", "": "names",
	} {
		if got := groupOf(host); got != want {
			t.Errorf("%q is in the group %s, want %s", host, got, want)
		}
	}
}
