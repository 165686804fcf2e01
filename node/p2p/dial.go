package p2p

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// guard decides with which IP addresses the node connects.
type guard struct {
	allow []netip.Prefix // nil: all addresses that check does not refuse
	own   []netip.Addr   // of this node
}

// heardKey is the key of a value of a request's context. It is there if the name to
// which the request goes was heard from others: see checkHeard.
type heardKey struct{}

// checkHeard returns an error if others have told this node a name that stands for an
// IP address that the node would not have believed from them.
func (g guard) checkHeard(ctx context.Context, ip netip.Addr) error {
	if ctx.Value(heardKey{}) == nil || gossip.Believable(g.own, ip) {
		return nil
	}
	return fmt.Errorf("%s is %s, and this node's own address is not", ip, gossip.ScopeOf(ip))
}

// check returns an error if the node must not connect with an address. Apart from
// those that allow leaves out, it refuses addresses that are not a single machine's
// and link-local ones: the latter include a cloud's metadata service, which a peer
// could make this node call.
func (g guard) check(ip netip.Addr) error {
	ip = ip.Unmap()
	switch {
	case !ip.IsValid() || ip.IsUnspecified():
		return fmt.Errorf("%s is no machine's address", ip)
	case ip.IsLinkLocalUnicast():
		return fmt.Errorf("%s is link-local", ip)
	case ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Errorf("%s is a multicast address", ip)
	}
	for _, prefix := range g.allow {
		if prefix.Contains(ip) {
			return nil
		}
	}
	if g.allow != nil {
		return fmt.Errorf("%s is not among the addresses that this node may connect with", ip)
	}
	return nil
}

// allows reports whether check permits an address, if its host is an IP address.
// It permits all names, since control checks what they resolve to.
func (g guard) allows(a gossip.Address) bool {
	ip, err := netip.ParseAddr(a.Host())
	return err != nil || g.check(ip) == nil
}

// control is for [net.Dialer.ControlContext]. It checks the IP address that a
// connection goes to, after the name has been resolved.
func (g guard) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	if err := g.check(to.Addr()); err != nil {
		return err
	}
	return g.checkHeard(ctx, to.Addr())
}

// Bounds of connections to other nodes.
const (
	dialTimeout   = 5 * time.Second
	maxIdleConns  = 128
	maxHostConns  = 4 // to one peer
	idleTimeout   = 90 * time.Second
	maxHeaderSize = 16 << 10 // of an answer
)

// newTransport returns a transport for HTTP/1.1 without compression. It ignores
// the proxies that the environment names.
func newTransport(g guard) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, ControlContext: g.control}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		DisableCompression:     true,
		MaxIdleConns:           maxIdleConns,
		MaxIdleConnsPerHost:    maxHostConns,
		MaxConnsPerHost:        maxHostConns,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderSize,
		Protocols:              &protocols,
	}
}
