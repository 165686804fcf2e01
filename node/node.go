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

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/store"
	storemetrics "github.com/lodepow/lode/chain/store/metrics"
	"github.com/lodepow/lode/node/api"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/bounds"
	"github.com/lodepow/lode/node/p2p"
	"github.com/lodepow/lode/node/web"
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
	Nice    bool   // lower the priority of the threads that mine; see pow.Config for what it costs
	Stratum StratumConfig

	Peers     []gossip.Address // nodes that this one always tries to be connected with
	Advertise gossip.Address   // where others reach this node; "": where it listens
	Allow     []netip.Prefix   // IP addresses of nodes to connect with; nil: any
	Network   p2p.Limits
	Token     string // required of requests that mine or connect nodes; "": not required

	// AllowOrigins lists the origins of web pages that may use the API from a browser, such
	// as https://app.example; nil: none. See docs/http.md.
	AllowOrigins []string

	Connections     int // open connections from clients and nodes; 0: 1024
	ConnectionsEach int // of those, from one IP address other than loopback; 0: 128

	// Bounds of the mempool; 0: the defaults of chain.Config.
	PoolTxs   int
	PoolBytes int

	Version  string               // of the program, for /status and, up to its first space, the metrics
	Registry *prometheus.Registry // for the metrics, of no other node; nil: a new one
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
	listener *limitListener
	stratum  *minerServer // nil: miners cannot connect
	log      *slog.Logger

	// closers give back what Open has taken, the last one first.
	closers []func() error

	life life
}

// Open opens the store, reads the chain and begins to listen. Run serves and mines.
// Call Close for a node that Run is not called for. If Open fails, it leaves nothing
// behind: no port, no lock, and nothing in the registry.
//
// A program can have several nodes at a time, each with a folder, an address and a
// registry of its own. The registry may hold metrics of the program, among them those
// of Go and of the process, which the node then leaves alone.
func Open(ctx context.Context, c Config) (_ *Node, err error) {
	if err := c.validate(); err != nil {
		return nil, err
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
	if err := CheckAdvertise(c.Advertise); err != nil {
		return nil, err
	}
	origins, err := CheckOrigins(c.AllowOrigins)
	if err != nil {
		return nil, err
	}
	n := &Node{log: c.Logger, life: newLife()}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.release())
		}
	}()
	registry := &registrations{registry: c.Registry}
	n.onRelease(registry.undo)
	if n.engine, err = pow.New(pow.Config{Workers: c.Workers, Kernel: c.Kernel, Nice: c.Nice, Logger: c.Logger, Now: c.Now}); err != nil {
		return nil, err
	}
	if n.listener, err = listen(ctx, c); err != nil {
		return nil, err
	}
	n.onRelease(n.listener.Close)
	n.store, err = store.Open(c.Data, store.Options{NetworkID: c.Params.ID(), NetworkName: c.Params.Name(), Logger: c.Logger, Stop: ctx.Done()})
	if err != nil {
		return nil, err
	}
	n.onRelease(n.store.Close)
	// Register these metrics before the chain commits its genesis, so that they
	// count that commit as well.
	if err := storemetrics.Register(registry, n.store); err != nil {
		return nil, fmt.Errorf("register the metrics, in a registry that holds those of no other node: %w", err)
	}
	n.chain, err = chain.Open(chain.Config{Params: c.Params, Store: n.store, Now: c.Now, Logger: c.Logger, PoolTxs: c.PoolTxs, PoolBytes: c.PoolBytes})
	if err != nil {
		return nil, err
	}
	extranonce := randomExtranonce()
	miner := MinerConfig{
		Chain: n.chain, Engine: n.engine, Mode: c.Mine, Tag: c.Tag,
		Extranonce: extranonce, Now: c.Now, Logger: c.Logger,
	}
	firstSession := uint32(extranonce >> 32)
	if c.Stratum.Listen != "" {
		miner.Prefix, miner.NoSearch = prefixOf(firstSession), c.Stratum.Only
	}
	n.miner, err = NewMiner(miner)
	if err != nil {
		return nil, err
	}
	n.onRelease(func() error {
		n.miner.source.Close()
		return nil
	})
	if c.Stratum.Listen != "" {
		if n.stratum, err = openStratum(ctx, c, n.miner.source, firstSession); err != nil {
			return nil, err
		}
		n.onRelease(n.stratum.close)
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
	pages, err := web.New(web.Config{
		Chain: n.chain, Token: c.Token != "", Logger: c.Logger, Now: c.Now,
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.api.ServeHTTP(w, r) }),
	})
	if err != nil {
		return nil, err
	}
	n.onRelease(func() error {
		pages.Close()
		return nil
	})
	n.api = api.New(api.Config{
		Chain: n.chain, Miner: n.miner, Version: c.Version,
		Peers: n.network, Network: n.network, Paths: n.network.Paths(), Token: c.Token, Hosts: hosts(n.listener.Addr(), where.address),
		AllowOrigins: origins, Next: pages, Serves: pages.Serves,
		Kernel: n.engine.Kernel().Name(), Workers: n.engine.Workers(),
		Health: n.store.Err, Metrics: metricsHandler(c), Logger: c.Logger, Now: c.Now,
	})
	n.onRelease(func() error {
		n.api.Close()
		return nil
	})
	if err := registerMetrics(registry, c.Version, n); err != nil {
		return nil, fmt.Errorf("register the metrics, in a registry that holds those of no other node: %w", err)
	}
	n.server = &http.Server{
		Handler:           n.listener.handler(n.api),
		ConnState:         n.listener.onState,
		ConnContext:       n.listener.onConn,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug),
	}
	return n, nil
}

// validate returns an error if no node could be opened with the configuration.
func (c Config) validate() error {
	if c.Params == (rules.Params{}) {
		return errors.New("node: no network parameters: make them with rules.New, rules.Parse or rules.Load")
	}
	if c.Data == "" {
		return errors.New("node: no folder for the data")
	}
	if err := bounds.Check("node.Config", c); err != nil {
		return err
	}
	return errors.Join(c.Stratum.validate(), c.Network.Validate())
}

// CheckOrigins returns the origins of web pages in the form in which browsers send them,
// or an error if one of them is none.
func CheckOrigins(origins []string) ([]string, error) {
	var checked []string
	for _, text := range origins {
		origin, err := api.ParseOrigin(text)
		if err != nil {
			return nil, err
		}
		checked = append(checked, origin)
	}
	return checked, nil
}

// listen listens, and bounds the connections to what the configuration and the
// process allow.
func listen(ctx context.Context, c Config) (*limitListener, error) {
	wanted := cmp.Or(c.Connections, defaultConnections)
	limit := descriptorLimit()
	most, err := connectionsWithin(limit, wanted)
	if err != nil {
		return nil, err
	}
	if most < wanted {
		c.Logger.Warn("fewer connections are accepted than asked for, because the process may not have more files open: raise that limit (ulimit -n, LimitNOFILE)",
			"connections", most, "asked", wanted, "files", limit)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return newLimitListener(l, most, cmp.Or(c.ConnectionsEach, defaultConnectionsEach), c.Logger), nil
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
