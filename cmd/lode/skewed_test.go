package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/node/gossip"
)

// skewed runs a node whose clock is wrong, as a program of its own; see TestMain. The file
// with the error of the clock may be changed while the node runs, as somebody may set the
// clock of a machine.
func skewed() {
	if err := runSkewed(); err != nil {
		fmt.Fprintln(os.Stderr, "skewed:", err)
		os.Exit(1)
	}
}

func runSkewed() error {
	flags := flag.NewFlagSet("skewed", flag.ContinueOnError)
	file := flags.String("ahead", "", "file that says by how many seconds the clock is ahead")
	network := flags.String("network", "", "file with the network's parameters")
	advertise := flags.String("advertise", "", "where others reach the node")
	data := flags.String("data", "", "folder of the node")
	peers := flags.String("peers", "", "addresses of peers, separated by commas")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	params, err := rules.Load(*network)
	if err != nil {
		return err
	}
	var ahead atomic.Int64
	look := func() {
		text, _ := os.ReadFile(*file)
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			ahead.Store(n)
		}
	}
	look()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				look()
			}
		}
	}()
	config := node.Config{
		Params: params, Data: *data, Listen: "0.0.0.0:8000", Advertise: gossip.Address(*advertise),
		Mine: node.Continuous, Workers: 1, Tag: "skewed", Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Second) },
	}
	for peer := range strings.SplitSeq(*peers, ",") {
		config.Peers = append(config.Peers, gossip.Address(peer))
	}
	n, err := node.Open(ctx, config)
	if err != nil {
		return err
	}
	fmt.Printf("lode: listening on http://%s (try /status)\n", n.Addr())
	return n.Run(ctx)
}
