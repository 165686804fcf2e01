package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/pow"
)

// job is what a session was told to search. Its shares are judged by it, whatever the
// session has been told since.
type job struct {
	name       string
	tip        uint64
	board      *board
	work       mine.Work // the session's part of the source's work
	difficulty float64

	// shares are the first eight bytes of the hashes that were accepted. Those of all
	// jobs of a session are at most keptShares.
	shares []uint64
}

// whole returns the work as its source knows it.
func (j *job) whole() mine.Work {
	w, offered := j.work, j.board.offer.Work
	w.Extranonces, w.Target, w.VersionMask = offered.Extranonces, offered.Target, offered.VersionMask
	return w
}

// sendJobs sends the session a job whenever it should have another one, until the
// session ends.
func (s *session) sendJobs() {
	for {
		b := s.server.board.Load()
		lines, fresh, err := s.nextJob(b)
		if err != nil && !errors.Is(err, errOtherSpace) {
			s.server.failures.Log(s.server.log, slog.LevelWarn, "no job can be made for a miner, so its session ends", "from", s.conn.RemoteAddr(), "err", err)
			err = fmt.Errorf("%w: %w", errNoJob, err)
		}
		if err == nil && len(lines) > 0 {
			err = s.write(lines)
		}
		if err != nil {
			s.fail(err)
			return
		}
		if fresh {
			s.server.observer.notified(time.Since(b.at))
		}
		select {
		case <-b.next:
		case <-s.wake:
		case <-s.done:
			return
		}
	}
}

// nextJob returns the lines that bring the session up to date: nothing if it is, or if
// it is not ready for a job. It reports whether the job is the first on its tip.
func (s *session) nextJob(b *board) (lines []byte, fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isReady() || b.offer.Work == nil {
		return nil, false, nil
	}
	s.control.Limit(b.network)
	difficulty := s.control.Difficulty()
	last := s.lastJob()
	if last != nil && last.board == b && last.difficulty == difficulty && !s.outdated {
		return nil, false, nil
	}
	j, err := s.makeJob(b, difficulty)
	if err != nil {
		return nil, false, err
	}
	if last == nil || last.difficulty != difficulty {
		lines = append(lines, stratum.SetDifficulty{Difficulty: difficulty}.Message().Line()...)
		s.server.counts.difficulties.Add(1)
	}
	if mask := j.work.VersionMask; s.rolls && mask != s.toldMask {
		lines = append(lines, stratum.SetVersionMask{Mask: mask}.Message().Line()...)
		s.toldMask = mask
	}
	fresh = last == nil || last.tip != b.tip
	now := uint32(min(max(0, s.server.now().Unix()), math.MaxUint32))
	lines = stratum.NotifyOf(j.name, j.work, now, fresh).AppendLine(lines)
	s.keepJob(j)
	s.outdated = false
	s.control.Out(time.Now(), difficulty)
	if !s.hadJob {
		s.hadJob = true
		s.server.firstJob(s.names)
	}
	s.server.counts.jobs.Add(1)
	return lines, fresh && last != nil, nil
}

// makeJob makes the session's next job. The caller holds mu.
func (s *session) makeJob(b *board, difficulty float64) (*job, error) {
	j := &job{tip: b.tip, board: b, difficulty: difficulty}
	whole := *b.offer.Work
	var err error
	if s.server.namer != nil {
		if whole, err = s.server.namer.Name(whole, s.worker); err != nil {
			return nil, fmt.Errorf("name the miner of a job: %w", err)
		}
	}
	if j.work, err = whole.Sub(s.prefix()); err != nil {
		return nil, fmt.Errorf("the source's work cannot be divided: %w", err)
	}
	if j.work.Extranonces != s.space {
		return nil, errOtherSpace
	}
	if difficulty < b.network {
		if j.work.Target, err = s.target(difficulty); err != nil {
			return nil, err
		}
	}
	j.work.VersionMask &= s.mask
	s.jobsMade++
	j.name = strconv.FormatUint(s.jobsMade, 16)
	return j, nil
}

// target returns the target of a difficulty. Mostly that is the difficulty of the latest
// job, whose target need not be computed again. The caller holds mu.
func (s *session) target(difficulty float64) (pow.Target, error) {
	if last := s.lastJob(); last != nil && last.difficulty == difficulty && difficulty < last.board.network {
		return last.work.Target, nil
	}
	return stratum.TargetOf(difficulty)
}

// prefix returns the bytes of the extranonce that are the session's own.
func (s *session) prefix() []byte { return binary.BigEndian.AppendUint32(nil, s.number) }

// lastJob returns the latest job, or nil. The caller holds mu.
func (s *session) lastJob() *job {
	if len(s.jobs) == 0 {
		return nil
	}
	return s.jobs[len(s.jobs)-1]
}

// keepJob remembers a job, and forgets the oldest if there are too many. The caller
// holds mu.
func (s *session) keepJob(j *job) {
	if len(s.jobs) == keptJobs {
		s.forgetOldest()
	}
	s.jobs = append(s.jobs, j)
}

func (s *session) forgetOldest() {
	s.shares -= len(s.jobs[0].shares)
	copy(s.jobs, s.jobs[1:])
	s.jobs[len(s.jobs)-1] = nil
	s.jobs = s.jobs[:len(s.jobs)-1]
}

// findJob returns the job with that name, or nil if it is not remembered. The caller
// holds mu.
func (s *session) findJob(name string) *job {
	for _, j := range s.jobs {
		if j.name == name {
			return j
		}
	}
	return nil
}

// keepShare remembers a share of a job, and reports whether it is new. If there are too
// many shares, the oldest jobs are forgotten; and if they are all of one job, the session
// gets another one. The caller holds mu.
func (s *session) keepShare(j *job, sol mine.Solution) bool {
	key := binary.LittleEndian.Uint64(sol.Hash[:])
	// Jobs on the same tip may have the same headers under different names. A header
	// counts once.
	for _, other := range append(slices.Clip(s.jobs), j) {
		if slices.Contains(other.shares, key) {
			return false
		}
	}
	for s.shares >= keptShares && len(s.jobs) > 0 {
		s.forgetOldest()
	}
	if len(s.jobs) == 0 {
		s.outdated = true
	}
	if n := len(j.shares); n == cap(j.shares) { // append would leave up to half of it unused
		j.shares = append(make([]uint64, 0, n+8), j.shares...)
	}
	j.shares = append(j.shares, key)
	if s.findJob(j.name) != nil {
		s.shares++
	}
	return true
}
