package p2p

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/internal/observe"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/slots"
	"github.com/lodepow/lode/pow"
)

// Chain is the part of a [chain.Chain] that the network uses. The methods are
// documented there.
type Chain interface {
	gossip.Chain
	gossip.Source
	RawBlock(hash pow.Hash) ([]byte, error)
	AcceptAll(blocks []block.Block) (taken int, err error)
	AddTx(block.Tx) (chain.TxOutcome, error)
	Subscribe(f func(chain.Event)) (cancel func())
}

var _ Chain = (*chain.Chain)(nil)

// Config configures a network. Chain and Address are required.
type Config struct {
	Chain   Chain
	Address gossip.Address   // where others reach this node
	Own     []netip.Addr     // its IP addresses; nil: the host of Address, if that is one; empty: not known
	Peers   []gossip.Address // nodes that this one always tries to be connected with
	Book    string           // file of the address book; "": it is not kept
	Allow   []netip.Prefix   // IP addresses to connect with; nil: any

	Limits Limits
	Random *rand.Rand       // nil: seeded by the system
	Logger *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // nil: time.Now
}

// machine is the part of a [gossip.Gossip] that the network uses. Tests replace it.
type machine interface {
	Step(now time.Time, ev gossip.Event) []gossip.Effect
	Next() time.Time
	Peers() []gossip.PeerInfo
	Addresses() gossip.Addresses
	Book() (entries []gossip.Entry, changed bool)
	Known() int
	Knows(gossip.Session) bool
	Sync() gossip.SyncInfo
	Clock() gossip.ClockInfo
}

// Network connects a node with others. It is an [http.Handler] that serves the
// routes under /p2p/.
type Network struct {
	chain  Chain
	limits Limits
	config Config
	log    *slog.Logger
	now    func() time.Time

	// mu guards the state machine. Only the goroutine of Run calls Step; others
	// read its state.
	mu      sync.Mutex
	machine machine

	endpoints endpoints
	client    *client
	book      *book
	changes   *changes
	observers observe.List[Observer]
	traffic   traffic
	limiter   *limiter
	served    *slots.Slots // requests of other nodes being served
	places    places       // beside served, places of the peers
	bodies    *slots.Slots // of those, answers with blocks

	ids      atomic.Uint64
	asks     chan ask          // requests that the state machine answers
	connects chan connecting   // from the API
	outcomes chan gossip.Event // of requests to other nodes and of calls of the chain
	sends    *slots.Slots
	stopped  chan struct{} // closed when the loop has ended

	work sync.WaitGroup // goroutines that carry out effects

	// Only the goroutine of Run uses these.
	replies map[gossip.ID]chan<- gossip.Reply
	waiters map[gossip.ID]chan<- error
	missing map[gossip.Address]bool // those of config.Peers that could not be connected with, for the log
}

// traffic counts the bytes of the bodies of messages, requests and answers.
type traffic struct{ sent, received atomic.Uint64 }

// ask is a request of another node with the channel for its reply.
type ask struct {
	event gossip.Incoming
	reply chan<- gossip.Reply
}

// connecting is a call of Connect with the channel for its outcome.
type connecting struct {
	event   gossip.Connect
	outcome chan<- error
}

