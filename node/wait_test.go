package node

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// TestWait checks what counts as waiting for a client. Each case ends ten seconds after it
// has begun.
func TestWait(t *testing.T) {
	begin := time.Unix(1_800_000_000, 0)
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	for name, tc := range map[string]struct {
		play          func(t *testing.T, w *wait)
		waiting, idle bool
		waited        time.Duration
		since         int // seconds after the beginning
	}{
		"begun":                  {func(_ *testing.T, w *wait) { w.begin(at(0)) }, true, true, 10 * time.Second, 10},
		"begun again":            {func(_ *testing.T, w *wait) { w.begin(at(0)); w.begin(at(4)) }, true, true, 6 * time.Second, 10},
		"paused":                 {func(_ *testing.T, w *wait) { w.begin(at(0)); w.pause(at(3)) }, false, false, 3 * time.Second, 3},
		"paused twice":           {func(_ *testing.T, w *wait) { w.begin(at(0)); w.pause(at(3)); w.pause(at(5)) }, false, false, 3 * time.Second, 5},
		"begun after a pause":    {func(_ *testing.T, w *wait) { w.begin(at(0)); w.pause(at(3)); w.begin(at(4)) }, true, true, 6 * time.Second, 10},
		"resumed":                {func(t *testing.T, w *wait) { w.begin(at(0)); w.pause(at(3)); wantAlready(t, w, at(5), false) }, true, false, 8 * time.Second, 10},
		"resumed while it waits": {func(t *testing.T, w *wait) { w.begin(at(0)); wantAlready(t, w, at(5), true) }, true, true, 10 * time.Second, 10},
		"forgiven":               {func(_ *testing.T, w *wait) { w.begin(at(0)); w.forgive(at(6)) }, true, true, 4 * time.Second, 10},
		"not idle, so not forgiven": {func(_ *testing.T, w *wait) {
			w.begin(at(0))
			w.moved(1, at(1))
			w.forgive(at(6))
		}, true, false, 9 * time.Second, 10},
		"the first bytes make up for all":   {func(_ *testing.T, w *wait) { w.begin(at(0)); w.moved(1, at(8)) }, true, false, 2 * time.Second, 10},
		"bytes make up for a second":        {func(_ *testing.T, w *wait) { w.begin(at(0)); w.moved(1, at(0)); w.moved(slowestRate, at(5)) }, true, false, 9 * time.Second, 10},
		"fewer bytes make up for half":      {func(_ *testing.T, w *wait) { w.begin(at(0)); w.moved(1, at(0)); w.moved(slowestRate/2, at(5)) }, true, false, 9500 * time.Millisecond, 10},
		"many bytes earn nothing for later": {func(_ *testing.T, w *wait) { w.begin(at(0)); w.moved(1, at(0)); w.moved(100*slowestRate, at(5)) }, true, false, 5 * time.Second, 10},
		"bytes while it works":              {func(_ *testing.T, w *wait) { w.begin(at(0)); w.pause(at(4)); w.moved(slowestRate, at(6)) }, false, false, 3 * time.Second, 4},
	} {
		t.Run(name, func(t *testing.T) {
			var w wait
			tc.play(t, &w)
			if w.isIdle() != tc.idle {
				t.Errorf("idle: %v, want %v", w.isIdle(), tc.idle)
			}
			waiting, waited, since := w.state(at(10))
			if waiting != tc.waiting || waited != tc.waited || !since.Equal(at(tc.since)) {
				t.Errorf("waiting %v, for %v, since %v; want %v, %v, %v", waiting, waited, since.Sub(begin), tc.waiting, tc.waited, at(tc.since).Sub(begin))
			}
		})
	}
}

func wantAlready(t *testing.T, w *wait, now time.Time, want bool) {
	t.Helper()
	if got := w.resume(now); got != want {
		t.Errorf("the node waited already: %v, want %v", got, want)
	}
}

// slowConn is a connection on which each call takes three seconds, on the clock of the
// crowd.
type slowConn struct {
	net.Conn
	crowd *crowd
	n     int
	err   error
}

