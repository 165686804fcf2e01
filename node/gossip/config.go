package gossip

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/lodepow/lode/node/internal/bounds"
)

// Config configures a [Gossip]. Chain, Random, Node and Address are required.
type Config struct {
	Chain   Chain
	Random  *rand.Rand
	Node    NodeID
	Address Address            // where other nodes reach this node
	Own     []netip.Addr       // its IP addresses; nil: the host of Address, if that is one; empty: not known
	Peers   []Address          // nodes to stay connected with
	Book    []Entry            // the address book as an earlier process left it
	Allow   func(Address) bool // reports whether this node may connect with an address; nil: with any
	Limits  Limits

	// Clock converts the time of a step into what the machine's clock shows then; nil:
	// they are the same. A simulation sets it, because its times have no monotonic
	// reading and its clocks are set while nodes run.
	Clock func(now time.Time) time.Time

	Timing
}

// Limits bound what peers can take from this node. A field that is zero has its
// default.
type Limits struct {
	Outbound    int           // peers of this node's choice; default 8; negative: none
	Inbound     int           // peers that came to this node; default 64; negative: none
	InboundEach int           // of those, peers from one IP address, unless it is this machine's; default 16
	Addresses   int           // addresses in the address book; default 4096
	BanTime     time.Duration // default one hour
}

// Validate returns an error if a limit has a value that no node could work with.
func (l Limits) Validate() error { return bounds.Check("gossip.Limits", l, "Outbound", "Inbound") }

func (l Limits) withDefaults() Limits {
	l.Outbound = cmp.Or(l.Outbound, 8)
	l.Inbound = cmp.Or(l.Inbound, 64)
	l.InboundEach = cmp.Or(l.InboundEach, 16)
	l.Addresses = cmp.Or(l.Addresses, 4096)
	l.BanTime = cmp.Or(l.BanTime, time.Hour)
	return l
}

// Timing holds the timeouts and intervals. A field that is zero has its default,
// which docs/network.md lists.
type Timing struct {
	// How long a peer may take to answer a request.
	HelloTimeout        time.Duration
	AnnounceTimeout     time.Duration
	FirstHeadersTimeout time.Duration // to a request for headers; each time that a peer was too slow, it gets this much more time in the next sync
	HeadersTimeout      time.Duration // to a request for headers, at most
	BlocksTimeout       time.Duration
	TxsTimeout          time.Duration
	ListTimeout         time.Duration // to a list of ids or addresses

	// Greetings and connections.
	HelloEvery   time.Duration // between two hellos to a peer, give or take a quarter
	HelloRetry   time.Duration // from a hello that was not answered to the next one
	HelloLeast   time.Duration // between two hellos to a peer, except once for each Connect that waits; also how long an answer counts that says that this node is listed
	ConnectWait  time.Duration // for both nodes of a Connect to know each other; shorter than package api waits, so that a client is told what was found
	OtherNetwork time.Duration // before a node of another network or version is dialled again
	DialEvery    time.Duration // between two looks for nodes to dial while none can be dialled
	FullRetry    time.Duration // how long a guest is told to wait when there is no room for another peer
	BusyRetry    time.Duration // how long a guest is told to wait when too many guests are being checked
	SlowDial     time.Duration // after which another address is dialled beside one that has not answered, while no peer of this node's choice has answered

	// The address book: how long an address is left alone after it has failed.
	FirstBackoff time.Duration // after the first failure; the time doubles with each further failure
	KnownBackoff time.Duration // at most, for a tried or kept address
	NewBackoff   time.Duration // at most, for a new address

	// Announcements, addresses and mempools.
	AnnounceRetry  time.Duration // from an announcement that failed to the next one
	AddressesEvery time.Duration // between two requests for a peer's addresses
	AddressesSoon  time.Duration // the same while this node has too few peers and knows few addresses
	PoolEvery      time.Duration // between two comparisons of mempools, each with a random peer
	PoolFullWait   time.Duration // until transactions are requested again after the mempool was full

	// Blocks.
	AskAnother   time.Duration // until another peer is asked for an announced block as well
	HurryBatch   time.Duration // until another peer is asked for the batch that holds up a sync as well
	SyncRetry    time.Duration // after a sync that failed; doubled for a peer each time that it stalls a sync
	SyncStall    time.Duration // for the next block of a sync; each time that its source has stalled, it gets this much more time
	SyncLeast    time.Duration // until the next sync with a peer whose blocks had all come from others
	UnbackedWait time.Duration // until a peer is trusted again whose headers had less work than it claimed
}

