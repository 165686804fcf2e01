package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/node/gossip"
)

// peerFlags decide which nodes a node connects to and how they reach it.
type peerFlags struct {
	Advertise gossip.Address `env:"LODE_ADVERTISE" placeholder:"URL" help:"Address at which other nodes reach this one; by default the address that it listens on."`
	AllowPeer []ipRange      `env:"LODE_ALLOW_PEER" placeholder:"CIDR" help:"Connect only to nodes whose IP address is in this range; may be repeated."`
	Outbound  int            `env:"LODE_OUTBOUND" default:"8" placeholder:"N" help:"How many peers this node looks for and connects to by itself (${default}); 0 for none."`
	Inbound   int            `env:"LODE_INBOUND" default:"64" placeholder:"N" help:"Maximum number of peers that connect to this node by themselves (${default}); 0 for none."`
	Addresses int            `env:"LODE_ADDRESSES" default:"4096" placeholder:"N" help:"Maximum number of node addresses to remember (${default})."`
	BanTime   time.Duration  `env:"LODE_BAN_TIME" default:"1h" placeholder:"TIME" help:"How long to refuse a node that broke the protocol (${default})."`
}

func (f *peerFlags) setIn(c *node.Config) {
	c.Advertise = f.Advertise
	for _, allowed := range f.AllowPeer {
		c.Allow = append(c.Allow, netip.Prefix(allowed))
	}
	limits := &c.Network.Gossip
	limits.Outbound, limits.Inbound = orNone(f.Outbound), orNone(f.Inbound)
	limits.Addresses, limits.BanTime = f.Addresses, f.BanTime
}

// ipRange is a range of IP addresses as a user types it.
type ipRange netip.Prefix

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *ipRange) UnmarshalText(text []byte) error {
	parsed, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q: want a range of IP addresses, such as 10.0.0.0/8 or fd00::/8, or 192.0.2.1/32 for a single one", text)
	}
	*r = ipRange(parsed)
	return nil
}

// limitFlags bound the memory, connections and requests that clients and other
// nodes can occupy. docs/network.md lists every limit with its reason.
type limitFlags struct {
	PoolTxs         int     `env:"LODE_POOL_TXS" default:"65536" placeholder:"N" help:"Maximum number of pending transactions (${default})."`
	PoolBytes       int     `env:"LODE_POOL_BYTES" default:"67108864" placeholder:"N" help:"Maximum size of all pending transactions together, in bytes (${default})."`
	Connections     int     `env:"LODE_CONNECTIONS" default:"1024" placeholder:"N" help:"Maximum number of open connections, from clients and nodes together (${default})."`
	ConnectionsEach int     `env:"LODE_CONNECTIONS_EACH" default:"128" placeholder:"N" help:"Maximum number of open connections from one IP address (${default}); this machine's own addresses do not count."`
	InboundEach     int     `env:"LODE_INBOUND_EACH" default:"16" placeholder:"N" help:"Maximum number of inbound peers from one IP address (${default}); this machine's own addresses do not count."`
	PeerRequests    int     `env:"LODE_PEER_REQUESTS" default:"64" placeholder:"N" help:"Maximum number of requests from other nodes to serve at once (${default})."`
	PeerBodies      int     `env:"LODE_PEER_BODIES" default:"8" placeholder:"N" help:"Maximum number of answers with blocks to send to other nodes at once (${default})."`
	PeerRate        float64 `env:"LODE_PEER_RATE" default:"500" placeholder:"N" help:"Maximum number of requests per second from the nodes at one IP address (${default})."`
	PeerHellos      float64 `env:"LODE_PEER_HELLOS" default:"10" placeholder:"N" help:"Maximum number of hellos per second from one IP address (${default}); with a hello a node introduces itself."`
}

func (f *limitFlags) setIn(c *node.Config) {
	c.PoolTxs, c.PoolBytes = f.PoolTxs, f.PoolBytes
	c.Connections, c.ConnectionsEach = f.Connections, f.ConnectionsEach
	limits := &c.Network
	limits.Requests, limits.Bodies, limits.Rate, limits.Hellos = f.PeerRequests, f.PeerBodies, f.PeerRate, f.PeerHellos
	limits.Gossip.InboundEach = f.InboundEach
}

// check returns an error if the value of a flag would leave the node without peers
// or without memory of them, where the flag does not say so.
func (f *peerFlags) check() error {
	if f.BanTime <= 0 {
		return flagError("--ban-time", f.BanTime, "a time longer than 0, such as 1h")
	}
	return errors.Join(
		atLeast("--outbound", f.Outbound, 0),
		atLeast("--inbound", f.Inbound, 0),
		atLeast("--addresses", f.Addresses, 1),
	)
}

// check returns an error if the value of a flag would make the node
// refuse every connection, request or transaction.
func (f *limitFlags) check() error {
	return errors.Join(
		atLeast("--pool-txs", f.PoolTxs, 1),
		atLeast("--pool-bytes", f.PoolBytes, block.MaxTxSize),
		atLeast("--connections", f.Connections, 1),
		atLeast("--connections-each", f.ConnectionsEach, 1),
		atLeast("--inbound-each", f.InboundEach, 1),
		atLeast("--peer-requests", f.PeerRequests, 1),
		atLeast("--peer-bodies", f.PeerBodies, 1),
		isRate("--peer-rate", f.PeerRate),
		isRate("--peer-hellos", f.PeerHellos),
	)
}

func atLeast(flag string, n, least int) error {
	if n < least {
		return flagError(flag, n, fmt.Sprintf("%d or more", least))
	}
	return nil
}

func isRate(flag string, r float64) error {
	if !(r >= 0.001 && r <= 1e9) { // written like this because every comparison with NaN is false
		return flagError(flag, r, "0.001 to 1000000000 a second")
	}
	return nil
}

func isDifficulty(flag string, d float64) error {
	if !(d > 0) || math.IsInf(d, 1) {
		return flagError(flag, d, "a number greater than 0")
	}
	return nil
}

func isPositive(flag string, d time.Duration) error {
	if d <= 0 {
		return flagError(flag, d, "a time longer than 0, such as 5s")
	}
	return nil
}

func flagError(flag string, value any, want string) error {
	return fmt.Errorf("%s=%v: want %s", flag, value, want)
}

// orNone returns the value that means "none" in a config, -1, if the user asked
// for 0: a 0 in a config selects the default.
func orNone(n int) int {
	if n == 0 {
		return -1
	}
	return n
}
