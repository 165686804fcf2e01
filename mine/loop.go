package mine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lodepow/lode/pow"
)

const (
	reportEvery = 10 * time.Second // in the log, during a long search
	retryAfter  = time.Second      // the pause after an error

	// recheckAfter is the interval at which a loop that has searched all of its work
	// looks whether the clock now allows more headers.
	recheckAfter = 100 * time.Millisecond
)

// errStale ends the search of a work whose Stale has been closed.
var errStale = errors.New("the work is stale")

// ErrQueueFull is the reason that an observer gets for a share that was dropped,
// because too many others were waiting for the source.
var ErrQueueFull = errors.New("too many solutions wait for the source: this one is dropped")

// Engine searches jobs. [pow.Engine] is one.
type Engine interface {
	Search(ctx context.Context, job pow.Job) (pow.Result, error)

	// ReportBlock reports that a block has been solved. since is when the search for
	// it began.
	ReportBlock(since time.Time)
}

// Config says what to mine and how. Engine and Source are required; the zero value
// of everything else works.
type Config struct {
	Engine Engine
	Source Source

	// Start is the number of the extranonce to begin every work with, modulo the
	// size of its space. Miners with different starts do not repeat each other's
	// hashes for a long time, even if they search the same work.
	Start uint64

	// Shares wait for the source in a queue of this length, so that a slow source
	// does not hold up the search. 0 means 64.
	Queue int

	// Parallel is how many shares are submitted at the same time, so that the delay of
	// each answer does not limit their rate, and a lost answer does not hold up the
	// shares behind it. 0 means 4.
	Parallel int

	// Attempts is how often a solution is submitted until the source answers, with
	// a pause of a second in between. 0 means 3.
	Attempts int

	// BlockAttempts is how often a block is submitted until the source answers. The search
	// goes on during those beyond Attempts. Their pauses grow from a second to ten, so 60 of
	// them take at least nine minutes. A source that had no work and has some again is asked
	// at once; up to as many of such early attempts do not count, so it can take longer. At
	// most 16 blocks wait like this at the same time; a further one is given up after
	// Attempts. 0 means as many as Attempts.
	BlockAttempts int

	// Timeout bounds one submission. 0 means 10 seconds.
	Timeout time.Duration

	Observer Observer
	Now      func() time.Time // nil: time.Now
	Logger   *slog.Logger     // nil: no log
}

// Observer is a set of functions that a loop calls as events happen. Nil functions
// are skipped. They may be called by several goroutines at once and must be quick.
type Observer struct {
	// WorkTaken is called when the loop begins to search a work.
	WorkTaken func(Work)

	// Retrying is called when the source has not answered an attempt to submit a
	// solution, for the reason of the error, and there will be another attempt after
	// the given time, or sooner for a block whose source is back before that. The first
	// attempt has the number 1.
	Retrying func(s Solution, attempt int, after time.Duration, err error)

	// Submitted is called once for each solution, when its source has answered or
	// the loop has given up. An outcome of Unanswered comes with the reason.
	Submitted func(Solution, Outcome, error)

	// Exhausted is called when all headers of a work that the clock allows have
	// been searched. The loop then waits for the clock or for other work.
	Exhausted func(Work)
}

func (o Observer) workTaken(w Work) {
	if o.WorkTaken != nil {
		o.WorkTaken(w)
	}
}

func (o Observer) retrying(s Solution, attempt int, after time.Duration, err error) {
	if o.Retrying != nil {
		o.Retrying(s, attempt, after, err)
	}
}

func (o Observer) submitted(s Solution, outcome Outcome, err error) {
	if o.Submitted != nil {
		o.Submitted(s, outcome, err)
	}
}

func (o Observer) exhausted(w Work) {
	if o.Exhausted != nil {
		o.Exhausted(w)
	}
}

// Loop mines what one source offers.
type Loop struct {
	engine   Engine
	source   Source
	start    uint64
	parallel int
	attempts int
	timeout  time.Duration

	blockAttempts int            // at least attempts
	late          chan struct{}  // has an element for each block that is submitted while the search goes on
	lateSubmits   sync.WaitGroup // the goroutines that submit these blocks
	presence      presence       // tells them when the source is back

	observer Observer
	now      func() time.Time
	log      *slog.Logger

	queue   chan Solution // shares that wait for the source
	tracker tracker

	// cursor is how far the latest work has been searched. Only the goroutine of
	// Run uses it. It outlives a search, in case the source offers the same work
	// again.
	cursor *cursor
}

