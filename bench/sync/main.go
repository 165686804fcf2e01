// Command sync measures how fast a new node downloads a chain from another node on
// the same machine, over loopback. It prints results in the format of go test
// -bench:
//
//	go run ./bench/sync -blocks 20000 -rounds 3 -data /tmp/sync
//
// Lode is compared with btcd, a Bitcoin node in Go, running on its simnet. Install
// it with go install github.com/btcsuite/btcd@v0.26.2. Every block has one small
// transaction that needs no signature.
//
// The chains are prepared once and kept under -data; the new nodes write under
// TMPDIR. Both nodes and this command share the machine. The time counts from the
// start of the new node's process until it has the last block.
//
// The command runs only on Linux, because it reads /proc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// node is an implementation of a node that can be measured.
type node interface {
	// prepare creates a chain with the given number of blocks in dir, unless a
	// usable one is already there.
	prepare(ctx context.Context, dir string, blocks int) error

	// serve starts a node that has the chain in dir and accepts connections.
	serve(ctx context.Context, dir string) (*process, error)

	// join starts a node on the empty folder dir and has it download the chain
	// from another node.
	join(ctx context.Context, dir string, from *process) (*process, error)

	// height asks a node for the height of its tip.
	height(ctx context.Context, of *process) (int, error)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sync:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("sync", flag.ContinueOnError)
	blocks := flags.Int("blocks", 20_000, "length of the chain, in blocks")
	rounds := flags.Int("rounds", 3, "number of rounds; in each round every node syncs once")
	data := flags.String("data", "", "folder in which the prepared chains are kept (required)")
	names := flags.String("nodes", "lode,btcd", "nodes to measure, in the order in which a round measures them")
	btcdPath := flags.String("btcd", "btcd", "path of the btcd program to measure")
	lodePath := flags.String("lode", "", "path of the lode program to measure; if empty, ./cmd/lode is built")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *data == "" || *blocks < 1 || flags.NArg() > 0 {
		return errors.New("want -data DIR, -blocks of at least 1, and no arguments besides flags")
	}
	if err := os.MkdirAll(*data, 0o755); err != nil {
		return err
	}
	if *lodePath == "" {
		*lodePath = filepath.Join(*data, "lode")
		if err := buildLode(ctx, *lodePath); err != nil {
			return fmt.Errorf("build cmd/lode: %w", err)
		}
	}
	known := map[string]node{
		"btcd": btcd{path: *btcdPath},
		"lode": lode{path: *lodePath},
	}

	var nodes []string
	for name := range strings.SplitSeq(*names, ",") {
		if known[name] == nil {
			return fmt.Errorf("unknown node %q in -nodes, want lode or btcd", name)
		}
		dir := filepath.Join(*data, fmt.Sprintf("%s-%d", name, *blocks))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := known[name].prepare(ctx, dir, *blocks); err != nil {
			return fmt.Errorf("prepare %s: %w", name, err)
		}
		nodes = append(nodes, name)
	}

	fmt.Printf("goos: %s\ngoarch: %s\nblocks: %d\n", runtime.GOOS, runtime.GOARCH, *blocks)
	for range *rounds {
		for _, name := range nodes {
			dir := filepath.Join(*data, fmt.Sprintf("%s-%d", name, *blocks))
			m, err := measure(ctx, known[name], dir, *blocks)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Printf("BenchmarkSync/node=%s-%d\t%d\t%.0f ns/op\t%.0f blocks/s\t%.0f state-B/block\t%d peak-RSS-B\t%d server-RSS-B\n",
				name, runtime.NumCPU(), *blocks, float64(m.took)/float64(*blocks), float64(*blocks)/m.took.Seconds(),
				float64(m.state)/float64(*blocks), m.peak, m.serverPeak)
		}
	}
	return nil
}

// measurement is the result of one sync.
type measurement struct {
	took             time.Duration // from the start of the new node's process to its last block
	state            int64         // bytes that the new node occupies on disk after it has stopped
	peak, serverPeak int64         // peak resident memory of the new node and of the other, in bytes
}

// measure has a new node download the chain from a node that has it. If it fails,
// it keeps the new node's folder, because its log may tell the reason.
func measure(ctx context.Context, n node, prepared string, blocks int) (m measurement, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	server, err := n.serve(ctx, prepared)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	if err := await(ctx, n, server, blocks); err != nil {
		return m, fmt.Errorf("the node that serves the chain: %w", err)
	}

	dir, err := os.MkdirTemp("", "sync-")
	if err != nil {
		return m, err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(dir)
		}
	}()
	start := time.Now()
	fresh, err := n.join(ctx, dir, server)
	if err != nil {
		return m, err
	}
	err = await(ctx, n, fresh, blocks)
	m.took = time.Since(start)
	if err == nil {
		m.peak, err = fresh.peakRSS()
	}
	if err == nil {
		m.serverPeak, err = server.peakRSS()
	}
	if err = errors.Join(err, fresh.stop()); err != nil {
		return m, err
	}
	m.state, err = diskBytes(dir)
	return m, err
}

// await waits until the tip of a node is at the given height. It fails if the node
// ends, or makes no progress for a minute.
func await(ctx context.Context, n node, p *process, blocks int) error {
	const every, patience = 10 * time.Millisecond, 60 * time.Second
	last, moved := -1, time.Now()
	for {
		height, err := n.height(ctx, p)
		switch {
		case err == nil && height == blocks:
			return nil
		case err == nil && height > blocks:
			return fmt.Errorf("the node is at height %d, above the chain's %d blocks", height, blocks)
		case err == nil && height > last:
			last, moved = height, time.Now()
		case time.Since(moved) > patience:
			return errors.Join(fmt.Errorf("the node has stayed at height %d for a minute, want %d; see %s", last, blocks, p.log), err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.done:
			return fmt.Errorf("the node has ended; see %s", p.log)
		case <-time.After(every):
		}
	}
}
