// Package loglimit bounds how many lines of a log others can cause, such as miners that
// connect and pools that send messages. Without a bound, they could fill the disk.
package loglimit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter writes the first lines at once, and later ones at a rate. A line that comes
// after others were left out says how many these were. A limiter is for one kind of
// event, so that a flood of one kind does not hide another. It is safe for use by several
// goroutines at once.
type Limiter struct {
	now func() time.Time

	mu      sync.Mutex
	rate    *rate.Limiter
	leftOut int // lines since the last one that was written
}

// New returns a limiter that writes atOnce lines after a pause, and one line in each
// interval of the length every on average. Nil for now means time.Now.
func New(atOnce int, every time.Duration, now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	return &Limiter{now: now, rate: rate.NewLimiter(rate.Every(every), atOnce)}
}

// Log writes a line unless there have been too many. The attribute left_out is the number
// of lines that were not written since the last one.
func (l *Limiter) Log(log *slog.Logger, level slog.Level, msg string, args ...any) {
	ctx := context.Background()
	if !log.Enabled(ctx, level) {
		return
	}
	l.mu.Lock()
	if !l.rate.AllowN(l.now(), 1) {
		l.leftOut++
		l.mu.Unlock()
		return
	}
	leftOut := l.leftOut
	l.leftOut = 0
	l.mu.Unlock()
	if leftOut > 0 {
		args = append(args, "left_out", leftOut)
	}
	log.Log(ctx, level, msg, args...)
}
