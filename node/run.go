package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lodepow/lode/node/internal/tick"
)

// ErrClosed is the error of a Run that comes after Close or after another Run.
var ErrClosed = errors.New("node: it has been closed, or run before: open another one")

// life is how far a node has come in its life: it runs at most once, and is closed
// once.
type life struct {
	mu   sync.Mutex
	used bool          // Run or Close has been called
	stop func()        // ends Run; nil: Run has not been called
	gone chan struct{} // closed when everything has been given back
}

func newLife() life { return life{gone: make(chan struct{})} }

// use marks the node as used, with a function that ends the use. It returns false if
// it was used before.
func (l *life) use(stop func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used {
		return false
	}
	l.used, l.stop = true, stop
	return true
}

// Run serves and mines until the context ends, until Close is called, or until a part
// of the node fails. Then it stops everything, closes the store, and takes the node's
// metrics out of the registry. A node runs once: later calls return [ErrClosed].
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !n.life.use(cancel) {
		return ErrClosed
	}
	defer close(n.life.gone)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		n.miner.Run(ctx)
		return nil
	})
	group.Go(func() error {
		n.retryHeld(ctx)
		return nil
	})
	if n.stratum != nil {
		group.Go(func() error { return n.stratum.server.Run(ctx, n.stratum.listener) })
	}
	group.Go(func() error { return n.network.Run(ctx) })
	group.Go(func() error { return awaitBroken(ctx, n.store, n.log) })
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
	return errors.Join(err, n.release())
}

// Close gives back what the node has taken: the port, the data folder, and the names
// of its metrics in the registry. If Run is under way, Close ends it and waits until
// it has returned; what goes wrong meanwhile is Run's error. Later calls do nothing.
// Close must not be called by a subscriber or an observer, for which Run waits.
func (n *Node) Close() error {
	if n.life.use(nil) {
		defer close(n.life.gone)
		return n.release()
	}
	if n.life.stop != nil { // is not changed any more
		n.life.stop()
	}
	<-n.life.gone
	return nil
}

// onRelease adds a function to those that release calls.
func (n *Node) onRelease(f func() error) { n.closers = append(n.closers, f) }

// release gives back what Open has taken.
func (n *Node) release() error {
	var errs []error
	for _, f := range slices.Backward(n.closers) {
		errs = append(errs, f())
	}
	n.closers = nil
	return errors.Join(errs...)
}

// retryHeld has the chain place, at intervals, the blocks that it holds because
// their header time was ahead of the clock and whose time has come. If this node's
// clock agrees with its peers' clocks, the chain also leaves the blocks that are too far
// ahead of it.
func (n *Node) retryHeld(ctx context.Context) {
	tick.Every(ctx, retryHeldEvery, func() {
		n.chain.RetryHeld()
		if n.network.Clock().Agrees() {
			n.chain.HoldBack()
		}
	})
}

// stopServing ends the HTTP server. Requests under way have shutdownGrace to finish;
// then their connections are closed.
func (n *Node) stopServing() error {
	n.api.Close()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if n.server.Shutdown(ctx) == nil {
		return nil
	}
	return n.server.Close()
}
