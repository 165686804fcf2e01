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

	"github.com/lodepow/lode/chain/rules"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/store"
	storemetrics "github.com/lodepow/lode/chain/store/metrics"
	"github.com/lodepow/lode/node/api"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/tick"
	"github.com/lodepow/lode/node/p2p"
	"github.com/lodepow/lode/pow"
)

// Config says what the node does. Params and Data are required.
type Config struct {
	Params rules.Params
	Data   string // folder of the store; made if it is not there
	Listen string // host:port; "": 127.0.0.1:8000

	Mine    Mode   // "": OnDemand
	Tag     string // of the coinbase
	Workers int    // 0: one a core
	Kernel  string // "": the best

	Peers     []gossip.Address // to be connected with always
	Advertise gossip.Address   // where others reach this node; "": where it listens
	Allow     []netip.Prefix   // nodes to connect with; nil: any
	Network   p2p.Limits
	Token     string // for mining and for connecting nodes; "": none is needed

	Connections     int // from clients and nodes; 0: 1024
	ConnectionsEach int // from one IP address that is not this machine's; 0: 128

	PoolTxs   int // bounds of the mempool; 0: those of chain.Config
	PoolBytes int

	Version  string
	Registry *prometheus.Registry // nil: one of its own
	Logger   *slog.Logger         // nil: none
	Now      func() time.Time     // nil: time.Now
}

// How long clients may take, beside the deadlines that the API sets.
const (
	defaultConnections     = 1024
	defaultConnectionsEach = 128

	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeaders    = 16 << 10 // bytes
	shutdownGrace = 2 * time.Second

	retryHeldEvery = 10 * time.Second
)

// Node is a chain on disk with a miner and the API before them.
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

// Open opens the store, reads the chain and takes the address. Run does the
// rest.
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
	// Before the chain commits its genesis, which the metrics count, too.
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
	address, err := advertised(c, n.listener.Addr())
	if err != nil {
		return nil, err
	}
	n.network, err = p2p.New(p2p.Config{
		Chain: n.chain, Address: address, Peers: c.Peers, Book: filepath.Join(c.Data, "peers.json"), Allow: c.Allow,
		Limits: c.Network, Logger: c.Logger, Now: c.Now,
	})
	if err != nil {
		return nil, err
	}
	n.api = api.New(api.Config{
		Chain: n.chain, Miner: n.miner, Version: c.Version,
		Peers: n.network, Network: n.network, Paths: n.network.Paths(), Token: c.Token, Hosts: hosts(n.listener.Addr(), address),
		Kernel: n.engine.Kernel().Name(), Workers: n.engine.Workers(),
		Metrics: metricsHandler(c), Logger: c.Logger, Now: c.Now,
	})
	limited := newLimitListener(n.listener, cmp.Or(c.Connections, defaultConnections), cmp.Or(c.ConnectionsEach, defaultConnectionsEach))
	n.listener = limited
	if err := registerMetrics(c, n, limited); err != nil {
		return nil, err
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

// randomExtranonce makes nodes search different coinbases for the same
// template.
func randomExtranonce() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}

// Addr returns the address that the node listens on.
func (n *Node) Addr() net.Addr { return n.listener.Addr() }

// Chain returns the node's chain.
func (n *Node) Chain() *chain.Chain { return n.chain }

// Network returns the node's connection with others.
func (n *Node) Network() *p2p.Network { return n.network }

// Engine returns the engine that the node mines with.
func (n *Node) Engine() *pow.Engine { return n.engine }

// Run serves and mines until the context ends, and closes everything. It must
// be called once.
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

// retryHeld takes blocks that came ahead of the clock once their time has come.
func (n *Node) retryHeld(ctx context.Context) {
	tick.Every(ctx, retryHeldEvery, n.chain.RetryHeld)
}

// stopServing lets requests under way come to their end, but not for long.
func (n *Node) stopServing() error {
	n.api.Close()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if n.server.Shutdown(ctx) == nil {
		return nil
	}
	return n.server.Close()
}
