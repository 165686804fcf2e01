package node

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// patience is how long the node has to have waited for a client before it may
	// close the connection for any other one that needs the place. It is longer
	// than a round trip to anywhere.
	patience = 2 * time.Second

	// slowestRate is the number of bytes that make up for a second of waiting, so
	// that a client on a slow line is told from one that sends a byte now and then.
	slowestRate = 1 << 10
)

// wait measures how long the node has waited for a client: for the bytes of a
// request, for the next request, or for the client to take the bytes of an answer.
// Bytes that were sent or received shorten the time, but not below zero: so a long
// transfer does not earn the right to stall later.
type wait struct {
	mu      sync.Mutex
	waiting bool
	idle    bool          // waiting for the first byte of a request
	since   time.Time     // up to when waited is right, or when the node stopped waiting
	waited  time.Duration // without the time since then
}

// begin begins to wait for a request.
func (w *wait) begin(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting, w.idle, w.since, w.waited = true, true, now, 0
}

// pause ends the wait for now, because the node has something to do.
func (w *wait) pause(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settle(now)
	w.waiting, w.idle, w.since = false, false, now
}

// resume goes on waiting, and returns whether the node did so already.
func (w *wait) resume(now time.Time) (already bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting {
		return true
	}
	w.waiting, w.since = true, now
	return false
}

// forgive ends the wait so far of an idle connection and lets a new one begin, because
// bytes have arrived which the node has not read yet.
func (w *wait) forgive(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.idle {
		w.since, w.waited = now, 0
	}
}

// moved notes that bytes were sent or received.
func (w *wait) moved(n int, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settle(now)
	if w.idle { // the request begins now, however late it comes
		w.idle, w.waited = false, 0
		return
	}
	w.waited = max(0, w.waited-time.Duration(n)*time.Second/slowestRate)
}

// isIdle reports whether the node waits for the first byte of a request.
func (w *wait) isIdle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.idle
}

// settle adds the time since the last change. The caller holds mu.
func (w *wait) settle(now time.Time) {
	if w.waiting {
		w.waited += now.Sub(w.since)
		w.since = now
	}
}

// state returns how long the node has waited, if it waits, and else since when it
// has had something to do.
func (w *wait) state(now time.Time) (waiting bool, waited time.Duration, since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settle(now)
	return w.waiting, w.waited, w.since
}

// limitedConn is a connection that a limitListener counts.
type limitedConn struct {
	net.Conn
	listener *limitListener
	wait     wait

	reads deadline

	// request is the memory for copies of the requests, one after the other. Only their
	// handlers use it. It is nil before the first one with a body.
	request *waitingRequest

	// The listener's mu guards these.
	groups [3]*group // of its networks, the widest first
	place  int       // in the listener's conns; -1: it is not counted
}

func newLimitedConn(conn net.Conn, l *limitListener) *limitedConn {
	c := &limitedConn{Conn: conn, listener: l, place: -1, reads: deadline{setIn: conn.SetReadDeadline}}
	c.wait.begin(l.now())
	return c
}

// source returns the group of the address by which a connection counts; see
// gossip.SourceOf.
func (c *limitedConn) source() *group { return c.groups[len(c.groups)-1] }

// Read implements [net.Conn].
func (c *limitedConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.wait.moved(n, c.listener.now())
		}
		if !c.reads.retry(err) {
			return n, err
		}
	}
}

// Write implements [net.Conn]. It waits until the client has taken what the buffers
// of the system do not hold.
func (c *limitedConn) Write(p []byte) (int, error) {
	already := c.wait.resume(c.listener.now())
	n, err := c.Conn.Write(p)
	now := c.listener.now()
	c.wait.moved(n, now)
	if !already {
		c.wait.pause(now)
	}
	return n, err
}

// SetReadDeadline implements [net.Conn].
func (c *limitedConn) SetReadDeadline(t time.Time) error { return c.reads.set(t) }

// SetDeadline implements [net.Conn].
func (c *limitedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.reads.set(t), c.SetWriteDeadline(t))
}

// Close implements [net.Conn].
func (c *limitedConn) Close() error {
	c.listener.mu.Lock()
	c.listener.remove(c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// waitingRequest is a request with its body, in one piece of memory.
type waitingRequest struct {
	http.Request
	body waitingBody
}

// waitingBody is the body of a request. While it is read, the node waits for the
// client.
type waitingBody struct {
	io.ReadCloser
	conn  *limitedConn
	ended bool // it has been read to its end, so the client has nothing more to send
}

// copyRequest returns a copy of a request whose body tells when the node waits for the
// client. It is valid until the handler of the request returns.
func (c *limitedConn) copyRequest(r *http.Request) *waitingRequest {
	if c.request == nil {
		c.request = new(waitingRequest)
	}
	c.request.Request = *r
	c.request.body = waitingBody{ReadCloser: r.Body, conn: c}
	c.request.Body = &c.request.body
	return c.request
}

// Read implements [io.Reader].
func (b *waitingBody) Read(p []byte) (int, error) {
	now := b.conn.listener.now
	already := b.conn.wait.resume(now())
	n, err := b.ReadCloser.Read(p)
	if !already {
		b.conn.wait.pause(now())
	}
	b.ended = b.ended || err != nil
	return n, err
}
