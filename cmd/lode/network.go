package main

import (
	"net/netip"
	"time"

	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/p2p"
)

// networkFlags say with whom a node connects, and what others can take of it.
type networkFlags struct {
	Peer        []gossip.Address `env:"LODE_PEER" placeholder:"URL" help:"Address of another node, http://host:port; may be repeated."`
	Advertise   gossip.Address   `env:"LODE_ADVERTISE" placeholder:"URL" help:"Where other nodes reach this one; by default where it listens."`
	AllowPeer   []netip.Prefix   `env:"LODE_ALLOW_PEER" placeholder:"CIDR" help:"Connect only with nodes whose IP address is in this range; may be repeated."`
	Token       string           `env:"LODE_TOKEN" placeholder:"WORD" help:"What a client has to send to mine or to connect nodes, as 'Authorization: Bearer WORD'."`
	Outbound    int              `env:"LODE_OUTBOUND" default:"8" placeholder:"N" help:"Most nodes to connect with by own choice (${default})."`
	Inbound     int              `env:"LODE_INBOUND" default:"64" placeholder:"N" help:"Most nodes that may connect with this one (${default})."`
	InboundEach int              `env:"LODE_INBOUND_EACH" default:"16" placeholder:"N" help:"Most of these from one IP address (${default}); this machine's own are not counted."`
	Addresses   int              `env:"LODE_ADDRESSES" default:"4096" placeholder:"N" help:"Most addresses of nodes to remember (${default})."`
	BanTime     time.Duration    `env:"LODE_BAN_TIME" default:"1h" placeholder:"TIME" help:"How long to have nothing to do with a node that broke the protocol (${default})."`

	PeerRequests    int     `env:"LODE_PEER_REQUESTS" default:"64" placeholder:"N" help:"Most requests of other nodes to answer at once (${default})."`
	PeerBodies      int     `env:"LODE_PEER_BODIES" default:"8" placeholder:"N" help:"Most of these that send blocks (${default})."`
	PeerRate        float64 `env:"LODE_PEER_RATE" default:"500" placeholder:"N" help:"Most requests a second from one IP address, of nodes (${default})."`
	PeerHellos      float64 `env:"LODE_PEER_HELLOS" default:"10" placeholder:"N" help:"Most of these that introduce a node (${default})."`
	Connections     int     `env:"LODE_CONNECTIONS" default:"1024" placeholder:"N" help:"Most connections of clients and nodes (${default})."`
	ConnectionsEach int     `env:"LODE_CONNECTIONS_EACH" default:"128" placeholder:"N" help:"Most of these from one IP address (${default}); this machine's own are not counted."`
}

func (f *networkFlags) set(c *node.Config) {
	c.Peers, c.Advertise, c.Allow, c.Token = f.Peer, f.Advertise, f.AllowPeer, f.Token
	c.Connections, c.ConnectionsEach = f.Connections, f.ConnectionsEach
	c.Network = p2p.Limits{
		Gossip:   gossip.Limits{Outbound: orNone(f.Outbound), Inbound: orNone(f.Inbound), InboundEach: f.InboundEach, Addresses: f.Addresses, BanTime: f.BanTime},
		Requests: f.PeerRequests, Bodies: f.PeerBodies, Rate: f.PeerRate, Hellos: f.PeerHellos,
	}
}

// orNone makes 0 mean none, where a zero in a config stands for the default.
func orNone(n int) int {
	if n == 0 {
		return -1
	}
	return n
}
