package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/node/gossip"
)

// nodeCmd declares its flags in the order in which --help shows them: what
// everybody needs first, the limits last. The keys of the groups are those of
// flagGroups.
type nodeCmd struct {
	Listen      string        `group:"basics" env:"LODE_LISTEN" default:"127.0.0.1:8000" placeholder:"HOST:PORT" help:"Address to serve the HTTP API on (${default})."`
	Data        string        `group:"basics" env:"LODE_DATA" default:"lode-data" placeholder:"DIR" help:"Folder that holds the chain (${default}); created if it does not exist."`
	Network     string        `group:"basics" env:"LODE_NETWORK" default:"tutorial" placeholder:"NAME" help:"Network to join: tutorial, lab, or a file with the parameters of another one (${default})."`
	Difficulty  *int          `group:"basics" env:"LODE_DIFFICULTY" placeholder:"N" help:"Number of hex zeros that the hash of a block must begin with, on the tutorial network only (2)."`
	Mine        string        `group:"basics" env:"LODE_MINE" default:"on-demand" enum:"off,on-demand,pending,continuous" placeholder:"MODE" help:"When to mine: ${enum} (${default})."`
	Peer        []peerAddress `group:"basics" env:"LODE_PEER" placeholder:"URL" help:"Address of another node to connect to, http://host:port or host:port; may be repeated."`
	Import      []string      `group:"basics" env:"LODE_IMPORT" sep:"none" placeholder:"FILE" help:"File with the chain of another node, as GET /chain answers it; its blocks are added to the chain at the start. May be repeated; may be compressed; - is standard input."`
	Token       string        `group:"basics" env:"LODE_TOKEN" placeholder:"WORD" help:"Token that clients must send to mine or to connect nodes, as 'Authorization: Bearer WORD'."`
	AllowOrigin []string      `group:"basics" env:"LODE_ALLOW_ORIGIN" placeholder:"ORIGIN" help:"Origin of a web page that may use the HTTP API from a browser, such as https://app.example; may be repeated. Without it, only the node's own pages may."`
	Verbose     bool          `group:"basics" env:"LODE_VERBOSE" help:"Also log every request that fails."`

	peerFlags    `group:"peers"`
	engineFlags  `group:"mining"`
	Nice         bool   `group:"mining" env:"LODE_NICE" help:"Lower the priority of the threads that mine to the lowest (Linux only). If other programs then use all cores, the whole node stalls, for up to seconds; fewer --workers do not have this cost."`
	Tag          string `group:"mining" env:"LODE_TAG" default:"lode" placeholder:"TEXT" help:"Text to write into the coinbase of the blocks that this node mines (${default})."`
	stratumFlags `group:"mining"`
	limitFlags   `group:"limits"`
}

func (*nodeCmd) Help() string {
	return `Runs a node until it is told to stop. The node accepts transactions, mines them,
keeps the chain on disk and answers clients over HTTP. With --peer it connects to
another node and learns the addresses of further nodes from it.`
}

// Validate is called after the flags have been parsed.
func (c *nodeCmd) Validate() error {
	return errors.Join(checkListen("--listen", c.Listen), node.CheckAdvertise(c.Advertise), c.peerFlags.check(), c.limitFlags.check(), c.stratumFlags.check(), checkTag(c.Tag), checkOrigins(c.AllowOrigin))
}

// checkOrigins checks the values of --allow-origin.
func checkOrigins(origins []string) error {
	if _, err := node.CheckOrigins(origins); err != nil {
		return fmt.Errorf("--allow-origin: %w", err)
	}
	return nil
}

// Run runs a node until the process receives an interrupt or SIGTERM.
func (c *nodeCmd) Run(ctx context.Context, s cli.Std) error {
	params, err := c.params()
	if err != nil {
		return cli.UsageError{Err: err}
	}
	if err := checkData(c.Data); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	ignoreFileSizeSignal()

	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: level}))
	config := node.Config{
		Params: params, Data: c.Data, Listen: c.Listen,
		Mine: node.Mode(c.Mine), Tag: c.Tag, Workers: c.Workers, Kernel: c.Kernel, Nice: c.Nice,
		Peers: c.peers(), Token: c.Token, AllowOrigins: c.AllowOrigin,
		Version: cli.Version(), Logger: log,
	}
	c.peerFlags.setIn(&config)
	c.limitFlags.setIn(&config)
	if err := c.stratumFlags.setIn(&config); err != nil {
		return cli.UsageError{Err: err}
	}
	n, err := node.Open(ctx, config)
	if err != nil {
		return explainOpen(ctx, c, err)
	}
	setProcs(n.Engine())
	setMemory()
	defer watchKernel(ctx, n.Engine())()

	if len(c.Import) > 0 {
		if err := importFiles(ctx, n.Chain(), c.Import, s.In, log); err != nil {
			return errors.Join(err, n.Close())
		}
	}
	tip := n.Chain().Tip()
	log.Info("chain open", "network", params.Name(), "height", tip.Height, "tip", tip.Hash, "data", c.Data)
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && !isLoopback(host) {
		if c.Token == "" {
			log.Warn("the API is open: anybody who can reach this address may post, mine and connect nodes; --token restricts mining and connecting", "listen", c.Listen)
		}
	}
	if _, err := fmt.Fprintf(s.Out, "lode: listening on http://%s (try /status)\n", n.Addr()); err != nil {
		return errors.Join(err, n.Close())
	}
	if addr := n.StratumAddr(); addr != nil {
		log.Info("miners can connect", "listen", addr, "encrypted", c.StratumCert != "")
	}
	err = n.Run(ctx)
	log.Info("stopped")
	return err
}

// params returns the parameters of the network that the flags name.
func (c *nodeCmd) params() (rules.Params, error) {
	if c.Difficulty != nil && c.Network != "tutorial" {
		return rules.Params{}, fmt.Errorf("--difficulty applies to the network tutorial only, not to %s", c.Network)
	}
	switch c.Network {
	case "tutorial":
		zeros := 2
		if c.Difficulty != nil {
			zeros = *c.Difficulty
		}
		params, err := rules.Tutorial(zeros)
		if err != nil {
			return rules.Params{}, fmt.Errorf("--difficulty=%d: %w", zeros, err)
		}
		return params, nil
	case "lab":
		return rules.Lab(), nil
	default:
		params, err := rules.Load(c.Network)
		if err != nil {
			return rules.Params{}, fmt.Errorf("--network: want tutorial, lab or a file: %w", err)
		}
		return params, nil
	}
}

// peers returns the addresses of the flag --peer.
func (c *nodeCmd) peers() []gossip.Address {
	var peers []gossip.Address
	for _, p := range c.Peer {
		peers = append(peers, gossip.Address(p))
	}
	return peers
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