func (c *slowConn) RemoteAddr() net.Addr { return &net.UnixAddr{} }

func (c *slowConn) Read([]byte) (int, error) {
	c.crowd.pass(3 * time.Second)
	return c.n, c.err
}
func (c *slowConn) Write([]byte) (int, error) { return c.Read(nil) }

// TestWaitsOfAConnection checks how long the node has waited for a client after it has read
// or written, and whether it goes on waiting.
func TestWaitsOfAConnection(t *testing.T) {
	const second = time.Second
	broken := errors.New("connection reset")
	read := func(c *limitedConn) (int, error) { return c.Read(nil) }
	write := func(c *limitedConn) (int, error) { return c.Write(nil) }
	for name, tc := range map[string]struct {
		before        func(w *wait, now time.Time)
		call          func(*limitedConn) (int, error)
		n             int
		err           error
		waiting, idle bool
		waited        time.Duration
	}{
		"a write":                         {(*wait).pause, write, slowestRate, nil, false, false, 2 * second},
		"a write that fails":              {(*wait).pause, write, 0, broken, false, false, 3 * second},
		"a write while the node waits":    {func(w *wait, now time.Time) { w.pause(now); w.resume(now) }, write, slowestRate, nil, true, false, 2 * second},
		"a read of a first request":       {func(*wait, time.Time) {}, read, 1, nil, true, false, 0},
		"a read that finds nothing":       {func(*wait, time.Time) {}, read, 0, io.EOF, true, true, 3 * second},
		"a read of the rest of a request": {func(w *wait, now time.Time) { w.moved(1, now) }, read, slowestRate, nil, true, false, 2 * second},
		"a read that fails with bytes":    {func(*wait, time.Time) {}, read, 1, broken, true, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := newCrowd(t, 10, 10)
			c := newLimitedConn(&slowConn{crowd: l, n: tc.n, err: tc.err}, l.limitListener)
			tc.before(&c.wait, l.time)
			if n, err := tc.call(c); n != tc.n || !errors.Is(err, tc.err) {
				t.Errorf("%d bytes, %v", n, err)
			}
			if waiting, waited, _ := c.wait.state(l.time); waiting != tc.waiting || waited != tc.waited || c.wait.isIdle() != tc.idle {
				t.Errorf("waiting %v, for %v, idle %v; want %v, %v, %v", waiting, waited, c.wait.isIdle(), tc.waiting, tc.waited, tc.idle)
			}
		})
	}
}

// slowBody is the body of a request whose reads take three seconds.
type slowBody struct {
	io.ReadCloser
	crowd *crowd
	err   error
}

func (b *slowBody) Read([]byte) (int, error) {
	b.crowd.pass(3 * time.Second)
	return 0, b.err
}

// TestWaitsForABody checks that the node waits for the client while it reads a body, and no
// longer, and that it knows when the body has ended.
func TestWaitsForABody(t *testing.T) {
	for name, tc := range map[string]struct {
		already bool
		err     error
		waiting bool
	}{
		"a part":               {false, nil, false},
		"the end":              {false, io.EOF, false},
		"a failure":            {false, errors.New("connection reset"), false},
		"it waits for another": {true, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newCrowd(t, 10, 10)
			c := newLimitedConn(&slowConn{crowd: l}, l.limitListener)
			c.wait.pause(l.time)
			if tc.already {
				c.wait.resume(l.time)
			}
			b := &waitingBody{ReadCloser: &slowBody{crowd: l, err: tc.err}, conn: c}
			if _, err := b.Read(nil); !errors.Is(err, tc.err) {
				t.Errorf("error %v", err)
			}
			if waiting, waited, _ := c.wait.state(l.time); waiting != tc.waiting || waited != 3*time.Second {
				t.Errorf("waiting %v, for %v", waiting, waited)
			}
			if b.ended != (tc.err != nil) {
				t.Errorf("the body has ended: %v", b.ended)
			}
			b.ReadCloser = &slowBody{crowd: l}
			_, _ = b.Read(nil)
			if b.ended != (tc.err != nil) {
				t.Error("another read has changed whether the body has ended")
			}
		})
	}
}
