package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/store"
	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/node/gossip"
)

const (
	syncBlocks = 2000
	syncTxs    = 1
	syncLimit  = time.Minute // after which a sync is considered failed
)

// Sync measures how fast a new node downloads a chain from another one over
// loopback, with both stores on disk. The time counts from the start of the new
// node until it has the last block.
func Sync() []Case {
	return []Case{{
		Name:  fmt.Sprintf("Sync/blocks=%d/txs=%d", syncBlocks, syncTxs),
		Ops:   1,
		Start: startSync,
	}}
}

func startSync() (*Run, error) {
	blocks, err := makeBlocks(network(), syncBlocks, syncTxs)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "lode-bench-")
	if err != nil {
		return nil, err
	}
	server, err := openFilled(dir, blocks)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	var done uint64
	var syncing time.Duration
	return &Run{
		Op: func(ctx context.Context) error {
			took, err := syncOnce(ctx, server.Addr().String())
			syncing += took
			done += syncBlocks
			return err
		},
		Report: func(int, time.Duration) []Metric { // without the time to create and remove the folder
			return []Metric{{0, nsPerOp}, {float64(done) / syncing.Seconds(), "blocks/s"}}
		},
		Close: func() error { return errors.Join(server.stop(), os.RemoveAll(dir)) },
	}, nil
}

// openFilled writes the genesis block and the given blocks into a store in dir, and
// starts a node on it.
func openFilled(dir string, blocks []block.Block) (*runningNode, error) {
	p := network()
	s, err := store.Open(dir, store.Options{NetworkID: p.ID(), NetworkName: p.Name()})
	if err != nil {
		return nil, err
	}
	header, coinbase := p.Genesis()
	change := chain.Change{Blocks: append([]block.Block{{Header: header, Coinbase: coinbase}}, blocks...)}
	for _, b := range change.Blocks {
		change.Connect = append(change.Connect, b.Hash())
	}
	if err := errors.Join(s.Commit(change), s.Close()); err != nil {
		return nil, err
	}
	return startNode(dir)
}

// runningNode is a node together with the function that stops it.
type runningNode struct {
	*node.Node
	stop func() error // stops the node and waits until it has ended
}

// startNode starts a node that listens on a free port of 127.0.0.1.
func startNode(dir string, peers ...gossip.Address) (*runningNode, error) {
	ctx, cancel := context.WithCancel(context.Background())
	n, err := node.Open(ctx, node.Config{Params: network(), Data: dir, Listen: "127.0.0.1:0", Workers: 1, Peers: peers})
	if err != nil {
		cancel()
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	return &runningNode{n, func() error {
		cancel()
		return <-done
	}}, nil
}

// syncOnce starts a node on an empty folder, waits until it has every block, and
// returns the time that this took.
func syncOnce(ctx context.Context, from string) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, syncLimit, fmt.Errorf("the node did not get all %d blocks within %v", syncBlocks, syncLimit))
	defer cancel()
	dir, err := os.MkdirTemp("", "lode-bench-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	peer, err := gossip.ParseAddress(from)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	n, err := startNode(dir, peer)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	more := make(chan struct{}, 1)
	defer n.Chain().Subscribe(func(chain.Event) {
		select {
		case more <- struct{}{}:
		default:
		}
	})()
	for n.Chain().Len() <= syncBlocks {
		select {
		case <-more:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	return time.Since(start), nil
}
