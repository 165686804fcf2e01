package mine

import (
	"context"
	"errors"
	"time"
)

// errNoAnswer is what an observer gets if the source returns Unanswered without an
// error.
var errNoAnswer = errors.New("the source gave no answer and no reason")

const (
	// maxLate is how many blocks are submitted again and again at the same time while
	// the search goes on.
	maxLate = 16

	// longestRetry bounds the pause between two of these attempts, unless the source is
	// back before that; see waitForReturn.
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
// for the reason of the error. The pauses grow.
func (l *Loop) submitLate(ctx context.Context, s Solution, err error) {
	outcome, wait := Unanswered, retryAfter
	returns := l.returns()
	for attempt := l.attempts; outcome == Unanswered && attempt < l.blockAttempts; attempt++ {
		l.observer.retrying(s, attempt, wait, err)
		if !waitForReturn(ctx, returns, wait) {
			break
		}
		// This is read before the attempt, so that a return during the attempt is noticed.
		returns = l.returns()
		outcome, err = l.submitOnce(ctx, s)
		wait = min(2*wait, longestRetry)
	}
	l.observer.submitted(s, outcome, err)
}

// returns returns a channel that is closed when a source that has no work now may have
// some again. If the source has work, there is nothing to wait for, and the result is nil.
func (l *Loop) returns() <-chan struct{} {
	if o, err := l.source.Offer(); err == nil && o.Work == nil {
		return o.Newer
	}
	return nil
}

// waitForReturn waits for the time, or for retryAfter if the source returns before that:
// a block that is ten seconds late may have lost against another one. It reports whether
// the context is still alive.
func waitForReturn(ctx context.Context, returns <-chan struct{}, d time.Duration) bool {
	first := min(d, retryAfter)
	if !waitFor(ctx, first) {
		return false
	}
	if d > first {
		wait(ctx, returns, d-first)
	}
	return ctx.Err() == nil
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
