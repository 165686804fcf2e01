package gossip

import (
	"net/netip"
	"slices"
	"strings"
)

// Scope says in which part of the internet an IP address has its meaning. A public
// address means the same machine everywhere. An address of any other scope means a
// different machine in each network, or none. The text is for people.
type Scope string

// The scopes that are spoken of by name. The other ones are in the table of
// [ScopeOf].
const (
	Public    Scope = "public"
	Loopback  Scope = "loopback"
	LinkLocal Scope = "link-local"
	Multicast Scope = "multicast"
	NoMachine Scope = "unspecified or reserved"
)

// ScopeOf returns the scope of an IP address. Each range of private addresses is a
// scope of its own, since a machine in one of them is usually not in the others. An
// IPv6 address that leads to an IPv4 address is public only if that one is.
func ScopeOf(ip netip.Addr) Scope {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() {
		return NoMachine
	}
	if inner, ok := embedded(ip); ok {
		if ScopeOf(inner) == Public {
			return Public
		}
		return "in IPv6 for an IPv4 address that is not public"
	}
	for _, special := range specialRanges() {
		if special.prefix.Contains(ip) {
			return special.scope
		}
	}
	return Public
}

type specialRange struct {
	prefix netip.Prefix
	scope  Scope
}

// specialRanges returns the ranges that are not public, from the registries of
// special-purpose addresses of the IANA. The first one that contains an address
// decides.
func specialRanges() []specialRange {
	v4 := func(a, b, c byte, bits int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b, c}), bits)
	}
	v6 := func(bits int, words ...uint16) netip.Prefix {
		var a [16]byte
		for i, word := range words {
			a[2*i], a[2*i+1] = byte(word>>8), byte(word)
		}
		return netip.PrefixFrom(netip.AddrFrom16(a), bits)
	}
	return []specialRange{
		{v4(127, 0, 0, 8), Loopback},
		{v4(10, 0, 0, 8), "private (10.0.0.0/8)"},
		{v4(172, 16, 0, 12), "private (172.16.0.0/12)"},
		{v4(192, 168, 0, 16), "private (192.168.0.0/16)"},
		{v4(100, 64, 0, 10), "shared (100.64.0.0/10)"},
		{v4(169, 254, 0, 16), LinkLocal},
		{v4(224, 0, 0, 4), Multicast},
		{v4(0, 0, 0, 8), NoMachine},
		{v4(240, 0, 0, 4), NoMachine}, // with the broadcast address
		{v4(192, 0, 0, 24), "for protocols (192.0.0.0/24)"},
		{v4(192, 0, 2, 24), "for documentation (192.0.2.0/24)"},
		{v4(198, 51, 100, 24), "for documentation (198.51.100.0/24)"},
		{v4(203, 0, 113, 24), "for documentation (203.0.113.0/24)"},
		{v4(198, 18, 0, 15), "for benchmarks (198.18.0.0/15)"},
		{netip.PrefixFrom(netip.IPv6Loopback(), 128), Loopback},
		{v6(7, 0xfc00), "unique local (fc00::/7)"},
		{v6(10, 0xfe80), LinkLocal},
		{v6(8, 0xff00), Multicast},
		{v6(23, 0x2001), "for protocols (2001::/23)"},
		{v6(32, 0x2001, 0x0db8), "for documentation (2001:db8::/32)"},
		{v6(20, 0x3fff), "for documentation (3fff::/20)"},
		// Public IPv6 addresses lie in 2000::/3; these are the other seven eighths.
		{v6(3, 0), NoMachine}, {v6(2, 0x4000), NoMachine}, {v6(1, 0x8000), NoMachine},
	}
}

// embedded returns the IPv4 address to which a translator or a tunnel on the way
// would carry what is sent to an IPv6 address.
func embedded(ip netip.Addr) (inner netip.Addr, ok bool) {
	if !ip.Is6() {
		return netip.Addr{}, false
	}
	a := ip.As16()
	four := func(at int, flip byte) netip.Addr {
		return netip.AddrFrom4([4]byte{a[at] ^ flip, a[at+1] ^ flip, a[at+2] ^ flip, a[at+3] ^ flip})
	}
	begins := func(prefix ...byte) bool { return slices.Equal(a[:len(prefix)], prefix) }
	switch {
	case begins(0x20, 0x02): // 6to4
		return four(2, 0), true
	case begins(0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0): // NAT64
		return four(12, 0), true
	case begins(0x20, 0x01, 0, 0): // Teredo, which hides the address from translators on its way
		return four(12, 0xff), true
	}
	return netip.Addr{}, false
}

// Believable is the one rule for every address that a node has heard from others:
// in a greeting, in a list of addresses, in a file that an earlier process wrote, or
// from a client whom nobody has authorised. It reports whether a node whose own
// addresses are given may call the address. It may call every public address. An
// address of any other scope means a machine in the network of the node. Others could
// make the node call that machine in their stead, so the node may call it only if one
// of its own addresses has the same scope.
func Believable(own []netip.Addr, heard netip.Addr) bool {
	scope := ScopeOf(heard)
	return scope == Public || slices.ContainsFunc(own, func(ip netip.Addr) bool { return ScopeOf(ip) == scope })
}

// IP returns the IP address that is the host of an address. It reports false for a
// name, except for names of the loopback, which need no lookup.
func (a Address) IP() (netip.Addr, bool) { return hostIP(a.Host()) }

func hostIP(host string) (netip.Addr, bool) {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	ip, err := netip.ParseAddr(host)
	return ip, err == nil
}

// believes reports whether an address that was heard from the IP address from may be
// called, as [Believable] says. A node that does not know its own address believes in
// addition that a machine is where it calls from, unless that is the loopback, since
// a proxy on this machine calls from there. What a name stands for is not known here:
// [Send.Heard] has the name checked when it is resolved.
func believes(own []netip.Addr, a Address, from netip.Addr) bool {
	ip, ok := a.IP()
	if !ok || Believable(own, ip) {
		return true
	}
	return len(own) == 0 && ip == from.Unmap() && !ip.IsLoopback()
}

// hostKey returns the text by which a host is counted: its IP address as [SourceOf]
// has it, or its name.
func hostKey(host string) string {
	if ip, ok := hostIP(host); ok {
		return SourceOf(ip).String()
	}
	return host
}

// groupOf returns the part of the internet that a host is in: its /16 network, or the
// /32 network of an IPv6 address. Who has many addresses usually has them in few such
// networks. Names are all in one group, because the owner of a name can make any
// number of others.
func groupOf(host string) string {
	ip, ok := hostIP(host)
	if !ok {
		return "names"
	}
	ip = ip.Unmap()
	if inner, ok := embedded(ip); ok {
		ip = inner
	}
	bits := 32
	if ip.Is4() {
		bits = 16
	}
	return netip.PrefixFrom(ip.WithZone(""), bits).Masked().String()
}