// Validate returns an error if a limit or a time has a value that no node could work
// with. [New] does not check them.
func (c Config) Validate() error {
	if err := c.Limits.Validate(); err != nil {
		return err
	}
	return bounds.Check("gossip.Timing", c.Timing)
}

// complete returns the configuration with the defaults filled in.
func (c Config) complete() Config {
	c.Limits = c.Limits.withDefaults()
	if ip, ok := c.Address.IP(); ok && c.Own == nil {
		c.Own = []netip.Addr{ip}
	}

	c.HelloTimeout = cmp.Or(c.HelloTimeout, 5*time.Second)
	c.AnnounceTimeout = cmp.Or(c.AnnounceTimeout, 10*time.Second)
	c.FirstHeadersTimeout = cmp.Or(c.FirstHeadersTimeout, 5*time.Second)
	c.HeadersTimeout = cmp.Or(c.HeadersTimeout, 15*time.Second)
	c.BlocksTimeout = cmp.Or(c.BlocksTimeout, 20*time.Second)
	c.TxsTimeout = cmp.Or(c.TxsTimeout, 10*time.Second)
	c.ListTimeout = cmp.Or(c.ListTimeout, 10*time.Second)

	c.HelloEvery = cmp.Or(c.HelloEvery, 20*time.Second)
	c.HelloRetry = cmp.Or(c.HelloRetry, 2*time.Second)
	c.HelloLeast = cmp.Or(c.HelloLeast, time.Second)
	c.ConnectWait = cmp.Or(c.ConnectWait, 9*time.Second)
	c.OtherNetwork = cmp.Or(c.OtherNetwork, time.Hour)
	c.DialEvery = cmp.Or(c.DialEvery, time.Minute)
	c.FullRetry = cmp.Or(c.FullRetry, time.Minute)
	c.BusyRetry = cmp.Or(c.BusyRetry, time.Second)
	c.SlowDial = cmp.Or(c.SlowDial, time.Second)

	c.FirstBackoff = cmp.Or(c.FirstBackoff, time.Second)
	c.KnownBackoff = cmp.Or(c.KnownBackoff, 15*time.Second)
	c.NewBackoff = cmp.Or(c.NewBackoff, 10*time.Minute)

	c.AnnounceRetry = cmp.Or(c.AnnounceRetry, time.Second)
	c.AddressesEvery = cmp.Or(c.AddressesEvery, 10*time.Minute)
	c.AddressesSoon = cmp.Or(c.AddressesSoon, time.Minute)
	c.PoolEvery = cmp.Or(c.PoolEvery, time.Minute)
	c.PoolFullWait = cmp.Or(c.PoolFullWait, 10*time.Second)

	c.AskAnother = cmp.Or(c.AskAnother, 2*time.Second)
	c.HurryBatch = cmp.Or(c.HurryBatch, 4*time.Second)
	c.SyncRetry = cmp.Or(c.SyncRetry, 10*time.Second)
	c.SyncStall = cmp.Or(c.SyncStall, 10*time.Second)
	c.SyncLeast = cmp.Or(c.SyncLeast, time.Second)
	c.UnbackedWait = cmp.Or(c.UnbackedWait, 10*time.Minute)
	return c
}
