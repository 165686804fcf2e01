package mine

import (
	"context"
	"errors"
)

// errNoAnswer is what an observer gets if the source returns Unanswered without an
// error.
var errNoAnswer = errors.New("the source gave no answer and no reason")

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
func (l *Loop) submit(ctx context.Context, s Solution) Outcome {
	base := ctx
	if s.Block {
		base = context.WithoutCancel(ctx)
	}
	for attempt := 1; ; attempt++ {
		outcome, err := l.submitOnce(base, s)
		if outcome == Unanswered && attempt < l.attempts {
			pause(ctx)
			if ctx.Err() == nil {
				continue
			}
		}
		if outcome == Unanswered && err == nil {
			err = errNoAnswer
		}
		l.observer.submitted(s, outcome, err)
		return outcome
	}
}

func (l *Loop) submitOnce(ctx context.Context, s Solution) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	return l.source.Submit(ctx, s)
}
