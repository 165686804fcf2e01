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
	"unsafe"

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
	difficulty := flags.Int("difficulty", 2, "that of the network tutorial")
	advertise := flags.String("advertise", "", "where others reach the node")
	data := flags.String("data", "", "folder of the node")
	peers := flags.String("peers", "", "addresses of peers, separated by commas")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	params, err := rules.Tutorial(*difficulty)
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
		Now: func() time.Time { return withWall(time.Now(), ahead.Load()) },
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

// withWall returns a time whose wall clock is ahead by some seconds and whose monotonic
// clock is not, as time.Now returns it after somebody has set the clock of the machine.
// [time.Time.Add] would move both. A Time begins with a word that holds the seconds of the
// wall clock above 30 bits of nanoseconds, if the Time has a monotonic clock.
func withWall(now time.Time, ahead int64) time.Time {
	moved := now
	*(*uint64)(unsafe.Pointer(&moved)) += uint64(ahead) << 30 //nolint:gosec // see above
	if moved.Unix() != now.Unix()+ahead || moved.Sub(now) != 0 {
		panic("the parts of a time.Time are not where withWall expects them")
	}
	return moved
}
