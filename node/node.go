package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/store"
	storemetrics "github.com/lodepow/lode/chain/store/metrics"
	"github.com/lodepow/lode/node/api"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/tick"
	"github.com/lodepow/lode/node/p2p"
	"github.com/lodepow/lode/pow"
)

// Config configures a node. Params and Data are required.
type Config struct {
	Params rules.Params
	Data   string // folder of the store and the address book; made if it does not exist
	Listen string // host:port; "": 127.0.0.1:8000

	Mine    Mode   // "": OnDemand
	Tag     string // text in the coinbase of the blocks that this node mines
	Workers int    // 0: one for each core
	Kernel  string // "": the fastest on this machine

	Peers     []gossip.Address // nodes that this one always tries to be connected with
	Advertise gossip.Address   // where others reach this node; "": where it listens
	Allow     []netip.Prefix   // IP addresses of nodes to connect with; nil: any
	Network   p2p.Limits
	Token     string // required of requests that mine or connect nodes; "": not required

	Connections     int // open connections from clients and nodes; 0: 1024
	ConnectionsEach int // of those, from one IP address other than loopback; 0: 128

	// Bounds of the mempool; 0: the defaults of chain.Config.
	PoolTxs   int
	PoolBytes int

	Version  string               // of the program, for /status and the metrics
	Registry *prometheus.Registry // for the metrics; nil: a new one
	Logger   *slog.Logger         // nil: nothing is logged
	Now      func() time.Time     // nil: time.Now
}

const (
	defaultConnections     = 1024
	defaultConnectionsEach = 128

	// These apply beside the deadlines that the API sets.
	headerTimeout = 10 * time.Second // for a request's header
	idleTimeout   = 2 * time.Minute  // for a connection between two requests
	maxHeaders    = 16 << 10         // bytes of a request's header
	shutdownGrace = 2 * time.Second  // for requests under way at the end

	retryHeldEvery = 10 * time.Second
)

// Node is a node: a chain on disk, a miner, a network of peers and an HTTP server.
type Node struct {
	store    *store.Store
	chain    *chain.Chain
	engine   *pow.Engine
	miner    *Miner
	network  *p2p.Network
	api      *api.API
	server   *http.Server
	listener net.Listener
	log      *slog.Logger
}

// Open opens the store, reads the chain and begins to listen. Run serves and mines.
func Open(ctx context.Context, c Config) (_ *Node, err error) {
	if c.Params == (rules.Params{}) {
		return nil, errors.New("node: no network parameters: make them with rules.New, rules.Parse or rules.Load")
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8000"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	if err := checkAdvertise(c.Advertise); err != nil {
		return nil, err
	}
	n := &Node{log: c.Logger}
	if n.engine, err = pow.New(pow.Config{Workers: c.Workers, Kernel: c.Kernel, Background: true, Logger: c.Logger, Now: c.Now}); err != nil {
		return nil, err
	}
	var listen net.ListenConfig
	if n.listener, err = listen.Listen(ctx, "tcp", c.Listen); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.listener.Close())
		}
	}()
	n.store, err = store.Open(c.Data, store.Options{NetworkID: c.Params.ID(), NetworkName: c.Params.Name(), Logger: c.Logger})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.store.Close())
		}
	}()
	// Register these metrics before the chain commits its genesis, so that they
	// count that commit as well.
	if err := storemetrics.Register(c.Registry, n.store); err != nil {
		return nil, err
	}
	n.chain, err = chain.Open(chain.Config{Params: c.Params, Store: n.store, Now: c.Now, Logger: c.Logger, PoolTxs: c.PoolTxs, PoolBytes: c.PoolBytes})
	if err != nil {
		return nil, err
	}
	n.miner, err = NewMiner(MinerConfig{
		Chain: n.chain, Engine: n.engine, Mode: c.Mine, Tag: c.Tag,
		Extranonce: randomExtranonce(), Now: c.Now, Logger: c.Logger,
	})
	if err != nil {
		return nil, err
	}
	where, err := locate(ctx, c, n.listener.Addr())
	if err != nil {
		return nil, err
	}
	where.say(c.Logger)
	n.network, err = p2p.New(p2p.Config{
		Chain: n.chain, Address: where.address, Own: where.own, Peers: c.Peers, Book: filepath.Join(c.Data, "peers.json"), Allow: c.Allow,
		Limits: c.Network, Logger: c.Logger, Now: c.Now,
	})
	if err != nil {
		return nil, err
	}
	n.api = api.New(api.Config{
		Chain: n.chain, Miner: n.miner, Version: c.Version,
		Peers: n.network, Network: n.network, Paths: n.network.Paths(), Token: c.Token, Hosts: hosts(n.listener.Addr(), where.address),
		Kernel: n.engine.Kernel().Name(), Workers: n.engine.Workers(),
		Metrics: metricsHandler(c), Logger: c.Logger, Now: c.Now,
	})
	limited := newLimitListener(n.listener, cmp.Or(c.Connections, defaultConnections), cmp.Or(c.ConnectionsEach, defaultConnectionsEach))
	n.listener = limited
	if err := registerMetrics(c, n, limited); err != nil {
		n.api.Close()
		return nil, fmt.Errorf("register the metrics: %w", err)
	}
	n.server = &http.Server{
		Handler:           n.api,
		ConnState:         limited.onState,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug),
	}
	return n, nil
}

// randomExtranonce returns the extranonce with which mining begins. It is random so
// that nodes with the same template search different coinbases.
func randomExtranonce() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}

// Addr returns the address that the node listens on.
func (n *Node) Addr() net.Addr { return n.listener.Addr() }

// Chain returns the node's chain.
func (n *Node) Chain() *chain.Chain { return n.chain }

// Network returns the network that connects the node with others.
func (n *Node) Network() *p2p.Network { return n.network }

// Engine returns the engine that the node mines with.
func (n *Node) Engine() *pow.Engine { return n.engine }

// Run serves and mines until the context ends, or until a part of the node fails.
// Then it stops everything and closes the store. It must not be called twice.
func (n *Node) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		n.miner.Run(ctx)
		return nil
	})
	group.Go(func() error {
		n.retryHeld(ctx)
		return nil
	})
	group.Go(func() error { return n.network.Run(ctx) })
	group.Go(func() error {
		err := n.server.Serve(n.listener)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve: %w", err)
	})
	group.Go(func() error {
		<-ctx.Done()
		return n.stopServing()
	})
	err := group.Wait()
	return errors.Join(err, n.store.Close())
}

// retryHeld has the chain place, at intervals, the blocks that it holds because
// their header time was ahead of the clock and whose time has come.
func (n *Node) retryHeld(ctx context.Context) {
	tick.Every(ctx, retryHeldEvery, n.chain.RetryHeld)
}

// stopServing ends the HTTP server. Requests under way have shutdownGrace to finish;
// then their connections are closed.
func (n *Node) stopServing() error {
	n.api.Close()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if n.server.Shutdown(ctx) == nil {
		return nil
	}
	return n.server.Close()
}
