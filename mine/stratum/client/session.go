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

	"github.com/lodepow/lode/mine/stratum"
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

	// probes says that the session only finds out whether the pool gives work. It offers
	// none to the miner, and ends with errGivesWork.
	probes bool

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

// errGivesWork ends a session that only finds out whether the pool gives work.
var errGivesWork = errors.New("the pool gives work")

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
	return s.send(context.Background(), func(id stratum.ID) stratum.Message { return stratum.Ping{}.Message(id) }, nil)
}

var errNoAnswer = fmt.Errorf("the pool has not answered for %v", answerTimeout)
