package mine

import (
	"context"
	"time"
)

// Late submits again what a source has not answered, for minutes and with growing pauses.
//
// When the source is back after a time without work, the rest of the pause is skipped,
// because a block that is ten seconds late may have lost against another one. Such an early
// attempt does not count as one of Attempts, so that a source that comes and goes is not
// given up sooner. There are at most as many early attempts as there are Attempts.
type Late struct {
	Attempts       int
	First, Longest time.Duration // the pauses; they double from the first to the longest

	// Returns returns a channel that is closed when a source that has no work now has some
	// again, and nil if the source has work.
	Returns func() <-chan struct{}

	// Pausing is called before each pause. It may be nil.
	Pausing func(pause time.Duration)
}

// Run pauses and makes an attempt, again and again, until an attempt reports that it was
// answered, the attempts are used up or the context ends.
func (l Late) Run(ctx context.Context, attempt func() (answered bool)) {
	pause, early := l.First, 0
	returns := l.Returns()
	for counted := 0; counted < l.Attempts; {
		if l.Pausing != nil {
			l.Pausing(pause)
		}
		if early >= l.Attempts {
			returns = nil
		}
		cut, ok := l.wait(ctx, returns, pause)
		if !ok {
			return
		}
		if cut {
			early++
		} else {
			counted++
			pause = min(2*pause, l.Longest)
		}
		// This is read before the attempt, so that a return during the attempt is noticed.
		returns = l.Returns()
		if attempt() {
			return
		}
		if returns == nil { // the source may have been lost during the attempt
			returns = l.Returns()
		}
	}
}

// wait waits for the pause. If the source returns before that, the wait is cut short, but
// not to less than the first pause. ok is false if the context has ended.
func (l Late) wait(ctx context.Context, returns <-chan struct{}, pause time.Duration) (cut, ok bool) {
	if !waitFor(ctx, l.First) {
		return false, false
	}
	if pause > l.First {
		cut = !wait(ctx, returns, pause-l.First)
	}
	return cut, ctx.Err() == nil
}
