package p2p

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodepow/lode/chain/block"

	crand "crypto/rand"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/observe"
	"github.com/lodepow/lode/node/internal/slots"
	"github.com/lodepow/lode/pow"
)

// Chain is what the network asks of a [chain.Chain], which says what the methods
// do.
type Chain interface {
	gossip.Chain
	gossip.Source
	RawBlock(hash pow.Hash) ([]byte, error)
	AcceptAll(blocks []block.Block) (taken int, err error)
	AddTx(block.Tx) (chain.TxOutcome, error)
	Subscribe(f func(chain.Event)) (cancel func())
}

var _ Chain = (*chain.Chain)(nil)

// Config says with whom to connect. Chain and Address are required.
type Config struct {
	Chain   Chain
	Address gossip.Address   // where others reach this node
	Peers   []gossip.Address // to be connected with always
	Book    string           // file of the address book; "": none is kept
	Allow   []netip.Prefix   // whom to connect with; nil: anybody

	Limits Limits
	Random *rand.Rand       // nil: seeded by the system
	Logger *slog.Logger     // nil: none
	Now    func() time.Time // nil: time.Now
}

// machine is a [gossip.Gossip].
type machine interface {
	Step(now time.Time, ev gossip.Event) []gossip.Effect
	Next() time.Time
	Peers() []gossip.PeerInfo
	Addresses() gossip.Addresses
	Book() (entries []gossip.Entry, changed bool)
	Known() int
	Knows(gossip.Session) bool
	Sync() gossip.SyncInfo
}

// Network is a node's connection with others. It is an [http.Handler] of the
// routes under /p2p/.
type Network struct {
	chain  Chain
	limits Limits
	config Config
	log    *slog.Logger
	now    func() time.Time

	// mu guards the state machine. Its steps are made by one goroutine, that of
	// Run; others only look at it.
	mu      sync.Mutex
	machine machine

	endpoints endpoints
	client    *client
	book      *book
	changes   *changes
	observers observe.List[Observer]
	traffic   traffic
	limiter   *limiter
	served    *slots.Slots // requests of other nodes
	places    places       // beside them, of peers
	bodies    *slots.Slots // of those, answers with blocks

	ids      atomic.Uint64
	asks     chan ask          // requests that the state machine answers
	connects chan connecting   // from the API
	outcomes chan gossip.Event // of sends and of calls of the chain
	sends    *slots.Slots
	stopped  chan struct{} // closed when no more steps are made

	work sync.WaitGroup // goroutines that the effects have started

	// Owned by the goroutine of Run.
	replies map[gossip.ID]chan<- gossip.Reply
	waiters map[gossip.ID]chan<- error
	missing map[gossip.Address]bool // of config.Peers, those that could not be connected
}

// traffic counts the bytes of the bodies of messages, requests and answers.
type traffic struct{ sent, received atomic.Uint64 }

// ask is an Incoming with where its Reply goes.
type ask struct {
	event gossip.Incoming
	reply chan<- gossip.Reply
}

// connecting is a Connect with where its outcome goes.
type connecting struct {
	event   gossip.Connect
	outcome chan<- error
}

// New reads the address book. Run does the rest.
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
	g := guard{allow: c.Allow}
	n.client = newClient(g, n.endpoints, &n.traffic, n.tellSent)
	n.machine = gossip.New(gossip.Config{
		Chain: c.Chain, Random: c.Random, Node: gossip.NewNodeID(c.Random), Address: c.Address,
		Peers: c.Peers, Book: entries, Allow: g.allows, Limits: l.Gossip,
	})
	return n, nil
}

// Run drives the state machine until the context ends. When it returns nothing
// of it goes on, and the address book is on disk. It must be called once.
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

// Peers lists the peers, in the order in which they came.
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

// Sync returns how far the sync under way is.
func (n *Network) Sync() gossip.SyncInfo {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.machine.Sync()
}

// ErrStopped is the error of a Connect when the node shuts down.
var ErrStopped = errors.New("the node is shutting down")

// Connect connects with the node at that address and returns when both know each
// other. With keep, the connection stays wanted, whatever the outcome.
func (n *Network) Connect(ctx context.Context, address gossip.Address, keep bool) error {
	outcome := make(chan error, 1)
	c := connecting{gossip.Connect{ID: n.newID(), Address: address, Keep: keep}, outcome}
	select {
	case n.connects <- c:
	case <-ctx.Done():
		return fmt.Errorf("connect with %s: %w", address, ctx.Err())
	case <-n.stopped:
		return ErrStopped
	}
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return fmt.Errorf("connect with %s: %w", address, ctx.Err())
	case <-n.stopped:
		return ErrStopped
	}
}

func (n *Network) newID() gossip.ID { return gossip.ID(n.ids.Add(1)) }
