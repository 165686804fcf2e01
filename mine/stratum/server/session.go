package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/mine/stratum/vardiff"
)

// session is the connection of a miner.
type session struct {
	server *Server
	conn   net.Conn
	from   netip.Addr
	number uint32 // set before the session runs

	wake chan struct{} // has an element if there may be another job to send
	done chan struct{} // closed when the session ends
	once sync.Once     // guards done and reason
	why  Reason

	writing sync.Mutex // held while lines are written

	// mu guards what follows. It is taken before the server's lock, never after it.
	mu         sync.Mutex
	subscribed bool
	space      mine.Space         // extranonces that the miner was told
	rolls      bool               // version rolling was granted
	mask       uint32             // bits of the version that the miner may roll
	toldMask   uint32             // as it was told
	worker     string             // first that was authorized, or ""; not changed after that
	names      map[string]*worker // workers that were authorized; nil: not remembered
	control    *vardiff.Controller
	suggested  time.Time // when a difficulty was last suggested and taken
	jobs       []*job    // the oldest first, at most keptJobs
	jobsMade   uint64
	hadJob     bool // the first job has been made; not changed after that
	shares     int  // that are remembered with the jobs
	outdated   bool // the next job is to be sent though the board is the same
	malformed  int  // lines that made no sense
}

// Reason says in a word why a session has ended.
type Reason string

// The reasons.
const (
	Left      Reason = "left"      // the miner has closed the connection, or it broke
	Full      Reason = "full"      // refused, because there were too many sessions
	Handshake Reason = "handshake" // no worker was authorized in time
	Idle      Reason = "idle"      // the miner has been silent for too long
	Slow      Reason = "slow"      // a line took too long to arrive or to be taken
	Long      Reason = "long"      // a line was too long
	Malformed Reason = "malformed" // too many lines made no sense
	Space     Reason = "space"     // the source's work needs other extranonces
	NoJob     Reason = "job"       // the source's work could not be made into a job
	Shutdown  Reason = "shutdown"  // the server has stopped
)

// Reasons returns all reasons.
func Reasons() []Reason {
	return []Reason{Left, Full, Handshake, Idle, Slow, Long, Malformed, Space, NoJob, Shutdown}
}

// errOtherSpace ends a session, so that the miner subscribes again.
var errOtherSpace = errors.New("the source's work has other extranonces than before")

// errNoJob ends a session, because the source offers work that its server cannot use.
var errNoJob = errors.New("no job could be made")

// errMalformed ends a session.
var errMalformed = errors.New("too many lines make no sense")

func newSession(s *Server, conn net.Conn) *session {
	return &session{
		server: s, conn: conn, from: remoteIP(conn),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		names:   map[string]*worker{},
		control: vardiff.New(s.vardiff),
	}
}

// remoteIP returns the IP address of the other side of a connection.
func remoteIP(c net.Conn) netip.Addr {
	addr, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return addr.AddrPort().Addr().Unmap()
}

// run serves the session until it ends, and returns why it has.
func (s *session) run(ctx context.Context) Reason {
	var sender sync.WaitGroup
	sender.Go(s.sendJobs)
	s.fail(s.readLines(ctx))
	sender.Wait()
	return s.why
}

// end ends the session for the given reason. Later calls do nothing.
func (s *session) end(r Reason) {
	s.once.Do(func() {
		s.why = r
		close(s.done)
		_ = s.conn.Close()
	})
}

// fail ends the session because of an error.
func (s *session) fail(err error) {
	s.end(s.reasonOf(err))
}

func (s *session) reasonOf(err error) Reason {
	switch {
	case errors.Is(err, stratum.ErrLineTooLong):
		return Long
	case errors.Is(err, errMalformed):
		return Malformed
	case errors.Is(err, errOtherSpace):
		return Space
	case errors.Is(err, errNoJob):
		return NoJob
	case errors.Is(err, errIdle):
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.isReady() {
			return Handshake
		}
		return Idle
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Slow
	}
	return Left
}

