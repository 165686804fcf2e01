package node

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// lookupTimeout bounds the lookup of an advertised name when the node starts.
const lookupTimeout = 2 * time.Second

// location says where a node listens and where others reach it.
type location struct {
	listen  []netip.AddrPort // with the addresses of the interfaces in place of an unspecified one
	address gossip.Address   // that the node tells others
	own     []netip.Addr     // the IP addresses of address; empty: they are not known
}

// CheckAdvertise returns an error if no other node can call an address.
func CheckAdvertise(a gossip.Address) error {
	if a == "" {
		return nil
	}
	if parsed, err := gossip.ParseAddress(string(a)); err != nil || parsed != a {
		return fmt.Errorf("--advertise: %q is not an address of the form http://HOST:PORT", string(a))
	}
	ip, ok := a.IP()
	if !ok {
		return nil // a name
	}
	switch scope := gossip.ScopeOf(ip); scope {
	case gossip.NoMachine, gossip.Multicast, gossip.LinkLocal:
		return fmt.Errorf("--advertise %s: %s is %s, so other nodes cannot connect with it: give an address at which they reach this node", a, ip, scope)
	}
	return nil
}

// locate finds out where a node listens and where others reach it.
func locate(ctx context.Context, c Config, listen net.Addr) (location, error) {
	tcp, ok := listen.(*net.TCPAddr)
	if !ok {
		return location{}, fmt.Errorf("listen: %s is not a TCP address, so other nodes cannot reach it", listen)
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		c.Logger.Warn("the addresses of this machine cannot be listed", "err", err)
	}
	at := tcp.AddrPort()
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	l := location{listen: listening(at, interfaces), own: []netip.Addr{}}
	if l.address, err = advertised(c, listen); err != nil {
		return location{}, err
	}
	switch {
	case c.Advertise != "":
		l.own = lookUp(ctx, c.Logger, c.Advertise)
	case !at.Addr().IsUnspecified():
		l.own = []netip.Addr{at.Addr()}
	}
	return l, nil
}

// advertised returns the address at which other nodes reach this one.
func advertised(c Config, listen net.Addr) (gossip.Address, error) {
	if c.Advertise != "" {
		return c.Advertise, nil
	}
	tcp, ok := listen.(*net.TCPAddr)
	if !ok {
		return "", fmt.Errorf("listen: %s is not a TCP address, so other nodes cannot reach it", listen)
	}
	if !tcp.IP.IsUnspecified() {
		return gossip.ParseAddress("http://" + tcp.String())
	}
	if len(c.Peers) > 0 {
		return "", fmt.Errorf("listening on %s, which is not an address that peers can connect with: say with --advertise http://HOST:PORT where they reach this node", listen)
	}
	c.Logger.Warn("other nodes cannot connect with this one, because it does not know its address: say it with --advertise http://HOST:PORT", "listen", listen.String())
	return gossip.ParseAddress(fmt.Sprintf("http://127.0.0.1:%d", tcp.Port))
}

// lookUp returns the IP addresses of the advertised host. It returns an empty list, not
// nil, if there are none: the node then believes only in public addresses, and in those
// of nodes that call it.
func lookUp(ctx context.Context, log *slog.Logger, a gossip.Address) []netip.Addr {
	if ip, ok := a.IP(); ok {
		return []netip.Addr{ip}
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", a.Host())
	if err != nil {
		log.Warn("the name in --advertise cannot be looked up on this machine: until the node is started again, it connects with private addresses that others tell it only where they call from", "advertise", a, "err", err)
	}
	own := []netip.Addr{}
	for _, ip := range ips {
		own = append(own, ip.Unmap())
	}
	return own
}

// listening returns the addresses at which a listener is reached. An unspecified one
// stands for the addresses of all interfaces, and the one of IPv6 for those of IPv4 as
// well.
func listening(at netip.AddrPort, interfaces []net.Addr) []netip.AddrPort {
	if !at.Addr().IsUnspecified() {
		return []netip.AddrPort{at}
	}
	var all []netip.AddrPort
	for _, addr := range interfaces {
		prefix, err := netip.ParsePrefix(addr.String())
		if ip := prefix.Addr().Unmap(); err == nil && (ip.Is4() || at.Addr().Is6()) {
			all = append(all, netip.AddrPortFrom(ip, at.Port()))
		}
	}
	if len(all) == 0 {
		return []netip.AddrPort{at}
	}
	return all
}

// reach says in words from where the addresses can be called.
func (l location) reach() string {
	reach := "this machine only"
	for _, at := range l.listen {
		switch ip := at.Addr(); gossip.ScopeOf(ip) {
		case gossip.Loopback:
		case gossip.Public:
			return "everywhere"
		default:
			if ip.IsUnspecified() {
				return "everywhere"
			}
			reach = "this machine and its private networks"
		}
	}
	return reach
}

// say logs the addresses, so that the operator sees whether the node is private.
func (l location) say(log *slog.Logger) {
	texts := make([]string, len(l.listen))
	for i, at := range l.listen {
		texts[i] = at.String()
	}
	log.Info("listening", "on", strings.Join(texts, " "), "reachable_from", l.reach(), "tells_others", l.address)
}

// hosts returns the value of api.Config.Hosts: the advertised host for a node that
// listens on a loopback address, and nil for any other node.
func hosts(listen net.Addr, advertised gossip.Address) []string {
	if tcp, ok := listen.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return []string{advertised.Host()}
	}
	return nil
}
