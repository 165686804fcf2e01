package node

import (
	"context"
	"errors"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/p2p"
)

// families returns the names of the metrics in a registry.
func families(t *testing.T, reg *prometheus.Registry) map[string]int {
	t.Helper()
	gathered, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, f := range gathered {
		names[f.GetName()] = len(f.GetMetric())
	}
	return names
}

// wantNothing checks that a registry has no metric of a node.
func wantNothing(t *testing.T, reg *prometheus.Registry) {
	t.Helper()
	for name := range families(t, reg) {
		if strings.HasPrefix(name, "lode_") {
			t.Errorf("the registry still has %s", name)
		}
	}
}

// wantFree checks that an address can be listened on and a data folder opened.
func wantFree(t *testing.T, address, data string) {
	t.Helper()
	n, err := Open(t.Context(), Config{Params: rules.Lab(), Data: data, Listen: address, Workers: 1})
	if err != nil {
		t.Errorf("%s and %s are not free: %v", address, data, err)
		return
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// freePort returns an address of the loopback that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// TestOpenAgain opens, uses and closes a node several times in one process, with one
// registry that also has the program's own metrics.
func TestOpenAgain(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	own := families(t, reg)
	c := Config{Params: rules.Lab(), Data: t.TempDir(), Listen: freePort(t), Registry: reg}
	for range 3 {
		n := startLive(t, c)
		n.want(200, "lode_chain_height 0", "GET", "/metrics", "")
		n.stop()
		wantNothing(t, reg)
	}
	for name := range own {
		if families(t, reg)[name] == 0 {
			t.Errorf("the program's own metric %s is gone", name)
		}
	}
	c.Workers = 1
	n, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	wantNothing(t, reg)
	wantFree(t, c.Listen, c.Data)
}

// TestTwoNodes runs two nodes in one process, each with a registry of its own. A
// second node in one registry is refused and leaves the first one's metrics alone.
func TestTwoNodes(t *testing.T) {
	reg := prometheus.NewRegistry()
	a := startLive(t, Config{Registry: reg})
	b := startLive(t, Config{})
	b.want(201, "Success", "POST", "/new_transaction", `{"author":"ann","content":"x"}`)
	a.want(200, "lode_mempool_transactions 0", "GET", "/metrics", "")
	b.want(200, "lode_mempool_transactions 1", "GET", "/metrics", "")

	data, listen := t.TempDir(), freePort(t)
	before := families(t, reg)
	n, err := Open(t.Context(), Config{Params: rules.Lab(), Data: data, Listen: listen, Workers: 1, Registry: reg})
	if err == nil || !strings.Contains(err.Error(), "register the metrics") {
		t.Fatalf("a second node in one registry: %v, error %v", n, err)
	}
	if after := families(t, reg); len(after) != len(before) {
		t.Errorf("the registry has %d metrics, had %d", len(after), len(before))
	}
	a.want(200, "lode_chain_height", "GET", "/metrics", "")
	wantFree(t, listen, data)
}

// TestOpenFails makes Open fail at each of its steps. Nothing is left: no metric, no
// port, no lock, and, as TestMain checks, no goroutine.
func TestOpenFails(t *testing.T) {
	taken := func(c prometheus.Collector) func(*testing.T, *Config) {
		return func(_ *testing.T, config *Config) { config.Registry.MustRegister(c) }
	}
	gauge := func(name string) prometheus.Collector {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "Of the program."})
	}
	for name, tc := range map[string]struct {
		change func(*testing.T, *Config)
		want   string
	}{
		"no parameters":            {func(_ *testing.T, c *Config) { c.Params = rules.Params{} }, "parameters"},
		"no folder":                {func(_ *testing.T, c *Config) { c.Data = "" }, "folder"},
		"connections":              {func(_ *testing.T, c *Config) { c.Connections = -5 }, "node.Config.Connections is -5"},
		"connections of each":      {func(_ *testing.T, c *Config) { c.ConnectionsEach = -1 }, "node.Config.ConnectionsEach is -1"},
		"pool":                     {func(_ *testing.T, c *Config) { c.PoolTxs = -1 }, "node.Config.PoolTxs is -1"},
		"workers":                  {func(_ *testing.T, c *Config) { c.Workers = -1 }, "node.Config.Workers is -1"},
		"rate":                     {func(_ *testing.T, c *Config) { c.Network.Rate = -1 }, "p2p.Limits.Rate is -1"},
		"queue":                    {func(_ *testing.T, c *Config) { c.Network.Queue = math.MaxInt }, "p2p.Limits.Queue"},
		"time of bans":             {func(_ *testing.T, c *Config) { c.Network.Gossip.BanTime = -1 }, "gossip.Limits.BanTime is -1ns"},
		"kernel":                   {func(_ *testing.T, c *Config) { c.Kernel = "gpu" }, "no kernel"},
		"address":                  {func(_ *testing.T, c *Config) { c.Listen = "127.0.0.1:99999" }, "listen"},
		"folder that is a file":    {makeFile(""), "not a directory"},
		"damaged store":            {makeFile("chain.db"), "open"},
		"tag":                      {func(_ *testing.T, c *Config) { c.Tag = strings.Repeat("x", 1000) }, "tag"},
		"mode":                     {func(_ *testing.T, c *Config) { c.Mine = "sometimes" }, "mode"},
		"address of others":        {func(_ *testing.T, c *Config) { c.Listen, c.Peers = "0.0.0.0:0", []gossip.Address{"http://127.0.0.1:1"} }, "advertise"},
		"address book":             {makeFolder("peers.json"), "address book"},
		"metric of the store":      {taken(gauge("lode_store_size_bytes")), "register the metrics"},
		"metric of the node":       {taken(gauge("lode_http_connections")), "register the metrics"},
		"metric of the chain":      {taken(gauge("lode_chain_height")), "register the metrics"},
		"metric of the engine":     {taken(gauge("lode_hashes_total")), "register the metrics"},
		"metric of another shape":  {taken(prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lode_build_info", Help: "Other."}, []string{"a", "b"})), "register the metrics"},
		"metric of the peers":      {taken(gauge("lode_peers")), "register the metrics"},
		"metric of the own source": {taken(gauge("lode_miner_blocks_total")), "register the metrics"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Config{Params: rules.Lab(), Data: t.TempDir(), Listen: freePort(t), Workers: 1, Registry: prometheus.NewRegistry()}
			listen, data := c.Listen, c.Data
			tc.change(t, &c)
			before := families(t, c.Registry)
			n, err := Open(t.Context(), c)
			if err == nil {
				_ = n.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if after := families(t, c.Registry); len(after) != len(before) {
				t.Errorf("the registry has %v, had %v", after, before)
			}
			if !strings.HasPrefix(name, "folder that") && !strings.HasPrefix(name, "damaged") && name != "address book" {
				wantFree(t, listen, data)
			} else {
				wantFree(t, listen, t.TempDir())
			}
		})
	}
}

func makeFile(name string) func(*testing.T, *Config) {
	return func(t *testing.T, c *Config) {
		if name == "" {
			c.Data = filepath.Join(c.Data, "file")
			name = "."
		}
		if err := os.WriteFile(filepath.Join(c.Data, name), []byte("no store"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func makeFolder(name string) func(*testing.T, *Config) {
	return func(t *testing.T, c *Config) {
		if err := os.Mkdir(filepath.Join(c.Data, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClose closes a node in each state, from several goroutines.
func TestClose(t *testing.T) {
	open := func(t *testing.T) (*Node, Config) {
		t.Helper()
		c := Config{Params: rules.Lab(), Data: t.TempDir(), Listen: freePort(t), Workers: 1, Registry: prometheus.NewRegistry()}
		n, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return n, c
	}
	closeAll := func(t *testing.T, n *Node) {
		t.Helper()
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if err := n.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	wantGone := func(t *testing.T, n *Node, c Config) {
		t.Helper()
		if err := n.Run(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Run after the end: error %v, want ErrClosed", err)
		}
		wantNothing(t, c.Registry)
		wantFree(t, c.Listen, c.Data)
	}
	t.Run("without Run", func(t *testing.T) {
		n, c := open(t)
		closeAll(t, n)
		wantGone(t, n, c)
	})
	t.Run("during Run", func(t *testing.T) {
		n, c := open(t)
		done := make(chan error)
		go func() { done <- n.Run(t.Context()) }()
		live := &liveNode{Node: n, t: t, url: "http://" + n.Addr().String()}
		live.want(200, "", "GET", "/healthz", "")
		if err := n.Run(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("a second Run: error %v, want ErrClosed", err)
		}
		live.want(200, "", "GET", "/healthz", "")
		closeAll(t, n)
		wantNothing(t, c.Registry) // when Close has returned, before Run has
		if err := <-done; err != nil {
			t.Error(err)
		}
		wantGone(t, n, c)
	})
	t.Run("after Run", func(t *testing.T) {
		n, c := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
		closeAll(t, n)
		wantGone(t, n, c)
	})
}

// TestNegativeLimits checks that no limit can be negative unless that means "none".
func TestNegativeLimits(t *testing.T) {
	for _, l := range []p2p.Limits{
		{Requests: -1}, {Bodies: -1}, {Queue: -1}, {Sends: -1}, {RequestsEach: -1}, {BodiesEach: -1},
		{Rate: -1}, {Hellos: -1}, {ReadTimeout: -1}, {WriteTimeout: -1}, {StepTimeout: -1},
		{Gossip: gossip.Limits{InboundEach: -1}}, {Gossip: gossip.Limits{Addresses: -1}}, {Gossip: gossip.Limits{BanTime: -1}},
	} {
		if err := l.Validate(); err == nil {
			t.Errorf("%+v is accepted", l)
		}
	}
	none := p2p.Limits{Gossip: gossip.Limits{Inbound: -1, Outbound: -1}} // negative: none
	if err := none.Validate(); err != nil {
		t.Error(err)
	}
}
