package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/lodepow/lode/chain/rules"

	"github.com/lodepow/lode/node"
)

type nodeCmd struct {
	engineFlags
	networkFlags

	Listen     string `env:"LODE_LISTEN" default:"127.0.0.1:8000" placeholder:"HOST:PORT" help:"Address of the HTTP API (${default})."`
	Data       string `env:"LODE_DATA" default:"lode-data" placeholder:"DIR" help:"Folder that keeps the chain (${default}); made if it is not there."`
	Network    string `env:"LODE_NETWORK" default:"tutorial" placeholder:"NAME" help:"tutorial, lab, or a file of parameters (${default})."`
	Difficulty *int   `env:"LODE_DIFFICULTY" placeholder:"N" help:"Leading hex zeros of a block's hash on the network tutorial (2)."`
	Mine       string `env:"LODE_MINE" default:"on-demand" enum:"on-demand,pending,continuous" placeholder:"MODE" help:"When to mine: ${enum} (${default})."`
	Tag        string `env:"LODE_TAG" default:"lode" placeholder:"TEXT" help:"What the node writes into the coinbase of its blocks (${default})."`
	PoolTxs    int    `env:"LODE_POOL_TXS" default:"65536" placeholder:"N" help:"Most transactions that may be pending (${default})."`
	PoolBytes  int    `env:"LODE_POOL_BYTES" default:"67108864" placeholder:"N" help:"Most bytes of them (${default})."`
	Verbose    bool   `env:"LODE_VERBOSE" help:"Log every request that fails, too."`
}

func (*nodeCmd) Help() string {
	return `Runs a node until it is told to stop: it takes transactions, mines them, keeps
them on disk and answers clients over HTTP. With --peer it connects with another
node; each finds more nodes by those that it knows.`
}

// Run runs a node until a signal.
func (c *nodeCmd) Run(ctx context.Context, s std) error {
	params, err := c.params()
	if err != nil {
		return usageError{err}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)   // a second signal ends the process at once
	signal.Ignore(syscall.SIGXFSZ) // a limit on file size is then an error, as a full disk is

	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: level}))
	info, _ := debug.ReadBuildInfo()
	config := node.Config{
		Params: params, Data: c.Data, Listen: c.Listen,
		Mine: node.Mode(c.Mine), Tag: c.Tag, Workers: c.Workers, Kernel: c.Kernel,
		PoolTxs: c.PoolTxs, PoolBytes: c.PoolBytes,
		Version: buildVersion(info), Logger: log,
	}
	c.set(&config)
	n, err := node.Open(ctx, config)
	if err != nil {
		return err
	}
	setProcs(n.Engine())
	setMemory()

	tip := n.Chain().Tip()
	log.Info("chain open", "network", params.Name(), "height", tip.Height, "tip", tip.Hash, "data", c.Data)
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && !isLoopback(host) {
		if c.Token == "" {
			log.Warn("the API has no password: whoever reaches this address can post, mine and connect nodes; --token guards the last two", "listen", c.Listen)
		}
	}
	if _, err := fmt.Fprintf(s.out, "lode: listening on http://%s (try /status)\n", n.Addr()); err != nil {
		return err
	}
	err = n.Run(ctx)
	log.Info("stopped")
	return err
}

func (c *nodeCmd) params() (rules.Params, error) {
	if c.Difficulty != nil && c.Network != "tutorial" {
		return rules.Params{}, fmt.Errorf("--difficulty is of the network tutorial, not of %s", c.Network)
	}
	switch c.Network {
	case "tutorial":
		zeros := 2
		if c.Difficulty != nil {
			zeros = *c.Difficulty
		}
		return rules.Tutorial(zeros)
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

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
