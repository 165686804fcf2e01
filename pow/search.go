package pow

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// ErrExhausted is returned when the whole space of a job has been searched and
// contains no answer.
var ErrExhausted = errors.New("no nonce in the space meets the target")

// Result is the outcome of a search. Without an answer, only the fields Tries,
// Searched and Hashes are set.
type Result struct {
	Header       Header // solved: with the nonce and the version that meet the target
	Hash         Hash
	VersionIndex int // index of the header's version in the job's list

	// Tries is the position of the answer in the space, counted from 1: the number
	// of hashes that a search one by one would have needed. It is the same for any
	// kernel and any number of workers, so statistics use it. In an exhausted
	// space it is the number of all hashes; a cancelled search leaves it zero.
	Tries uint64

	// Searched is the number of nonces, from the job's First on, that were tried
	// with every version and do not solve the job. A search that was cancelled is
	// resumed without a gap by adding Searched to First and, unless Count is zero,
	// subtracting it from Count.
	Searched uint64

	// Hashes is the number of hashes that were really computed. It exceeds Tries
	// when other workers were ahead of the answer.
	Hashes uint64
}

// Search tries the job's nonces in ascending order, and with each nonce the job's
// versions in the order of the list, until a hash meets the target. It returns
// the first answer in that order for any kernel, any number of workers and any
// scheduling.
//
// If there is no answer, the error is [ErrExhausted]. If the context ends first,
// Search returns as soon as its workers have finished their chunks, each of which
// takes at most 0.4 ms. The error then wraps both the context's cause and its
// error, so errors.Is(err, context.Canceled) holds for a cancelled search even if
// the cause is another error.
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

// claims is the state that the workers of one search share.
type claims struct {
	engine *Engine
	space  *space
	ctx    context.Context // the caller's context
	division

	next   atomic.Uint64 // offset of the first nonce that no worker has claimed
	best   atomic.Uint64 // number of the first answer so far, or noAnswer
	hashes atomic.Uint64
	team   team

	// These measure the latency of a cancel, if it is observed. The first worker
	// that reaches longSearch chunks sets unwatch, once.
	watch   sync.Once
	unwatch func() bool
	ended   atomic.Pointer[time.Time] // when ctx ended
}

const noAnswer = math.MaxUint64

func (e *Engine) search(ctx context.Context, s *space) (Result, error) {
	c := newClaims(ctx, e, s, e.divide(s))
	if c.alone > 0 {
		w := worker{claims: c}
		w.searchChunks(1, c.alone)
	}
	if c.workers > 0 && !c.over() {
		c.searchTogether()
	}

	// Chunks are claimed in ascending order, and every claimed chunk is finished.
	// So every chunk before the one with the answer has been searched, and best is
	// the first answer of all, even if the context has ended meanwhile.
	if at := c.best.Load(); at != noAnswer {
		r := s.result(at)
		r.Hashes = c.hashes.Load()
		return r, nil
	}
	if c.next.Load() >= s.count {
		return Result{Tries: s.size(), Searched: s.count, Hashes: c.hashes.Load()}, ErrExhausted
	}
	return Result{Searched: c.next.Load(), Hashes: c.hashes.Load()}, endOf(ctx)
}

func newClaims(ctx context.Context, e *Engine, s *space, d division) *claims {
	c := &claims{engine: e, space: s, ctx: ctx, division: d}
	c.best.Store(noAnswer)
	return c
}

// over reports whether no more chunks may be claimed, because there is an answer, which
// comes before all of them, or because the context has ended.
func (c *claims) over() bool { return c.best.Load() != noAnswer || c.ctx.Err() != nil }

// division says how workers divide a space.
type division struct {
	alone   uint64 // nonces that the caller of Search tries before others join it; may be 0
	step    uint64 // nonces of each chunk
	workers uint64 // not more than there are chunks
	long    int    // chunks after which a worker's search is long; see longSearch
}

const (
	// chunksOfLuck is the number of chunks that a search is expected to take. When one
	// worker finds the answer, the others finish their chunks, so a search takes longer
	// than necessary by the half of a chunk on average. Smaller chunks shorten that, and
	// make the claims cost more.
	chunksOfLuck = 64

	// smallestChunk is the part of a kernel's chunk that is the smallest worth a claim.
	smallestChunk = 16

	// aloneChunk is the part of a kernel's chunk that takes less time than it takes until
	// other workers have joined and left a search. If a search is expected to take no
	// more, the caller searches aloneLuck times as much before others join it, which is
	// hardly ever necessary.
	aloneChunk = 8
	aloneLuck  = 4
)

