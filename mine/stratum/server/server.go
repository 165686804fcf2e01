package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodepow/lode/internal/loglimit"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/vardiff"
)

// Server serves the work of a source to sessions.
type Server struct {
	source   mine.Source
	namer    mine.Namer // the source, if it can name miners, or nil
	vardiff  vardiff.Config
	limits   Limits
	maxAhead time.Duration
	now      func() time.Time
	log      *slog.Logger

	// Each limits the lines of one kind in the log.
	refusals, failures, solutions, idles *loglimit.Limiter

	board    atomic.Pointer[board] // what the sessions work on; never nil
	observer Observer              // set before Run
	counts   counts

	running sync.WaitGroup // the goroutines of the sessions, and of late submissions
	late    chan struct{}  // has an element for each late submission

	// mu guards what follows. It is taken after a session's lock, never before it.
	mu       sync.Mutex
	closing  bool                // no session begins any more
	sessions map[uint32]*session // by their number, at most Limits.Sessions
	each     map[netip.Addr]int  // sessions from each address
	next     uint32              // number of the next session, if it is free
	space    mine.Space          // extranonces of the latest work
	workers  map[string]*worker  // at most Limits.Workers
	rate     measure             // of all sessions
	blocks   []Block             // at most Limits.Blocks, the oldest first
	closed   map[Reason]uint64   // sessions that have ended
}

// New makes a server. It serves nothing until Run.
func New(c Config) (*Server, error) {
	if c.Source == nil {
		return nil, errors.New("stratum server: no source of work")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxAhead == 0 {
		c.MaxAhead = defaultMaxAhead
	}
	space, err := mine.NewSpace(nil, extranonceSize)
	if err != nil {
		return nil, fmt.Errorf("stratum server: %w", err)
	}
	s := &Server{
		source: c.Source, vardiff: c.Vardiff, limits: c.Limits.withDefaults(), maxAhead: c.MaxAhead, now: c.Now, log: c.Logger,
		sessions: map[uint32]*session{}, each: map[netip.Addr]int{}, next: c.First, space: space,
		workers: map[string]*worker{}, closed: map[Reason]uint64{}, late: make(chan struct{}, maxLate),
	}
	// Whatever is logged by a limiter happens as often as miners like.
	s.refusals, s.failures = loglimit.New(linesAtOnce, lineEvery, nil), loglimit.New(linesAtOnce, lineEvery, nil)
	s.idles = loglimit.New(linesAtOnce, lineEvery, nil)
	s.solutions = loglimit.New(solutionsAtOnce, solutionEvery, nil)
	s.namer, _ = c.Source.(mine.Namer)
	s.board.Store(newBoard())
	return s, nil
}

// Run follows the source and serves the connections of the listener until the context
// ends or the listener fails. Then it closes the listener and all sessions, and waits
// for them. It must not be called twice.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var own sync.WaitGroup
	own.Go(func() { s.follow(ctx) })
	own.Go(func() { s.checkDifficulties(ctx) })
	own.Go(func() {
		<-ctx.Done()
		_ = l.Close()
	})
	err := s.accept(ctx, l)
	cancel()
	s.closeAll()
	s.running.Wait()
	own.Wait()
	return err
}

// accept begins a session for each connection until the listener is closed.
func (s *Server) accept(ctx context.Context, l net.Listener) error {
	wait := acceptRetry
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept miners: %w", err)
		case err != nil:
			// There may be no file descriptor left. One becomes free when a session ends.
			s.log.Warn("a miner cannot be accepted", "err", err, "again_in", wait)
			if !pause(ctx, wait) {
				return nil
			}
			wait = min(2*wait, acceptRetryMost)
			continue
		}
		wait = acceptRetry
		s.begin(ctx, conn)
	}
}

// The time until the next attempt to accept a connection, if one has failed.
const (
	acceptRetry     = 10 * time.Millisecond
	acceptRetryMost = time.Second
)

// pause waits, and reports whether the context is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// begin begins a session, or closes the connection if there is no room for another one.
func (s *Server) begin(ctx context.Context, conn net.Conn) {
	session := newSession(s, conn)
	if !s.add(session) {
		_ = conn.Close()
		s.refusals.Log(s.log, slog.LevelWarn, "a miner was refused, because there are too many sessions", "from", conn.RemoteAddr())
		return
	}
	boundBuffers(conn)
	s.running.Go(func() {
		reason := session.run(ctx)
		s.remove(session, reason)
	})
}

// add gives a session a number and counts it. It returns false if there is no room.
func (s *Server) add(session *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := len(s.sessions) >= s.limits.Sessions ||
		!session.from.IsLoopback() && s.each[session.from] >= s.limits.SessionsEach
	if full || s.closing {
		s.closed[Full]++
		return false
	}
	for s.sessions[s.next] != nil { // there are fewer sessions than numbers
		s.next++
	}
	session.number = s.next
	s.next++
	s.sessions[session.number] = session
	s.each[session.from]++
	return true
}

// remove no longer counts a session, which has ended.
func (s *Server) remove(session *session, reason Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, session.number)
	if s.each[session.from]--; s.each[session.from] == 0 {
		delete(s.each, session.from)
	}
	s.closed[reason]++
	now := time.Now()
	if session.hadJob {
		s.rate.leave(now)
	}
	for _, w := range session.names {
		if w == nil {
			continue
		}
		w.sessions--
		if session.hadJob {
			w.rate.leave(now)
		}
	}
	s.log.Debug("a miner's session has ended", "from", session.conn.RemoteAddr(), "worker", session.worker, "reason", reason)
}

// closeAll closes the connections of all sessions, and lets no other begin.
func (s *Server) closeAll() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	for _, session := range s.all() {
		session.end(Shutdown)
	}
}

// all returns the sessions of this moment.
func (s *Server) all() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*session, 0, len(s.sessions))
	for _, session := range s.sessions {
		list = append(list, session)
	}
	return list
}

// checkDifficulties lets the controllers of all sessions notice that time has passed.
func (s *Server) checkDifficulties(ctx context.Context) {
	for pause(ctx, checkEvery) {
		for _, session := range s.all() {
			session.tick()
		}
	}
}