// readLines reads lines and answers them, until the connection ends or an error says
// that it should.
func (s *session) readLines(ctx context.Context) error {
	in := &pacedReader{session: s}
	lines := stratum.NewReader(in, s.server.limits.Line)
	pace := newBucket(s.server.limits.Lines, s.server.limits.Burst, time.Now())
	for {
		line, err := lines.ReadLine()
		if err != nil {
			return err
		}
		if wait := pace.take(time.Now()); wait > 0 && !pause(ctx, wait) {
			return context.Cause(ctx)
		}
		if err := s.handle(ctx, line); err != nil {
			return err
		}
	}
}

// write writes lines. A miner that does not take them in time loses its session.
func (s *session) write(lines []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.server.limits.Write)); err != nil {
		return err
	}
	_, err := s.conn.Write(lines)
	return err
}

// answer writes a message.
func (s *session) answer(m stratum.Message) error { return s.write(m.Line()) }

// isReady reports whether the session can be sent jobs. The caller holds mu.
func (s *session) isReady() bool { return s.subscribed && s.worker != "" }

// update lets the sender of jobs look whether there is something to send.
func (s *session) update() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// tick lets the session notice that time has passed.
func (s *session) tick() {
	s.mu.Lock()
	s.control.Tick(time.Now())
	last := s.lastJob()
	changed := last != nil && last.difficulty != s.control.Difficulty()
	s.mu.Unlock()
	if changed {
		s.update()
	}
}

// errIdle is the error of a read that found nothing in time.
var errIdle = fmt.Errorf("the miner is silent: %w", os.ErrDeadlineExceeded)

// pacedReader reads from the connection of a session. It gives the miner a time for each
// line, and another one between two lines. Only the time that a read waits for the miner
// counts: between two reads the server handles lines, and it may have to wait for the
// source.
type pacedReader struct {
	session *session

	// partial says that the latest byte was not the end of a line. left is then how much
	// longer the miner may take for the rest of the line.
	partial bool
	left    time.Duration

	// handshake is when the miner must be ready for jobs, or zero before the first read.
	handshake time.Time
}

// Read implements [io.Reader].
func (p *pacedReader) Read(b []byte) (int, error) {
	s := p.session
	for {
		began := time.Now()
		if err := s.conn.SetReadDeadline(p.deadline(began)); err != nil {
			return 0, err
		}
		n, err := s.conn.Read(b)
		p.left -= time.Since(began)
		switch {
		case n > 0:
			p.note(b[:n])
			return n, nil // the connection returns an error again with the next read
		case err == nil:
			return 0, io.ErrNoProgress
		case p.partial || !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		case !s.mayBeIdle():
			return 0, errIdle
		}
		// The miner is silent because there is no work for it. It has more time.
	}
}

// deadline returns until when the next read may wait for the miner. Before the miner is
// ready for jobs, that is the end of the handshake, whatever it sends.
func (p *pacedReader) deadline(now time.Time) time.Time {
	s := p.session
	s.mu.Lock()
	ready := s.isReady()
	s.mu.Unlock()
	if p.handshake.IsZero() {
		p.handshake = now.Add(s.server.limits.Handshake)
	}
	switch {
	case !ready:
		return p.handshake
	case p.partial:
		return now.Add(p.left)
	}
	return now.Add(s.server.limits.Idle)
}

// note notes which bytes have been read, and gives the miner the time for a line if a line
// has begun in them.
func (p *pacedReader) note(b []byte) {
	begins := !p.partial || bytes.IndexByte(b[:len(b)-1], '\n') >= 0
	p.partial = b[len(b)-1] != '\n'
	if p.partial && begins {
		p.left = p.session.server.limits.LineTime
	}
}

// mayBeIdle reports whether a silent miner has a reason: there has been no work for it.
func (s *session) mayBeIdle() bool {
	s.mu.Lock()
	ready := s.isReady()
	s.mu.Unlock()
	b := s.server.board.Load()
	return ready && (b.offer.Work == nil || time.Since(b.since) < s.server.limits.Idle)
}
