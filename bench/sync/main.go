// Command sync measures how fast a fresh node gets a chain from another one on
// this machine, over loopback. It prints what `go test -bench` prints:
//
//	go run ./bench/sync -blocks 20000 -rounds 3 -data /tmp/sync
//
// The rival is btcd, a Bitcoin node in Go, on its simnet; install it with
// go install github.com/btcsuite/btcd@v0.26.2. Every block has one small
// transaction that needs no signature. Chains are made once and kept under
// -data; the fresh nodes write under TMPDIR. Both nodes and this command share
// the machine, and the time counts from the start of the fresh node's process.
//
// Linux only: it reads /proc.
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

// node is a kind of node that can be measured.
type node interface {
	// prepare makes a chain of that many blocks in a folder, or leaves the one
	// that is there.
	prepare(ctx context.Context, dir string, blocks int) error

	// serve starts a node on that folder, to which others connect.
	serve(ctx context.Context, dir string) (*process, error)

	// join starts a node on an empty folder, that gets its chain from the other.
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
	blocks := flags.Int("blocks", 20_000, "length of the chain")
	rounds := flags.Int("rounds", 3, "rounds, in each of which every node syncs once")
	data := flags.String("data", "", "folder that keeps the prepared chains (needed)")
	names := flags.String("nodes", "lode,btcd", "which nodes, in the order of a round")
	btcdPath := flags.String("btcd", "btcd", "the btcd to measure")
	lodePath := flags.String("lode", "", "the lode to measure; built from ./cmd/lode if there is none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *data == "" || *blocks < 1 || flags.NArg() > 0 {
		return errors.New("want -data DIR and -blocks 1 or more, and no arguments")
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
			return fmt.Errorf("no node %q", name)
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

// measurement is one sync, from the start of the process to the last block.
type measurement struct {
	took             time.Duration
	state            int64 // bytes on disk after the node has stopped
	peak, serverPeak int64 // bytes resident at most
}

// measure lets a fresh node get the chain from one that has it.
func measure(ctx context.Context, n node, prepared string, blocks int) (m measurement, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	server, err := n.serve(ctx, prepared)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	if err := await(ctx, n, server, blocks); err != nil {
		return m, fmt.Errorf("the node that has the chain: %w", err)
	}

	dir, err := os.MkdirTemp("", "sync-")
	if err != nil {
		return m, err
	}
	defer func() {
		if err == nil { // else its log is of use
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

// await waits until the tip of a node is at that height.
func await(ctx context.Context, n node, p *process, blocks int) error {
	const every, patience = 10 * time.Millisecond, 60 * time.Second
	last, moved := -1, time.Now()
	for {
		height, err := n.height(ctx, p)
		switch {
		case err == nil && height == blocks:
			return nil
		case err == nil && height > blocks:
			return fmt.Errorf("height %d, want %d", height, blocks)
		case err == nil && height > last:
			last, moved = height, time.Now()
		case time.Since(moved) > patience:
			return errors.Join(fmt.Errorf("height %d for a minute, want %d; see %s", last, blocks, p.log), err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.done:
			return fmt.Errorf("it has stopped; see %s", p.log)
		case <-time.After(every):
		}
	}
}
