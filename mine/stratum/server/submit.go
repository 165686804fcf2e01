package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/mine/stratum/vardiff"
	"github.com/lodepow/lode/pow"
)

// Share is what became of a share.
type Share string

// What may become of a share.
const (
	ShareAccepted     Share = "accepted"
	ShareStale        Share = "stale"        // its job is not known, or no longer worth anything
	ShareDuplicate    Share = "duplicate"    // submitted before
	ShareLow          Share = "low"          // the hash does not meet the job's difficulty
	ShareTime         Share = "time"         // before the job's least time, or too far ahead of the clock
	ShareVersion      Share = "version"      // differs outside the bits that the session may roll
	ShareMalformed    Share = "malformed"    // could not be read, or the extranonce has another length
	ShareUnauthorized Share = "unauthorized" // of a worker that the session has not authorized
)

// Shares returns all that may become of a share, for tables and labels.
func Shares() []Share {
	return []Share{ShareAccepted, ShareStale, ShareDuplicate, ShareLow, ShareTime, ShareVersion, ShareMalformed, ShareUnauthorized}
}

// Submissions of a block that the source does not answer are repeated.
const (
	submitTimeout  = 10 * time.Second
	submitAttempts = 3
	submitPause    = time.Second
)

// verdict is what becomes of a share.
type verdict struct {
	share Share
	code  int // of the refusal, with its text
	text  string

	// These are of shares that are accepted.
	difficulty float64       // of the job
	worth      vardiff.Worth // for the rate of all miners
	own        vardiff.Worth // for the rate of the worker that has sent it
}

// refused returns the verdict about a share that is not accepted.
func refused(share Share, code int, text string) verdict {
	return verdict{share: share, code: code, text: text}
}

// submit answers mining.submit.
func (s *session) submit(ctx context.Context, m stratum.Message) error {
	in, err := stratum.ParseSubmit(m)
	if err != nil {
		s.server.count(refused(ShareMalformed, 0, ""), nil)
		return s.refuseMalformed(m.ID, err)
	}
	v := s.judge(ctx, in)
	if v.share == ShareAccepted {
		return s.answer(stratum.NewAnswer(m.ID, true))
	}
	return s.refuse(m.ID, v.code, v.text)
}

// judge decides what becomes of a share, and counts it.
func (s *session) judge(ctx context.Context, in stratum.Submit) (v verdict) {
	s.mu.Lock()
	subscribed := s.subscribed
	w, authorized := s.names[in.User]
	j := s.findJob(in.Job)
	s.mu.Unlock()
	defer func() { s.server.count(v, w) }()
	switch {
	case !subscribed:
		return refused(ShareUnauthorized, stratum.CodeNotSubscribed, "Not subscribed")
	case !authorized:
		return refused(ShareUnauthorized, stratum.CodeUnauthorized, "Unauthorized worker")
	case j == nil:
		return refused(ShareStale, stratum.CodeStale, "Job not found")
	}
	extranonce, h, err := in.Header(j.work)
	var sol mine.Solution
	if err == nil {
		sol, err = j.work.Solution(extranonce, h)
	}
	if ahead := time.Unix(int64(h.Time), 0).Sub(s.server.now()); err == nil && ahead > s.server.maxAhead {
		err = fmt.Errorf("%w: %s ahead of the clock", mine.ErrTime, ahead)
	}
	if err != nil {
		e := stratum.ShareError(err)
		return refused(shareOf(err), e.Code, e.Text)
	}
	return s.take(ctx, j, in.User, extranonce, h, sol)
}

// shareOf returns what becomes of a share that is refused with the error.
func shareOf(err error) Share {
	switch {
	case errors.Is(err, mine.ErrLow):
		return ShareLow
	case errors.Is(err, mine.ErrTime):
		return ShareTime
	case errors.Is(err, mine.ErrVersion):
		return ShareVersion
	}
	return ShareMalformed
}

// take counts a share that meets the difficulty of its job, unless it is a duplicate,
// and hands it to the source if it is good enough for that. If the job is stale, the
// share counts only if the source accepts it.
func (s *session) take(ctx context.Context, j *job, user string, extranonce []byte, h pow.Header, sol mine.Solution) verdict {
	s.mu.Lock()
	isNew := s.keepShare(j, sol)
	stale := j.board.isStale()
	worth := vardiff.Worth{Share: j.difficulty}
	if isNew && !stale {
		s.control.Share(time.Now(), j.difficulty)
		worth = s.control.Worth()
	}
	// The time before the first share is that of the whole session. Nobody knows what part
	// of it was the work of one of several workers.
	own := worth
	if len(s.names) > 1 {
		own = vardiff.Worth{Share: j.difficulty}
	}
	changed := s.outdated || s.control.Difficulty() != j.difficulty
	s.mu.Unlock()
	if !isNew {
		return refused(ShareDuplicate, stratum.CodeDuplicate, "Duplicate share")
	}
	if changed {
		s.update()
	}
	outcome := mine.Unanswered
	if whole, err := j.whole().Solution(extranonce, h); err == nil {
		outcome = s.handIn(ctx, j, user, whole)
	}
	if stale && outcome != mine.Accepted {
		return refused(ShareStale, stratum.CodeStale, "Stale share")
	}
	return verdict{share: ShareAccepted, difficulty: j.difficulty, worth: worth, own: own}
}

// handIn submits a solution of the source's work, and again if the source does not
// answer. The miner waits for its answer meanwhile, so after a few attempts those for a
// block go on without it.
func (s *session) handIn(ctx context.Context, j *job, user string, sol mine.Solution) mine.Outcome {
	for attempt := 1; ; attempt++ {
		outcome, err := s.server.handInOnce(ctx, sol)
		if outcome == mine.Unanswered && attempt < submitAttempts && pause(ctx, submitPause) {
			continue
		}
		b := Block{
			Time: s.server.now(), Height: j.work.Height, Hash: sol.Hash, Worker: user, IsBlock: sol.Block, Outcome: outcome,
		}
		if outcome != mine.Unanswered || !sol.Block || !s.server.submitLater(ctx, b, sol) {
			s.server.noteBlock(b, err)
		}
		return outcome
	}
}

// handInOnce submits a solution. An attempt that is under way is not given up when the
// server stops.
func (s *Server) handInOnce(ctx context.Context, sol mine.Solution) (mine.Outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), submitTimeout)
	defer cancel()
	return s.source.Submit(ctx, sol)
}
