package node

import (
	"fmt"
	"net"

	"github.com/lodepow/lode/node/gossip"
)

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

// hosts returns the value of api.Config.Hosts: the advertised host for a node that
// listens on a loopback address, and nil for any other node.
func hosts(listen net.Addr, advertised gossip.Address) []string {
	if tcp, ok := listen.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return []string{advertised.Host()}
	}
	return nil
}
