package gossip

import (
	"math/rand/v2"
	"time"
)

// Config says what the state machine needs to know. Chain, Random and Node are
// required.
type Config struct {
	Chain   Chain
	Random  *rand.Rand
	Node    NodeID
	Address Address            // where others reach this node
	Peers   []Address          // to be connected with always
	Book    []Entry            // addresses known from before
	Allow   func(Address) bool // whom to connect with; nil: anybody
	Limits  Limits
}

// Gossip is the state machine. It must be used by one goroutine at a time.
type Gossip struct{}

// New makes one. Its first Step should be a Wake.
func New(c Config) *Gossip { return &Gossip{} }

// Step takes an event and returns what to do.
func (g *Gossip) Step(now time.Time, ev Event) []Effect { return nil }

// Next returns when the next Wake is due.
func (g *Gossip) Next() time.Time { return time.Time{} }

// Peers lists the peers, in the order in which they came.
func (g *Gossip) Peers() []PeerInfo { return nil }

// Addresses answers GetAddresses.
func (g *Gossip) Addresses() Addresses { return Addresses{} }

// Book returns what is to be remembered of addresses.
func (g *Gossip) Book() []Entry { return nil }

// Sync returns how far the sync under way is.
func (g *Gossip) Sync() SyncInfo { return SyncInfo{} }

// Limits bound what peers can take. Fields left zero stand for their defaults.
type Limits struct {
	Outbound  int           // peers of our choice; 0: 8
	Inbound   int           // peers that came to us; 0: 64; negative: none
	Addresses int           // in the address book; 0: 4096
	BanTime   time.Duration // 0: 1 h
}

// Entry is an address in the address book.
type Entry struct {
	Address  Address   `json:"address"`
	Seen     time.Time `json:"seen,omitzero"`      // when it last was connected
	Failures int       `json:"failures,omitempty"` // since then
	Next     time.Time `json:"next,omitzero"`      // not to be tried before
}

// PeerInfo is what is known of a peer.
type PeerInfo struct {
	Node    NodeID
	Address Address
	Out     bool // of our choice
	Tip     Tip
	Since   time.Time
	Seen    time.Time // the last answer or request
}

// SyncInfo is the state of a sync.
type SyncInfo struct {
	Active bool
	From   int64 // height where it began
	Height int64 // of the last block taken
	Target int64 // height that the peers claim
	Since  time.Time
}