// New makes a loop. It does nothing until Run.
func New(c Config) (*Loop, error) {
	if c.Engine == nil || c.Source == nil {
		return nil, errors.New("mining needs an engine and a source of work")
	}
	if c.Queue < 0 || c.Parallel < 0 || c.Attempts < 0 || c.BlockAttempts < 0 || c.Timeout < 0 {
		return nil, fmt.Errorf("queue of %d solutions, %d in parallel, %d attempts, %d for a block, timeout %v: want none of them negative", c.Queue, c.Parallel, c.Attempts, c.BlockAttempts, c.Timeout)
	}
	if c.Queue == 0 {
		c.Queue = 64
	}
	if c.Parallel == 0 {
		c.Parallel = 4
	}
	if c.Attempts == 0 {
		c.Attempts = 3
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Loop{
		engine: c.Engine, source: c.Source, start: c.Start,
		parallel: c.Parallel, attempts: c.Attempts, timeout: c.Timeout,
		observer: c.Observer, now: c.Now, log: c.Logger,
		blockAttempts: max(c.BlockAttempts, c.Attempts), late: make(chan struct{}, maxLate),
		queue:   make(chan Solution, c.Queue),
		tracker: tracker{now: c.Now},
	}, nil
}

// Progress returns how far the present search is.
func (l *Loop) Progress() Progress { return l.tracker.progress() }

// Run mines until the context ends. It must not be called twice.
//
// A block that has been solved when the context ends is still submitted. Shares
// that still wait for the source are dropped.
func (l *Loop) Run(ctx context.Context) {
	var group sync.WaitGroup
	for range l.parallel {
		group.Go(func() { l.submitShares(ctx) })
	}
	group.Go(func() { l.report(ctx) })
	for ctx.Err() == nil {
		l.step(ctx)
	}
	l.tracker.end()
	close(l.queue)
	group.Wait()
	l.lateSubmits.Wait()
}

// step mines one offer of the source, or waits for a better one.
func (l *Loop) step(ctx context.Context) {
	offer, err := l.source.Offer()
	if err == nil && offer.Work != nil {
		err = offer.Work.Validate()
	}
	l.presence.set(err == nil && offer.Work != nil)
	if err != nil {
		l.tracker.end()
		l.log.Debug("no work", "err", err)
		pause(ctx)
		return
	}
	if offer.Work == nil {
		l.tracker.end()
		wait(ctx, offer.Newer, offer.Wait)
		return
	}
	taken := l.cursor == nil || l.cursor.work.ID != offer.Work.ID
	if !l.cursor.adopt(*offer.Work) {
		l.cursor = newCursor(*offer.Work, l.start)
		taken = true
	}
	if taken {
		l.observer.workTaken(*offer.Work)
	}
	l.search(ctx, offer)
}

// search searches the work of an offer, job after job: at least one, and until the
// source has newer work, the work is stale, a block has been solved, or the
// context ends.
func (l *Loop) search(ctx context.Context, offer Offer) {
	search, stop := untilStale(ctx, offer.Stale)
	defer stop()
	tracked := l.tracker.begin(*offer.Work)
	for {
		count := jobNonces(l.Progress().Rate, l.cursor.versions)
		extranonce, job, ok := l.cursor.next(l.now(), count)
		if !ok {
			l.waitForMore(ctx, offer)
			return
		}
		job.Progress = &tracked.hashes
		result, err := l.engine.Search(search, job)
		switch {
		case err == nil:
			l.cursor.markSolved(result.Header.Nonce)
			if l.solved(ctx, extranonce, result.Header, tracked) {
				return
			}
		case errors.Is(err, pow.ErrExhausted):
			l.cursor.advance(job.Count)
		case search.Err() != nil:
			l.cursor.advance(result.Searched)
			l.tracker.end()
			return
		default:
			l.tracker.end()
			l.log.Error("search failed", "work", offer.Work.ID, "err", err)
			pause(ctx)
			return
		}
		if search.Err() != nil {
			l.tracker.end()
			return
		}
		select {
		case <-offer.Newer:
			return
		default:
		}
	}
}

// untilStale returns a context that ends with the given one, or when stale is
// closed. The caller must call stop.
func untilStale(ctx context.Context, stale <-chan struct{}) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		select {
		case <-stale:
			cancel(errStale)
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		group.Wait()
	}
}

// solved hands in a solved header, and reports whether that ends the work.
//
// A share waits in the queue while the search goes on. A block ends the search:
// whatever the source answers, there is better work afterwards. The loop therefore
// waits for the outcome, and then asks for new work.
func (l *Loop) solved(ctx context.Context, extranonce []byte, h pow.Header, tracked *tracked) (over bool) {
	s, err := l.cursor.work.Solution(extranonce, h)
	if err != nil {
		// The engine has confirmed the hash, so it has searched another job.
		l.log.Error("engine returned a header that does not solve the work", "work", l.cursor.work.ID, "err", err)
		return false
	}
	if !s.Block {
		select {
		case l.queue <- s:
		default:
			l.observer.submitted(s, Unanswered, ErrQueueFull)
		}
		return false
	}
	l.engine.ReportBlock(tracked.since)
	l.tracker.end()
	outcome := l.submit(ctx, s)
	if outcome == Unanswered || outcome == Invalid {
		pause(ctx) // something is wrong, so do not solve a thousand more
	}
	return true
}

// waitForMore waits until there is more to search.
func (l *Loop) waitForMore(ctx context.Context, offer Offer) {
	l.tracker.end()
	l.observer.exhausted(*offer.Work)
	for wait(ctx, offer.Newer, recheckAfter) {
		if _, ok := l.cursor.ready(l.now()); ok {
			return
		}
	}
}

// report logs the progress of a long search, which may take days.
func (l *Loop) report(ctx context.Context) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if p := l.Progress(); p.Mining && l.now().Sub(p.Since) >= reportEvery {
				l.log.Info("mining", "height", p.Height, "hashes", p.Hashes, "rate", uint64(p.Rate), "expected", uint64(p.Expected))
			}
		}
	}
}

// pause waits for retryAfter, and reports whether the context is still alive.
func pause(ctx context.Context) bool { return waitFor(ctx, retryAfter) }

// waitFor waits for the time, and reports whether the context is still alive.
func waitFor(ctx context.Context, d time.Duration) bool {
	return wait(ctx, nil, d) && ctx.Err() == nil
}

// wait waits until the signal is closed, the time has passed or the context has
// ended. It returns true if the time has passed. A time of 0 never passes.
func wait(ctx context.Context, signal <-chan struct{}, d time.Duration) (timedOut bool) {
	var passed <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		passed = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-signal:
		return false
	case <-passed:
		return true
	}
}