// divide returns how the space is divided.
//
// A chunk is a number of hashes, so the more versions there are, the fewer nonces it
// has. It is a multiple of the kernel's lanes, so that no lanes are idle at the end of a
// chunk.
func (e *Engine) divide(s *space) division {
	kernel := e.kernel.Load()
	chunk, lanes := kernel.chunk, kernel.lanes
	nonces := func(hashes int) uint64 { return uint64(max(1, hashes/len(s.versions)/lanes) * lanes) }

	expected := 1 << min(s.target.Zeros(), 30) // hashes; the true number may be twice as large
	hashes := min(max(expected/chunksOfLuck, chunk/smallestChunk), chunk)
	d := division{step: nonces(hashes), long: longSearch * max(1, chunk/max(1, hashes))}
	left := s.count
	if expected <= chunk/aloneChunk {
		d.alone = min(nonces(aloneLuck*chunk/aloneChunk), s.count)
		left -= d.alone
	}
	d.workers = min(uint64(e.workers), (left+d.step-1)/d.step)
	return d
}

const (
	// longSearch is the number of the kernel's chunks, worth a few milliseconds, after
	// which a worker watches for the end of the context and, if the engine is to be nice,
	// lowers its priority. Both cost more than a short search takes.
	longSearch = 32

	// yieldAfter is the time for which a worker hashes before it lets others run. The
	// scheduler cannot preempt a kernel written in assembly, so without this a timer
	// waits about 17 ms for a processor. A shorter time costs more of the hash rate;
	// docs/benchmarks.md has the figures.
	yieldAfter = 2 * time.Millisecond
)

// worker is one of the goroutines of a search. One of them, number 0, is that of the
// caller, unless the engine is to be nice.
type worker struct {
	*claims
	number uint64 // among the workers of the search, from 0

	resumed time.Time // when the worker last began or yielded; zero before its first chunk
}

// work claims and searches chunks until there are no more, one contains an answer, or
// the context ends.
func (w worker) work() {
	if w.searchChunks(1, w.step) {
		return
	}
	if w.number == 0 {
		w.recruit()
	}
	if w.searchChunks(w.long-1, w.step) {
		return
	}
	e, c := w.engine, w.claims
	if e.observesCancel() {
		c.watch.Do(func() {
			c.unwatch = context.AfterFunc(c.ctx, func() {
				now := e.now()
				c.ended.Store(&now)
			})
		})
	}
	if e.nice {
		rest := w // only this copy is allocated, and only here
		nicely(func() { rest.searchChunks(math.MaxInt, rest.step) })
		return
	}
	w.searchChunks(math.MaxInt, w.step)
}

// searchChunks searches at most limit chunks of step nonces. It reports whether the
// worker's search is over.
func (w *worker) searchChunks(limit int, step uint64) (over bool) {
	e, s, c := w.engine, w.space, w.claims
	for range limit {
		if c.over() {
			return true
		}
		offset := c.next.Add(step) - step
		if offset >= s.count {
			return true
		}
		o := s.scan(e.kernel.Load().scan, offset, min(step, s.count-offset))
		c.hashes.Add(o.hashes)
		e.hashes.Add(o.hashes)
		e.byWorker[w.number].hashes.Add(o.hashes)
		s.progress.add(o.hashes)
		if o.refused > 0 {
			e.refused.Add(o.refused)
		}
		if o.found {
			lower(&c.best, o.at)
			return true
		}
		w.yield()
	}
	return c.over()
}

// yield lets others run if the worker has hashed for yieldAfter. It is called after each
// chunk. A search that ends within its first chunk therefore does not read the clock.
func (w *worker) yield() {
	e := w.engine
	now := e.clock()
	if w.resumed.IsZero() {
		w.resumed = now
		return
	}
	if now.Sub(w.resumed) >= yieldAfter {
		if !e.hasFree() {
			e.gosched()
		}
		w.resumed = e.clock()
	}
}

// lower sets v to at if at is less than v.
func lower(v *atomic.Uint64, at uint64) {
	for old := v.Load(); at < old; old = v.Load() {
		if v.CompareAndSwap(old, at) {
			return
		}
	}
}
