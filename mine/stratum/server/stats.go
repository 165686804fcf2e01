package server

import (
	"cmp"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/vardiff"
	"github.com/lodepow/lode/pow"
)

// counts are what a server has counted since it was made.
type counts struct {
	shares       [8]atomic.Uint64 // in the order of Shares
	solutions    [7]atomic.Uint64 // handed to the source, in the order of mine.Outcomes
	jobs         atomic.Uint64
	difficulties atomic.Uint64
}

// Stats are the numbers of a server.
type Stats struct {
	Sessions     int
	Closed       map[Reason]uint64 // sessions that have ended, by the reason; all reasons are there
	Shares       map[Share]uint64  // all that may become of a share are there
	Solutions    map[mine.Outcome]uint64
	Jobs         uint64    // that were sent
	Difficulties uint64    // that were sent
	JobSince     time.Time // when the present work came; zero if there is none
	Workers      int       // that are remembered
	Rate         vardiff.Estimate
	Spread       Spread // of the sessions' difficulties
}

// Spread says how the difficulties of the sessions that have a job are distributed. All are
// 0 if there is no such session.
type Spread struct{ Least, Median, Greatest float64 }

// spread returns the distribution of the difficulties of the sessions' latest jobs.
func (s *Server) spread() Spread {
	var all []float64
	for _, session := range s.all() {
		session.mu.Lock()
		if j := session.lastJob(); j != nil {
			all = append(all, j.difficulty)
		}
		session.mu.Unlock()
	}
	if len(all) == 0 {
		return Spread{}
	}
	slices.Sort(all)
	return Spread{all[0], all[len(all)/2], all[len(all)-1]}
}

// Stats returns the present numbers.
func (s *Server) Stats() Stats {
	stats := Stats{
		Closed: map[Reason]uint64{}, Shares: map[Share]uint64{}, Solutions: map[mine.Outcome]uint64{},
		Jobs: s.counts.jobs.Load(), Difficulties: s.counts.difficulties.Load(),
		Spread: s.spread(),
	}
	for i, share := range Shares() {
		stats.Shares[share] = s.counts.shares[i].Load()
	}
	for i, outcome := range mine.Outcomes() {
		stats.Solutions[outcome] = s.counts.solutions[i].Load()
	}
	if b := s.board.Load(); b.offer.Work != nil {
		stats.JobSince = b.at
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Sessions, stats.Workers = len(s.sessions), len(s.workers)
	stats.Rate = s.rate.meter.Estimate(time.Now())
	for _, r := range Reasons() {
		stats.Closed[r] = s.closed[r]
	}
	return stats
}

// Observer has functions that are called when something happens. Those that are nil are
// not called. They must not block.
type Observer struct {
	// Notified is called when a session has been sent its first job on a new tip, with
	// the time since the server learned of the tip.
	Notified func(took time.Duration)

	// Found is called when a solution of the source's work has been submitted.
	Found func(Block)
}

func (o Observer) notified(took time.Duration) {
	if o.Notified != nil {
		o.Notified(took)
	}
}

// Observe sets the observer. It must be called before Run.
func (s *Server) Observe(o Observer) { s.observer = o }

// Block is a solution of the source's work that a session has found: a block, or behind
// a proxy a share of the pool that the work comes from.
type Block struct {
	Time    time.Time
	Height  int64
	Hash    pow.Hash
	Worker  string // that has submitted it
	IsBlock bool
	Outcome mine.Outcome
}

// noteBlock counts and remembers what a session has found.
func (s *Server) noteBlock(b Block, err error) {
	if i := int(b.Outcome); i >= 0 && i < len(s.counts.solutions) {
		s.counts.solutions[i].Add(1)
	}
	args := []any{"worker", b.Worker, "height", b.Height, "hash", b.Hash, "outcome", b.Outcome}
	if err != nil {
		s.solutions.Log(s.log, slog.LevelWarn, "a miner's solution was not accepted", append(args, "err", err)...)
	} else {
		s.solutions.Log(s.log, slog.LevelInfo, "a miner has found a solution", args...)
	}
	s.mu.Lock()
	if len(s.blocks) == s.limits.Blocks {
		s.blocks = slices.Delete(s.blocks, 0, 1)
	}
	s.blocks = append(s.blocks, b)
	if w := s.workers[b.Worker]; w != nil && b.Outcome == mine.Accepted {
		w.blocks++
	}
	s.mu.Unlock()
	if s.observer.Found != nil {
		s.observer.Found(b)
	}
}

// Blocks returns the latest solutions that the sessions have found, the latest first.
func (s *Server) Blocks() []Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.blocks)
	slices.Reverse(list)
	return list
}

// worker is what is known of all sessions of one name. The server's mu guards it.
type worker struct {
	sessions int
	shares   [8]uint64 // in the order of Shares
	work     float64   // sum of the difficulties of its accepted shares
	blocks   uint64
	last     time.Time // when its latest session began or its latest share came
	rate     measure
}

// Worker is what a server knows of all sessions that have authorized one name.
type Worker struct {
	Name     string
	Sessions int
	Shares   map[Share]uint64
	Work     float64 // sum of the difficulties of its accepted shares
	Blocks   uint64  // solutions that the source has accepted
	Rate     vardiff.Estimate
	Last     time.Time // when its latest session began, or its latest share came
}

// join notes that a session has authorized a worker, and whether the session has had a job
// by then. If too many workers are remembered, the one without a session whose latest share
// is the oldest is forgotten. If there is none, join returns nil, and the shares of the new
// one are counted with those of all workers only.
func (s *Server) join(name string, hasJob bool) *worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	w := s.workers[name]
	if w == nil {
		if len(s.workers) >= s.limits.Workers && !s.forgetWorker() {
			return nil
		}
		w = &worker{}
		s.workers[name] = w
	}
	w.sessions++
	w.last = now
	if hasJob {
		w.rate.enter(now)
	}
	return w
}

// firstJob notes that a session with these workers has been given its first job.
func (s *Server) firstJob(names map[string]*worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.rate.enter(now)
	for _, w := range names {
		if w != nil {
			w.rate.enter(now)
		}
	}
}

// forgetWorker forgets the worker that has been away for longest, and reports whether
// there is one. The caller holds mu.
func (s *Server) forgetWorker() bool {
	oldest := ""
	for name, w := range s.workers {
		if w.sessions == 0 && (oldest == "" || w.last.Before(s.workers[oldest].last)) {
			oldest = name
		}
	}
	delete(s.workers, oldest)
	return oldest != ""
}

// count counts what became of a share of a worker, or of none that is remembered.
func (s *Server) count(v verdict, w *worker) {
	i := slices.Index(Shares(), v.share)
	s.counts.shares[i].Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now() // with the lock held, so that the meters never see time go back
	if v.share == ShareAccepted {
		s.rate.meter.Share(now, v.worth)
	}
	if w == nil {
		return
	}
	w.shares[i]++
	if v.share == ShareAccepted {
		w.work += v.difficulty
		w.last = now
		w.rate.meter.Share(now, v.own)
	}
}

// Workers returns what is known of the workers, by their names.
func (s *Server) Workers() []Worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	list := make([]Worker, 0, len(s.workers))
	for name, w := range s.workers {
		shares := map[Share]uint64{}
		for i, share := range Shares() {
			if w.shares[i] > 0 {
				shares[share] = w.shares[i]
			}
		}
		list = append(list, Worker{
			Name: name, Sessions: w.sessions, Shares: shares, Work: w.work, Blocks: w.blocks,
			Rate: w.rate.meter.Estimate(now), Last: w.last,
		})
	}
	slices.SortFunc(list, func(a, b Worker) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
