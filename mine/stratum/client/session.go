package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/pow"
)

// session is one connection to a pool. One goroutine reads; any number may send
// requests.
type session struct {
	client *Client
	pool   Pool
	conn   net.Conn
	log    *slog.Logger

	writing chan struct{} // holds one element while a line is written

	// answers are those to requests of the pool. They are written by a goroutine of
	// their own, so that the reader never waits for the pool to read.
	answers chan stratum.Message

	mu       sync.Mutex
	last     uint64                                  // ID of the latest request
	pending  map[uint64]func(stratum.Message, error) // called once; at most maxPending
	closed   bool                                    // no request is added to pending any more
	terms    stratum.Terms                           // of the jobs that follow
	joined   bool                                    // the pool has told the extranonces
	entitled bool                                    // the pool has accepted the worker
	job      *stratum.Notify                         // the latest, or nil
	jobTerms stratum.Terms                           // in force when it came
	since    time.Time                               // of the first work; zero: none yet

	worked chan struct{}      // closed when there is work for the first time
	order  *stratum.Reconnect // what client.reconnect has said, if it ended the session
}

func newSession(c *Client, p Pool, conn net.Conn) *session {
	one, err := stratum.TargetOf(1) // until the pool says otherwise
	if err != nil {
		panic("client: " + err.Error())
	}
	return &session{
		client: c, pool: p, conn: conn, log: c.log.With("pool", p),
		writing: make(chan struct{}, 1),
		answers: make(chan stratum.Message, maxAnswers),
		pending: map[uint64]func(stratum.Message, error){},
		terms:   stratum.Terms{Target: one},
		worked:  make(chan struct{}),
	}
}

// run speaks with the pool until the connection ends, and returns why it did. It closes
// the connection.
func (s *session) run(ctx context.Context, configure bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var group sync.WaitGroup
	group.Go(func() { cancel(s.read()) })
	group.Go(func() {
		if err := s.greet(ctx, configure); err != nil {
			cancel(err)
		}
	})
	group.Go(func() {
		if err := s.writeAnswers(ctx); err != nil {
			cancel(err)
		}
	})
	<-ctx.Done()
	_ = s.conn.Close() // nothing is left to write; this ends the reader
	group.Wait()
	s.client.withdraw(s) // first, so that nobody who is told tries this session again
	s.close()
	return context.Cause(ctx)
}

// close tells all requests that wait that there will be no answer.
func (s *session) close() {
	s.mu.Lock()
	pending := s.pending
	s.pending, s.closed = nil, true
	s.mu.Unlock()
	for _, answered := range pending {
		answered(stratum.Message{}, errLost)
	}
}

// errSilent ends a session whose pool says nothing.
var errSilent = fmt.Errorf("the pool has said nothing for %v, not even to a ping", quietTimeout+pingTimeout)

// errReconnect ends a session because the pool has said so.
var errReconnect = errors.New("the pool told its miners to connect again")

// read takes the pool's lines until there are no more.
func (s *session) read() error {
	in := stratum.NewReader(&quietReader{s}, stratum.MaxPoolLine)
	for {
		line, err := in.ReadLine()
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		m, err := stratum.Parse(line)
		if err != nil {
			s.log.Debug("a line of the pool makes no sense", "err", err)
			continue
		}
		if err := s.take(m); err != nil {
			return err
		}
	}
}

// quietReader reads from the connection. If nothing comes for a long time, it pings
// the pool.
type quietReader struct{ *session }

// Read implements [io.Reader].
func (q *quietReader) Read(b []byte) (int, error) {
	for _, timeout := range []time.Duration{quietTimeout, pingTimeout} {
		// The deadline is on the clock of package time, as that of the connection is.
		if err := q.conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
			return 0, err
		}
		n, err := q.conn.Read(b)
		var late net.Error
		if n > 0 || !errors.As(err, &late) || !late.Timeout() {
			return n, err
		}
		if timeout == quietTimeout {
			if err := q.ping(); err != nil {
				return 0, err
			}
		}
	}
	return 0, errSilent
}

// ping asks the pool for a sign of life. The answer does not matter, nor whether it is
// one: any line will do.
func (s *session) ping() error {
	return s.send(context.Background(), func(id stratum.ID) stratum.Message { return stratum.Ping{}.Message(id) }, func(stratum.Message, error) {})
}

// greet does the handshake and waits for the first job.
func (s *session) greet(ctx context.Context, configure bool) error {
	if configure {
		if err := s.configure(ctx); err != nil {
			return err
		}
	}
	if err := s.ask(ctx, "mining.subscribe", func(id stratum.ID) stratum.Message {
		return stratum.Subscribe{Agent: s.client.agent}.Message(id)
	}, s.subscribed); err != nil {
		return err
	}
	if err := s.ask(ctx, "mining.authorize", func(id stratum.ID) stratum.Message {
		return stratum.Authorize{User: s.pool.User, Password: s.pool.Password}.Message(id)
	}, s.authorized); err != nil {
		return err
	}
	ignore := func(stratum.Message, error) {}
	if d := s.client.difficulty; d != 0 {
		if err := s.send(ctx, func(id stratum.ID) stratum.Message { return stratum.SuggestDifficulty{Difficulty: d}.Message(id) }, ignore); err != nil {
			return err
		}
	}
	timer := time.NewTimer(firstJobAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
		return fmt.Errorf("the pool has sent no job for %v", firstJobAfter)
	case <-s.worked:
		return nil
	case <-ctx.Done():
		return nil
	}
}

