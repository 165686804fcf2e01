package mine

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errNoAnswer is what an observer gets if the source returns Unanswered without an
// error.
var errNoAnswer = errors.New("the source gave no answer and no reason")

const (
	// maxLate is how many blocks are submitted again and again at the same time while
	// the search goes on.
	maxLate = 16

	// longestRetry bounds the pause between two of these attempts.
	longestRetry = 10 * time.Second
)

// submitShares hands in the shares of the queue, one after another, until the
// queue is closed. Those that are left when the context ends are dropped. Several
// goroutines run it.
func (l *Loop) submitShares(ctx context.Context) {
	for s := range l.queue {
		if ctx.Err() != nil {
			l.observer.submitted(s, Unanswered, context.Cause(ctx))
			continue
		}
		l.submit(ctx, s)
	}
}

// submit hands in a solution, again if the source does not answer, and tells the
// observer how it went. A submission of a block that is under way when the context
// ends is finished, but not repeated.
//
// A block is worth more attempts than a share, because the source may be away for
// minutes. The search must not wait for so long, so another goroutine makes the attempts
// beyond the first few. submit then returns Unanswered, and the observer is told later.
func (l *Loop) submit(ctx context.Context, s Solution) Outcome {
	var outcome Outcome
	var err error
	for attempt := 1; ; attempt++ {
		outcome, err = l.submitOnce(ctx, s)
		if outcome != Unanswered || attempt >= l.attempts {
			break
		}
		l.observer.retrying(s, attempt, retryAfter, err)
		if !pause(ctx) {
			break
		}
	}
	if outcome == Unanswered && s.Block && l.attempts < l.blockAttempts && ctx.Err() == nil {
		select {
		case l.late <- struct{}{}:
			l.lateSubmits.Go(func() {
				defer func() { <-l.late }()
				l.submitLate(ctx, s, err)
			})
			return Unanswered
		default: // there are too many already
		}
	}
	l.observer.submitted(s, outcome, err)
	return outcome
}

// submitLate goes on with the submission of a block, which the source has not answered
// for the reason of the error.
func (l *Loop) submitLate(ctx context.Context, s Solution, err error) {
	outcome, made := Unanswered, l.attempts
	Late{
		Attempts: l.blockAttempts - l.attempts,
		First:    retryAfter,
		Longest:  longestRetry,
		Returns:  l.presence.returns,
		Pausing:  func(pause time.Duration) { l.observer.retrying(s, made, pause, err) },
	}.Run(ctx, func() (answered bool) {
		outcome, err = l.submitOnce(ctx, s)
		made++
		return outcome != Unanswered
	})
	l.observer.submitted(s, outcome, err)
}

// presence is whether the source had work when the loop asked it the last time. A block
// that is submitted late must not ask the source itself: [Source.Offer] can be costly, and
// can have effects, such as the end of a run.
type presence struct {
	mu   sync.Mutex
	back chan struct{} // closed when there is work again; nil: there is work
}

// set notes whether there is work.
func (p *presence) set(work bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case work && p.back != nil:
		close(p.back)
		p.back = nil
	case !work && p.back == nil:
		p.back = make(chan struct{})
	}
}

// returns returns a channel that is closed when a source that has no work now has some
// again. If the source has work, there is nothing to wait for, and the result is nil.
func (p *presence) returns() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.back
}

// submitOnce hands in a solution. The error of an outcome of Unanswered is not nil.
func (l *Loop) submitOnce(ctx context.Context, s Solution) (Outcome, error) {
	if s.Block {
		ctx = context.WithoutCancel(ctx) // it is worth the time that an answer takes
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	outcome, err := l.source.Submit(ctx, s)
	if outcome == Unanswered && err == nil {
		err = errNoAnswer
	}
	return outcome, err
}
