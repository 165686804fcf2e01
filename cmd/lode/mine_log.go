package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/lodepow/lode/internal/loglimit"
	"github.com/lodepow/lode/mine"
)

// shareLog logs what becomes of solutions: blocks and refusals always, shares that count
// only with --verbose. A pool decides how many shares and blocks there are, and which of
// them it refuses, so the lines are limited.
type shareLog struct {
	log                       *slog.Logger
	blocks, refusals, retries *loglimit.Limiter
}

func newShareLog(log *slog.Logger) *shareLog {
	return &shareLog{
		log:      log,
		blocks:   loglimit.New(100, time.Second, nil),
		refusals: loglimit.New(20, 10*time.Second, nil),
		retries:  loglimit.New(20, 10*time.Second, nil),
	}
}

// submitted implements the function of [mine.Observer].
func (l *shareLog) submitted(s mine.Solution, outcome mine.Outcome, err error) {
	args := []any{"hash", s.Hash, "outcome", outcome}
	if err != nil {
		args = append(args, "err", err)
	}
	switch {
	case s.Block:
		l.blocks.Log(l.log, slog.LevelInfo, "block solved", args...)
	case outcome == mine.Accepted:
		l.log.Debug("share", args...)
	default:
		l.refusals.Log(l.log, slog.LevelWarn, "share not accepted", args...)
	}
}

// retrying implements the function of [mine.Observer].
func (l *shareLog) retrying(s mine.Solution, attempt int, after time.Duration, err error) {
	args := []any{"hash", s.Hash, "attempt", attempt, "again_in", after, "err", err}
	if s.Block {
		l.retries.Log(l.log, slog.LevelWarn, "no answer to a block, it will be submitted again", args...)
		return
	}
	l.log.Debug("no answer to a share, it will be submitted again", args...)
}

// warnings passes on only lines of the level warn and above.
type warnings struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs implements [slog.Handler].
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
