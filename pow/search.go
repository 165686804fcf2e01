package pow

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// ErrExhausted is returned when a job's whole space was tried and held no
// answer.
var ErrExhausted = errors.New("no nonce in the space meets the target")

// errFound ends a group of workers when one of them has an answer.
var errFound = errors.New("found")

// Result is the answer to a job.
type Result struct {
	Header       Header // solved: with the nonce and version that meet the target
	Hash         Hash
	VersionIndex int // of the header's version in the job's list

	// Tries is the answer's position in the space, from 1, which is the same
	// for any kernel and any number of workers: the number of hashes that a
	// search on one lane would have needed. Statistics use it.
	Tries uint64

	// Hashes is the work really done, which is more than Tries when workers
	// were ahead of the answer. It is set even when there is none.
	Hashes uint64
}

// Search tries the job's nonces in ascending order, and the job's versions with
// each nonce, until one gives a hash that meets the target. The answer is the
// first in that order for any kernel, any number of workers and any scheduling.
//
// It returns [ErrExhausted] when there is none, and the context's cause when
// the context ended first; that takes no longer than a chunk of the kernel.
func (e *Engine) Search(ctx context.Context, job Job) (Result, error) {
	s, err := job.prepare()
	if err != nil {
		return Result{}, err
	}
	e.searches.begin()
	r, err := e.search(ctx, s)
	e.searches.end(err)
	return r, err
}

// claims is what the workers of one search share.
type claims struct {
	next   atomic.Uint64 // offset of the first nonce that is not claimed
	best   atomic.Uint64 // number of the first answer so far; noAnswer before
	hashes atomic.Uint64

	// For the latency of a cancel, if it is observed. The first worker whose part
	// of the search becomes long sets unwatch, under watch.
	watch   sync.Once
	outer   context.Context // the caller's, not that of the group of workers
	unwatch func() bool
	ended   atomic.Pointer[time.Time] // when outer ended
}

const noAnswer = math.MaxUint64

func (e *Engine) search(ctx context.Context, s *space) (Result, error) {
	c := claims{outer: ctx}
	c.best.Store(noAnswer)

	// A chunk is counted in hashes, so a long version list makes for fewer nonces.
	// Whole steps of the kernel waste no lanes between chunks.
	lanes := e.kernel.lanes
	step := uint64(max(1, e.kernel.chunk/len(s.versions)/lanes) * lanes)
	workers := min(uint64(e.workers), (s.count+step-1)/step)

	group, groupCtx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error { return e.work(groupCtx, s, &c, step) })
	}
	_ = group.Wait() // what it ended with is told by the claims
	if c.unwatch != nil && !c.unwatch() {
		e.tellCancelled(c.ended.Load())
	}

	// Chunks are claimed in ascending order and every claimed chunk is finished.
	// So all before the one with the answer were searched, and what stands in
	// best is the first of all, even if the context ended meanwhile.
	if at := c.best.Load(); at != noAnswer {
		r := s.result(at)
		r.Hashes = c.hashes.Load()
		return r, nil
	}
	if c.next.Load() >= s.count {
		return Result{Tries: s.size(), Hashes: c.hashes.Load()}, ErrExhausted
	}
	return Result{Hashes: c.hashes.Load()}, context.Cause(ctx)
}

// longSearch is how many chunks of a search, a few milliseconds, run at normal
// priority and without a look at when the context ends: a thread of its own and
// the look cost more than a short search.
const longSearch = 32

// work claims and searches chunks until there are none, one holds an answer, or
// the context ends.
func (e *Engine) work(ctx context.Context, s *space, c *claims, step uint64) error {
	for chunks := 0; ctx.Err() == nil; chunks++ {
		if chunks == longSearch {
			if e.background {
				runtime.LockOSThread() // and never unlock: the thread ends with the worker
				lowerPriority()
			}
			if e.observesCancel() {
				c.watch.Do(func() {
					c.unwatch = context.AfterFunc(c.outer, func() {
						now := e.now()
						c.ended.Store(&now)
					})
				})
			}
		}
		offset := c.next.Add(step) - step
		if offset >= s.count {
			return nil
		}
		o := s.scan(e.kernel.scan, offset, min(step, s.count-offset))
		c.hashes.Add(o.hashes)
		e.hashes.Add(o.hashes)
		if o.refused > 0 {
			e.refused.Add(o.refused)
		}
		if o.found {
			lower(&c.best, o.at)
			return errFound
		}
	}
	return nil
}

// lower sets v to at if that is less.
func lower(v *atomic.Uint64, at uint64) {
	for old := v.Load(); at < old; old = v.Load() {
		if v.CompareAndSwap(old, at) {
			return
		}
	}
}
