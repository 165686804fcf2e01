package own

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// run is the search for the blocks that have been asked for. It lasts until a block
// has been accepted that answers every call of Mine, or until the search has failed.
// It outlives its callers. The source's lock guards it.
type run struct {
	// parent is the block on which the run mines at present, and since is when it
	// began to.
	parent pow.Hash
	since  time.Time

	// work is the number of the first work whose block answers all calls so far, or 0
	// if nobody has called. If needsWork is true, that work has not been made yet.
	work      uint64
	needsWork bool
}

// call is a call of Mine that waits for its answer.
type call struct {
	// work is the number of the first work that contains the transactions that were
	// pending when the call came, as far as they fit into a block. It is 0 until that
	// work has been made. The source's lock guards it.
	work uint64

	done chan struct{}

	// These are set before done is closed, and not changed after that.
	block block.Block
	mined bool
	err   error
}

// mineOn records that the run now mines on the given parent.
func (r *run) mineOn(parent pow.Hash, now time.Time) {
	if r.parent != parent { // the zero hash, before the first parent, is of no block
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

// Mine waits for a block of this source that contains the transactions that are
// pending now, and asks for it if need be. If they do not all fit into one block, it
// waits for one that has been filled with them in order of arrival. It reports false
// if there are no transactions to mine.
//
// A call joins the search that is under way if its work contains those transactions.
// If not, the source offers newer work, and a block of the older work does not answer
// the call. The end of ctx ends the wait, never the search.
func (s *Source) Mine(ctx context.Context) (b block.Block, mined bool, err error) {
	return s.wait(ctx, s.join())
}

// wait waits for the answer to the call.
func (s *Source) wait(ctx context.Context, c *call) (b block.Block, mined bool, err error) {
	select {
	case <-c.done:
		return c.block, c.mined, c.err
	case <-ctx.Done():
		s.forget(c)
		return block.Block{}, false, context.Cause(ctx)
	case <-s.closed:
	}
	select {
	case <-c.done: // before the end
		return c.block, c.mined, c.err
	default:
		s.forget(c)
		return block.Block{}, false, ErrStopped
	}
}

// join notes a call, and begins a run if there is none.
func (s *Source) join() *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &call{done: make(chan struct{})}
	if s.mode == Off {
		c.err = ErrOff
		close(c.done)
		return c
	}
	s.calls = append(s.calls, c)
	if s.run == nil {
		s.run = &run{}
		s.life.Outdate() // the present offer has no work, or work of a search that has failed
	}
	if s.offersAllPending() {
		c.work = s.last
		s.run.work = s.last
	} else {
		s.run.needsWork = true
		s.life.Outdate()
	}
	return c
}

// offersAllPending reports whether the latest offer has work that contains all pending
// transactions. On one tip the mempool only grows, and a template takes it from the
// front, so it is enough to compare the numbers. The caller holds mu.
//
// The tip is read after the number. If it is still the parent of the work then, it was
// so when the transactions were counted. Were it read before, a block of this very work
// could become the tip in between and leave as many transactions as it has taken, and
// the work would seem to contain those.
func (s *Source) offersAllPending() bool {
	if s.offer == nil {
		return false
	}
	pending, _ := s.chain.PendingCount()
	return s.prev == s.chain.Tip().Hash && pending == len(s.works[len(s.works)-1].template.Txs)
}

// assign notes that the calls that have come so far are answered by a block of the
// work with that number, or of a later one. Its template has just been made. The
// caller holds mu.
func (s *Source) assign(work uint64) {
	if !s.run.needsWork {
		return
	}
	s.run.work, s.run.needsWork = work, false
	for _, c := range s.calls {
		if c.work == 0 {
			c.work = work
		}
	}
}

// forget removes a call whose caller no longer waits.
func (s *Source) forget(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = slices.DeleteFunc(s.calls, func(other *call) bool { return other == c })
}

// answer answers the calls that wait for a block of the given work. If there have been
// others, the run goes on for them. The caller holds mu.
func (s *Source) answer(work uint64, b block.Block) {
	s.calls = slices.DeleteFunc(s.calls, func(c *call) bool {
		if c.work == 0 || c.work > work {
			return false
		}
		c.block, c.mined = b, true
		close(c.done)
		return true
	})
	if r := s.run; r != nil {
		s.run = nil
		if r.needsWork || r.work > work {
			s.run = &run{work: r.work, needsWork: r.needsWork}
		}
	}
}

// end ends the present run without a block. The error is nil if there is nothing to
// mine. The caller holds mu.
func (s *Source) end(err error) {
	for _, c := range s.calls {
		c.err = err
		close(c.done)
	}
	s.calls, s.run = nil, nil
}

// fail ends the present run with the error, logs and returns it. The caller holds
// mu.
func (s *Source) fail(err error) error {
	level := slog.LevelError
	if errors.Is(err, ErrAhead) {
		level = slog.LevelWarn
	}
	s.log.Log(context.Background(), level, "no block mined", "err", err)
	s.end(err)
	return err
}