// New makes a network and reads the address book. The network connects with no one
// until Run.
func New(c Config) (*Network, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		var seed [32]byte
		_, _ = crand.Read(seed[:]) // never fails
		c.Random = rand.New(rand.NewChaCha8(seed))
	}
	if err := c.Limits.Validate(); err != nil {
		return nil, err
	}
	l := c.Limits.withDefaults()
	n := &Network{
		chain:     c.Chain,
		config:    c,
		limits:    l,
		log:       c.Logger,
		now:       c.Now,
		endpoints: newEndpoints(c.Chain.Params()),
		book:      &book{path: c.Book, log: c.Logger},
		changes:   newChanges(maxChanges),
		limiter:   newLimiter(l),
		served:    slots.New(l.Requests),
		bodies:    slots.New(l.Bodies),
		sends:     slots.New(l.Sends),
		asks:      make(chan ask, l.Queue),
		connects:  make(chan connecting),
		outcomes:  make(chan gossip.Event, l.Sends),
		stopped:   make(chan struct{}),
		replies:   map[gossip.ID]chan<- gossip.Reply{},
		waiters:   map[gossip.ID]chan<- error{},
		missing:   map[gossip.Address]bool{},
	}
	entries, err := n.book.load()
	if err != nil {
		return nil, err
	}
	if ip, ok := c.Address.IP(); ok && c.Own == nil {
		c.Own = []netip.Addr{ip}
	}
	g := guard{allow: c.Allow, own: c.Own}
	n.client = newClient(g, n.endpoints, &n.traffic, n.tellSent)
	n.machine = gossip.New(gossip.Config{
		Chain: c.Chain, Random: c.Random, Node: gossip.NewNodeID(c.Random), Address: c.Address, Own: c.Own,
		Peers: c.Peers, Book: entries, Allow: g.allows, Limits: l.Gossip,
	})
	return n, nil
}

// Run connects with other nodes until the context ends. When it returns, all its
// goroutines have ended and the address book is on disk. It must not be called twice.
func (n *Network) Run(ctx context.Context) error {
	defer n.chain.Subscribe(n.changes.add)()
	var group sync.WaitGroup
	group.Go(func() { n.saveBook(ctx) })
	group.Go(func() { n.reportSync(ctx) })
	n.loop(ctx)
	close(n.stopped)
	group.Wait()
	n.work.Wait()
	n.client.close()
	return n.saveNow()
}

// Peers lists the peers in the order in which they were connected.
func (n *Network) Peers() []gossip.PeerInfo {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.machine.Peers()
}

// Addresses lists the addresses of the peers.
func (n *Network) Addresses() []string {
	peers := n.Peers()
	addresses := make([]string, len(peers))
	for i, p := range peers {
		addresses[i] = p.Address.String()
	}
	return addresses
}

// Sync returns how far the node is in catching up with its peers.
func (n *Network) Sync() gossip.SyncInfo {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.machine.Sync()
}

// Clock returns how this node's clock compares with those of its peers.
func (n *Network) Clock() gossip.ClockInfo {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.machine.Clock()
}

// ErrStopped is the error of Connect if Run ends first.
var ErrStopped = errors.New("the node is shutting down")

// Connect connects with the node at an address. It returns nil once each of the two
// nodes is a peer of the other. With keep, the network goes on trying to connect
// with that address later, even if this attempt fails, unless it turns out that
// something other than a node of this network is there. If it is no node at all, the
// error is a [gossip.NotNode] that says what it is.
func (n *Network) Connect(ctx context.Context, address gossip.Address, keep bool) error {
	return n.connect(ctx, gossip.Connect{ID: n.newID(), Address: address, Keep: keep})
}

// ConnectFor is Connect for a client at the IP address from, who may not choose which
// addresses the node calls. The node calls only such as it would believe from another
// node: see [gossip.Believable]. The node there is not one of this node's choice, and
// with keep its address is remembered like one that another node has sent.
func (n *Network) ConnectFor(ctx context.Context, from netip.Addr, address gossip.Address, keep bool) error {
	return n.connect(ctx, gossip.Connect{ID: n.newID(), Address: address, Keep: keep, Heard: true, From: from})
}

func (n *Network) connect(ctx context.Context, ev gossip.Connect) error {
	outcome := make(chan error, 1)
	address, c := ev.Address, connecting{ev, outcome}
	select {
	case n.connects <- c:
	case <-ctx.Done():
		return fmt.Errorf("connect with %s: %w", address, ctx.Err())
	case <-n.stopped:
		return ErrStopped
	}
	select {
	case err := <-outcome:
		return n.explain(ctx, address, err)
	case <-ctx.Done():
		return fmt.Errorf("connect with %s: %w", address, ctx.Err())
	case <-n.stopped:
		return ErrStopped
	}
}

func (n *Network) newID() gossip.ID { return gossip.ID(n.ids.Add(1)) }