// configure asks to roll versions. A pool that does not know the request may refuse it or
// not answer; the session then goes on without.
func (s *session) configure(ctx context.Context) error {
	minBits := 2 // with fewer the work of a job is too short for large miners
	err := s.ask(ctx, "mining.configure", func(id stratum.ID) stratum.Message {
		return stratum.RollVersions(s.client.mask, minBits).Message(id)
	}, func(m stratum.Message) error {
		a, err := stratum.ParseConfigured(m)
		if err != nil {
			s.log.Debug("no version rolling", "err", err)
			return nil
		}
		if a.RollsVersions() {
			s.setMask(a.VersionMask)
		} else {
			s.setMask(0)
		}
		return nil
	})
	if errors.Is(err, errNoAnswer) {
		s.log.Debug("no version rolling", "err", err)
		return nil
	}
	return err
}

var errNoAnswer = fmt.Errorf("the pool has not answered for %v", answerTimeout)

// ask sends a request of the handshake and waits until its answer has been taken. take is
// called by the reader, before it looks at the next line, because that line may be a
// job that depends on the answer.
func (s *session) ask(ctx context.Context, method string, request func(stratum.ID) stratum.Message, take func(stratum.Message) error) error {
	done := make(chan error, 1)
	if err := s.send(ctx, request, func(m stratum.Message, err error) {
		if err == nil {
			err = take(m)
		}
		done <- err
	}); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	timer := time.NewTimer(answerTimeout)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		return nil
	case <-timer.C:
		return fmt.Errorf("%s: %w", method, errNoAnswer)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// request sends a request and waits for its answer.
func (s *session) request(ctx context.Context, request func(stratum.ID) stratum.Message) (stratum.Message, error) {
	type answer struct {
		m   stratum.Message
		err error
	}
	done := make(chan answer, 1)
	if err := s.send(ctx, request, func(m stratum.Message, err error) { done <- answer{m, err} }); err != nil {
		return stratum.Message{}, err
	}
	select {
	case a := <-done:
		return a.m, a.err
	case <-ctx.Done():
		return stratum.Message{}, context.Cause(ctx)
	}
}

// send writes a request. answered is called when the answer has come or the connection is
// lost, by another goroutine, unless send returns an error.
func (s *session) send(ctx context.Context, request func(stratum.ID) stratum.Message, answered func(stratum.Message, error)) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errLost
	}
	if len(s.pending) >= maxPending {
		s.mu.Unlock()
		return errTooMany
	}
	s.last++
	id := s.last
	s.pending[id] = answered
	s.mu.Unlock()
	err := s.write(ctx, request(stratum.NumberID(id)))
	if err != nil {
		// If the answer has been taken meanwhile, the connection was good enough.
		s.mu.Lock()
		_, waits := s.pending[id]
		delete(s.pending, id)
		s.mu.Unlock()
		if !waits {
			return nil
		}
	}
	return err
}

// write writes a line. If that takes too long the connection is closed, because a part
// of the line may have been written.
func (s *session) write(ctx context.Context, m stratum.Message) error {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// The deadline is on the clock of package time, as that of the connection is.
	deadline := time.Now().Add(writeTimeout)
	if at, ok := ctx.Deadline(); ok && at.Before(deadline) {
		deadline = at
	}
	if err := s.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	if _, err := s.conn.Write(m.Line()); err != nil {
		_ = s.conn.Close() // the error of the write says more
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// reply has an answer written to a request of the pool. A pool that asks faster than it
// reads gets no answer.
func (s *session) reply(m stratum.Message) {
	select {
	case s.answers <- m:
	default:
		s.log.Debug("too many requests of the pool: one gets no answer")
	}
}

// writeAnswers writes the answers to requests of the pool until the context ends.
func (s *session) writeAnswers(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-s.answers:
			if err := s.write(ctx, m); err != nil {
				return err
			}
		}
	}
}

