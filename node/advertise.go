package node

import (
	"fmt"
	"net"

	"github.com/lodepow/lode/node/gossip"
)

// advertised returns the address by which other nodes are to reach this one.
func advertised(c Config, listen net.Addr) (gossip.Address, error) {
	if c.Advertise != "" {
		return c.Advertise, nil
	}
	tcp, ok := listen.(*net.TCPAddr)
	if !ok {
		return "", fmt.Errorf("listen: %s is not an address that other nodes can reach", listen)
	}
	if !tcp.IP.IsUnspecified() {
		return gossip.ParseAddress("http://" + tcp.String())
	}
	if len(c.Peers) > 0 {
		return "", fmt.Errorf("listening on %s, which is no address to tell the peers: say with --advertise http://HOST:PORT where they reach this node", listen)
	}
	c.Logger.Warn("other nodes cannot be told where this one is: say it with --advertise http://HOST:PORT", "listen", listen.String())
	return gossip.ParseAddress(fmt.Sprintf("http://127.0.0.1:%d", tcp.Port))
}

// hosts returns the names that clients may call a node that listens on its own
// machine alone, and nil for any other.
func hosts(listen net.Addr, advertised gossip.Address) []string {
	if tcp, ok := listen.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return []string{advertised.Host()}
	}
	return nil
}
