package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/lodepow/lode/mine"
)

// A block whose submission was not answered is submitted again later, beside the
// session's other work. Then a source that is away for some minutes, such as a pool
// behind a proxy, does not cost the block. When such a source is back, the block is
// submitted at once.
const (
	maxLate          = 16 // such blocks at the same time
	lateAttempts     = 57 // at least nine minutes, most of them at the longest pause
	longestLatePause = 10 * time.Second
)

// submitLater goes on with the submission of a block until the source answers, the
// attempts are used up or the server stops, and notes the outcome then. It reports false
// if the server has too many such blocks already.
func (s *Server) submitLater(ctx context.Context, b Block, sol mine.Solution) bool {
	select {
	case s.late <- struct{}{}:
	default:
		return false
	}
	s.running.Go(func() {
		defer func() { <-s.late }()
		var err error
		mine.Late{
			Attempts: lateAttempts, First: submitPause, Longest: longestLatePause, Returns: s.returns,
		}.Run(ctx, func() (answered bool) {
			if b.Outcome, err = s.handInOnce(ctx, sol); b.Outcome != mine.Unanswered {
				return true
			}
			s.solutions.Log(s.log, slog.LevelWarn, "a miner's block is submitted again, because it was not answered", "hash", b.Hash, "err", err)
			return false
		})
		s.noteBlock(b, err)
	})
	return true
}

// returns returns a channel that is closed when a source that has no work now has some
// again. If the source has work, there is nothing to wait for, and the result is nil.
func (s *Server) returns() <-chan struct{} {
	if b := s.board.Load(); b.offer.Work == nil {
		return b.next
	}
	return nil
}
