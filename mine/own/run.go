package own

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// run is the search for one block. It lasts until the block has been accepted or the
// search has failed. Any number of callers of Mine can wait for its end.
type run struct {
	done chan struct{}

	// parent is the block on which the run mines at present, and since is when it
	// began to. The source's lock guards both.
	parent pow.Hash
	since  time.Time

	// These are set before done is closed, and not changed after that.
	block block.Block
	mined bool
	err   error
}

func newRun() *run { return &run{done: make(chan struct{})} }

// mineOn records that the run now mines on the given parent.
func (r *run) mineOn(parent pow.Hash, now time.Time) {
	if r.since.IsZero() || r.parent != parent {
		r.parent, r.since = parent, now
	}
}

// took returns how long the run has mined on the present parent. It returns zero if
// r is nil, because a block may also be submitted when there is no run.
func (r *run) took(now time.Time) time.Duration {
	if r == nil || r.since.IsZero() {
		return 0
	}
	return now.Sub(r.since)
}

// Mine waits for the next block of this source, and asks for it if need be. It
// reports false if there are no transactions to mine. Calls that come while a block
// is being mined wait for that one. The end of ctx ends the wait, never the search.
func (s *Source) Mine(ctx context.Context) (b block.Block, mined bool, err error) {
	return s.wait(ctx, s.join())
}

// wait waits for the end of the run.
func (s *Source) wait(ctx context.Context, r *run) (b block.Block, mined bool, err error) {
	select {
	case <-r.done:
		return r.block, r.mined, r.err
	case <-ctx.Done():
		return block.Block{}, false, context.Cause(ctx)
	case <-s.closed:
	}
	select {
	case <-r.done: // before the end
		return r.block, r.mined, r.err
	default:
		return block.Block{}, false, ErrStopped
	}
}

// join returns the present run, or begins one.
func (s *Source) join() *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		s.run = newRun()
		s.life.Outdate() // the present offer has no work
	}
	return s.run
}

// end ends the present run with the outcome in r. The caller holds mu.
func (s *Source) end(r run) {
	if s.run == nil {
		return
	}
	s.run.block, s.run.mined, s.run.err = r.block, r.mined, r.err
	close(s.run.done)
	s.run = nil
}

// fail ends the present run with the error, logs and returns it. The caller holds
// mu.
func (s *Source) fail(err error) error {
	level := slog.LevelError
	if errors.Is(err, ErrAhead) {
		level = slog.LevelWarn
	}
	s.log.Log(context.Background(), level, "no block mined", "err", err)
	s.end(run{err: err})
	return err
}
