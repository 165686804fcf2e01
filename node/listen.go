package node

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/lodepow/lode/internal/syserr"
)

const (
	// After an Accept that failed for want of a descriptor, the next one follows
	// after acceptRetry. The time doubles with each further failure, up to
	// acceptRetryMost.
	acceptRetry     = 5 * time.Millisecond
	acceptRetryMost = time.Second

	acceptLogEvery = 10 * time.Second // between two lines in the log about such failures
)

// limitListener bounds the number of open connections, in all and from each IP
// address. It accepts a connection that is too many, because in the backlog of the
// system it would keep others waiting. Then it closes another connection to make
// room, which victim chooses, or else the new one.
//
// The bound for each IP address does not apply to loopback, since all clients of a proxy on
// this machine come from there.
type limitListener struct {
	net.Listener
	most, mostEach int
	log            *slog.Logger
	now            func() time.Time
	source         func(net.Conn) netip.Addr // the IP address of the other side
	hasUnread      func(net.Conn) bool       // reports whether bytes have arrived that were not read yet

	closing sync.Once
	closed  chan struct{}

	mu     sync.Mutex
	conns  []*limitedConn      // open connections; each knows its place here
	groups map[groupKey]*group // of the networks from which there are connections
	stats  listenStats

	scratch []candidate // only candidates uses it

	// Only Accept uses these.
	failures int       // of Accept since the latest line about them in the log
	logged   time.Time // when that line was written
}

// listenStats says what became of the connections.
type listenStats struct {
	open    int
	refused uint64 // closed at once, since the start
	evicted uint64 // closed to make room for another, since the start
	failed  uint64 // could not be accepted, since the start
}

func newLimitListener(l net.Listener, most, mostEach int, log *slog.Logger) *limitListener {
	return &limitListener{
		Listener: l, most: most, mostEach: mostEach, log: log, now: time.Now, source: remoteIP, hasUnread: hasUnread,
		closed: make(chan struct{}), groups: map[groupKey]*group{},
	}
}

// remoteIP returns the IP address of the other side of a connection.
func remoteIP(c net.Conn) netip.Addr {
	addr, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip, _ := netip.AddrFromSlice(addr.IP)
	return ip
}

// Stats returns what has become of the connections so far.
func (l *limitListener) Stats() listenStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	stats := l.stats
	stats.open = len(l.conns)
	return stats
}

// Close implements [net.Listener]. Later calls do nothing.
func (l *limitListener) Close() (err error) {
	l.closing.Do(func() {
		close(l.closed)
		err = l.Listener.Close()
	})
	return err
}

// Accept implements [net.Listener].
func (l *limitListener) Accept() (net.Conn, error) {
	wait := acceptRetry
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			if !noDescriptor(err) {
				return nil, err
			}
			l.makeDescriptor(err)
			select {
			case <-l.closed:
				return nil, net.ErrClosed
			case <-time.After(wait):
			}
			wait = min(2*wait, acceptRetryMost)
			continue
		}
		wait = acceptRetry
		c := newLimitedConn(conn, l)
		if l.add(c) {
			return c, nil
		}
		_ = conn.Close()
	}
}

// noDescriptor reports whether an error of Accept says that the process or the
// system has no file descriptor or no memory left for a connection.
func noDescriptor(err error) bool {
	return syserr.Is(err, syserr.NoDescriptor)
}

// makeDescriptor closes a connection, so that the one that could not be accepted
// may be, and says in the log what is wrong.
func (l *limitListener) makeDescriptor(err error) {
	l.mu.Lock()
	l.stats.failed++
	victim := l.victim(nil)
	if victim != nil {
		l.evict(victim)
	}
	open := len(l.conns)
	l.mu.Unlock()
	if victim != nil {
		_ = victim.Conn.Close()
	}
	l.failures++
	if now := l.now(); l.logged.IsZero() || now.Sub(l.logged) >= acceptLogEvery {
		l.log.Error("connections cannot be accepted, because no file descriptor is left: raise the limit of open files (ulimit -n, LimitNOFILE) or lower --connections",
			"times", l.failures, "connections", open, "err", err)
		l.failures, l.logged = 0, now
	}
}

// add counts a connection and returns true, or counts a refusal and returns false
// if there is no room for it.
func (l *limitListener) add(c *limitedConn) bool {
	victim, ok := l.tryAdd(c)
	if victim != nil {
		_ = victim.Conn.Close()
	}
	return ok
}

// tryAdd is add without the closing of the connection that made room.
func (l *limitListener) tryAdd(c *limitedConn) (victim *limitedConn, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.join(c)
	switch source := c.source(); {
	case source.conns > l.mostEach && !source.key.network.IsLoopback():
		victim = l.slowestOf(source)
	case len(l.conns) >= l.most:
		victim = l.victim(c)
	default:
		ok = true
	}
	if victim != nil {
		l.evict(victim)
		ok = true
	}
	if !ok {
		l.leave(c)
		l.stats.refused++
		return nil, false
	}
	c.place = len(l.conns)
	l.conns = append(l.conns, c)
	return victim, true
}

// evict counts a connection as evicted. The caller holds mu, and closes the
// connection after it has released mu.
func (l *limitListener) evict(c *limitedConn) {
	l.remove(c)
	l.stats.evicted++
}

// remove no longer counts a connection. Later calls do nothing. The caller holds mu.
func (l *limitListener) remove(c *limitedConn) {
	if c.place < 0 {
		return
	}
	last := len(l.conns) - 1
	l.conns[c.place] = l.conns[last]
	l.conns[c.place].place = c.place
	l.conns[last] = nil
	l.conns = l.conns[:last]
	c.place = -1
	l.leave(c)
}

// onState is for [http.Server.ConnState]. It notes that the node waits for the next
// request.
func (l *limitListener) onState(conn net.Conn, s http.ConnState) {
	if c, ok := conn.(*limitedConn); ok && s == http.StateIdle {
		c.wait.begin(l.now())
	}
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// onConn is for [http.Server.ConnContext].
func (l *limitListener) onConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// handler returns a handler that calls next, and notes when the node works on the
// request and when it waits for the client. When next has returned, the server has yet to
// write the answer, so the node goes on working, unless it waits for the rest of a body
// that next has not read. After the answer it waits for the next request, see onState.
func (l *limitListener) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(*limitedConn)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		c.wait.pause(l.now())
		if r.Body != nil && r.Body != http.NoBody {
			// The server looks at the body of its own request when the handler has
			// returned, so that one stays as it is.
			copied := c.copyRequest(r)
			r = &copied.Request
			defer func() {
				if !copied.body.ended {
					c.wait.begin(l.now())
				}
				*copied = waitingRequest{} // nothing may use it any more, and it keeps no memory
			}()
		}
		next.ServeHTTP(w, r)
	})
}