// take handles a message of the pool. An error ends the session.
func (s *session) take(m stratum.Message) error {
	if m.IsAnswer() {
		s.answer(m)
		return nil
	}
	switch m.Method {
	case stratum.MethodNotify:
		n, err := stratum.ParseNotify(m)
		if err != nil {
			return s.nonsense(err)
		}
		return s.notified(n)
	case stratum.MethodSetDifficulty:
		d, err := stratum.ParseSetDifficulty(m)
		if err != nil {
			return s.nonsense(err)
		}
		return s.setDifficulty(d)
	case stratum.MethodSetExtranonce:
		e, err := stratum.ParseSetExtranonce(m)
		if err != nil {
			return s.nonsense(err)
		}
		return s.setExtranonce(e.Extranonce1, e.Extranonce2Size)
	case stratum.MethodSetVersionMask:
		v, err := stratum.ParseSetVersionMask(m)
		if err != nil {
			return s.nonsense(err)
		}
		s.setMask(v.Mask)
		return s.offer(false)
	case stratum.MethodReconnect:
		return s.reconnect(m)
	case stratum.MethodShowMessage:
		if show, err := stratum.ParseShowMessage(m); err == nil {
			s.log.Info("message of the pool", "text", show.Text)
		}
	case stratum.MethodGetVersion:
		s.reply(stratum.NewAnswer(m.ID, s.client.agent))
	case stratum.MethodPing:
		s.reply(stratum.Pong(m.ID))
	default:
		if !m.IsNotification() {
			s.reply(stratum.NewRejection(m.ID, stratum.Error{Code: stratum.CodeOther, Text: "Unknown method"}))
		}
	}
	return nil
}

// nonsense ends the session for a message that cannot be passed over: without it, the
// client would search what the pool does not want.
func (s *session) nonsense(err error) error {
	return fmt.Errorf("the pool sent a message that makes no sense: %w", err)
}

// answer gives an answer to whoever waits for it. Answers that nobody waits for are
// those that came too late.
func (s *session) answer(m stratum.Message) {
	id, ok := m.ID.Number()
	if !ok {
		return
	}
	s.mu.Lock()
	answered := s.pending[id]
	delete(s.pending, id)
	s.mu.Unlock()
	if answered != nil {
		answered(m, nil)
	}
}

// subscribed takes the answer to mining.subscribe.
func (s *session) subscribed(m stratum.Message) error {
	a, err := stratum.ParseSubscribed(m)
	if err != nil {
		return err
	}
	if err := s.setExtranonce(a.Extranonce1, a.Extranonce2Size); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined = true
	s.jobTerms.Extranonces = s.terms.Extranonces // if a job has come before
	return nil
}

// authorized takes the answer to mining.authorize. A job that came before it is offered
// now.
func (s *session) authorized(m stratum.Message) error {
	if err := m.Check(); err != nil {
		return fmt.Errorf("the pool refuses the worker %q: %w", s.pool.User, err)
	}
	s.mu.Lock()
	s.entitled = true
	s.mu.Unlock()
	return s.offer(false)
}

func (s *session) setDifficulty(d stratum.SetDifficulty) error {
	target, err := stratum.TargetOf(d.Difficulty)
	if err != nil {
		return s.nonsense(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.terms.Target = target // of the jobs that follow
	return nil
}

func (s *session) setExtranonce(fixed []byte, size int) error {
	space, err := mine.NewSpace(fixed, size)
	if err != nil {
		return s.nonsense(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.terms.Extranonces = space // of the jobs that follow
	return nil
}

// setMask sets the bits that may be rolled. Unlike the other terms it holds at once
// (BIP 310).
func (s *session) setMask(mask uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.terms.VersionMask = mask & s.client.mask
	s.jobTerms.VersionMask = s.terms.VersionMask
}

// hands reports whether the pool still hands out these extranonces.
func (s *session) hands(space mine.Space) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.joined && s.terms.Extranonces == space
}

// notified offers a new job, or keeps it until the handshake is over.
func (s *session) notified(n stratum.Notify) error {
	s.mu.Lock()
	s.job, s.jobTerms = &n, s.terms
	s.mu.Unlock()
	return s.offer(n.Clean)
}

// offer offers the present job, if there is one and the handshake is over.
func (s *session) offer(clean bool) error {
	s.mu.Lock()
	job, terms, ready := s.job, s.jobTerms, s.joined && s.entitled
	if job == nil || !ready {
		s.mu.Unlock()
		return nil
	}
	first := s.since.IsZero()
	if first {
		s.since = s.client.now()
	}
	s.mu.Unlock()
	if err := s.client.post(s, *job, terms, clean || first); err != nil {
		return s.nonsense(err)
	}
	if first {
		close(s.worked)
	}
	return nil
}

// reconnect ends the session if the pool says so, and does not send the miner to another
// host.
func (s *session) reconnect(m stratum.Message) error {
	r, err := stratum.ParseReconnect(m)
	if err != nil {
		s.log.Warn("the pool told its miners to connect again, but not where", "err", err)
		return nil
	}
	if _, ok := s.pool.redirect(r.Host, r.Port); !ok {
		s.log.Warn("the pool tried to send its miners to another host: ignored", "host", r.Host, "port", r.Port)
		return nil
	}
	s.order = &r
	return errReconnect
}

// targetOf returns the target of a work's shares.
func targetOf(w mine.Work) pow.Target {
	if !w.Target.IsZero() {
		return w.Target
	}
	target, _, _ := w.Bits.Decode()
	return target
}
