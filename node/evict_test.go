package node

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/internal/syserr"
)

// fakeConn is a connection from a given address.
type fakeConn struct {
	net.Conn
	from   netip.Addr
	unread bool // bytes have arrived that were not read
	closed bool
}

func (c *fakeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.from, 1))
}
func (c *fakeConn) Close() error                { c.closed = true; return nil }
func (c *fakeConn) Read(p []byte) (int, error)  { return len(p), nil }
func (c *fakeConn) Write(p []byte) (int, error) { return len(p), nil }

// fakeListener accepts the connections in conns, after as many errors as failures
// says.
type fakeListener struct {
	net.Listener
	conns    []*fakeConn
	failures int
}

func (l *fakeListener) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: syserr.Numbers(syserr.NoDescriptor)[0]}
	}
	if len(l.conns) == 0 {
		return nil, net.ErrClosed
	}
	c := l.conns[0]
	l.conns = l.conns[1:]
	return c, nil
}

func (l *fakeListener) Close() error { return nil }

// crowd is a limitListener with connections that are not real, on a clock that
// stands still.
type crowd struct {
	*limitListener
	t    *testing.T
	fake *fakeListener
	time time.Time
	log  strings.Builder
}

func newCrowd(t *testing.T, most, mostEach int) *crowd {
	c := &crowd{t: t, fake: &fakeListener{}, time: time.Unix(1_800_000_000, 0)}
	c.limitListener = newLimitListener(c.fake, most, mostEach, slog.New(slog.NewTextHandler(&c.log, nil)))
	c.now = func() time.Time { return c.time }
	c.hasUnread = func(conn net.Conn) bool { return conn.(*fakeConn).unread }
	return c
}

func (c *crowd) pass(d time.Duration) { c.time = c.time.Add(d) }

// connect returns a new connection from an address, or nil if it is refused.
func (c *crowd) connect(from string) *limitedConn {
	c.t.Helper()
	conn := &fakeConn{from: netip.MustParseAddr(from)}
	c.fake.conns = append(c.fake.conns, conn)
	got, err := c.Accept()
	if err != nil {
		if !errors.Is(err, net.ErrClosed) || !conn.closed {
			c.t.Fatalf("%v, closed %v", err, conn.closed)
		}
		return nil
	}
	return got.(*limitedConn)
}

func (c *crowd) want(from string, ok bool) *limitedConn {
	c.t.Helper()
	conn := c.connect(from)
	if (conn != nil) != ok {
		c.t.Fatalf("%s: accepted %v, want %v", from, conn != nil, ok)
	}
	return conn
}

// count returns how many connections from an address are open.
func (c *crowd) count(from string) (n int) {
	for _, conn := range c.conns {
		if conn.Conn.(*fakeConn).from == netip.MustParseAddr(from) {
			n++
		}
	}
	return n
}

func closed(c *limitedConn) bool { return c.Conn.(*fakeConn).closed }

// serve has a connection's request reach its handler.
func (c *crowd) serve(conn *limitedConn) {
	_, _ = conn.Read(make([]byte, 100))
	conn.wait.pause(c.time)
}

// finish has a connection's request answered.
func (c *crowd) finish(conn *limitedConn) { c.onState(conn, http.StateIdle) }

// answer has a handler return for a request of a connection, without the answer being
// written. The handler reads the given part of the request's body.
func (c *crowd) answer(conn *limitedConn, body string, read int) {
	c.t.Helper()
	_, _ = conn.Read(make([]byte, 100))
	r := httptest.NewRequestWithContext(c.onConn(c.t.Context(), conn), http.MethodPost, "/", strings.NewReader(body))
	if body == "" {
		r.Body = http.NoBody
	}
	c.handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, read))
	})).ServeHTTP(httptest.NewRecorder(), r)
}

// TestAnswersOnTheirWay checks that a connection whose request has been handled is not
// closed before the answer is written, however busy the node is, and that it may be closed
// afterwards. But the node waits for a client that has not sent all of its body.
func TestAnswersOnTheirWay(t *testing.T) {
	for name, tc := range map[string]struct {
		body  string
		read  int
		stays bool
	}{
		"without a body":           {"", 0, true},
		"with a body that is read": {"body", 5, true},
		"with a body left unread":  {"body", 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newCrowd(t, 2, 2)
			slow := l.want("192.0.2.1", true)
			late := l.want("198.51.100.1", true)
			l.answer(late, tc.body, tc.read)
			l.pass(patience + time.Second)
			l.finish(slow) // it waits for less time than the other
			l.pass(patience + time.Second)
			l.want("203.0.113.1", true)
			if closed(late) == tc.stays || closed(slow) != tc.stays {
				t.Fatalf("the one that is answered is closed: %v, the idle one: %v", closed(late), closed(slow))
			}
			if !tc.stays {
				return
			}
			_, _ = late.Write([]byte("answer"))
			l.finish(late)
			l.pass(patience + time.Second)
			l.want("203.0.113.2", true)
			if !closed(late) {
				t.Error("it waits for another request, and is not closed")
			}
		})
	}
}

// TestUnreadRequestsStay checks that a connection with a request that the node has not
// read is not closed for others, however long the node takes.
func TestUnreadRequestsStay(t *testing.T) {
	l := newCrowd(t, 8, 8)
	honest := l.want("198.51.100.1", true)
	honest.Conn.(*fakeConn).unread = true
	for i := range l.most - 1 {
		l.want(fmt.Sprintf("%d.0.2.1", 20+i), true)
	}
	for second := range 60 {
		l.pass(time.Second)
		if l.connect(fmt.Sprintf("%d.0.2.1", 100+second)); closed(honest) {
			t.Fatalf("the request was lost after %d seconds", second+1)
		}
	}
	honest.Conn.(*fakeConn).unread = false
	l.pass(patience + time.Second)
	for range l.most {
		l.connect("192.0.2.1")
	}
	if !closed(honest) {
		t.Error("a connection without a request was not closed")
	}
}

func TestLimitListener(t *testing.T) {
	l := newCrowd(t, 6, 2)
	want := l.want
	first := want("192.0.2.1", true)
	want("192.0.2.1", true)
	want("192.0.2.1", false) // a third from one address
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	_ = first.Close() // counts once
	want("192.0.2.1", true)
	want("2001:db8::1", true)
	want("2001:db8::2", true)
	want("2001:db8::3", false) // from the same /64
	want("127.0.0.1", true)
	idle := want("::1", true) // six
	for _, c := range l.conns {
		if c != idle {
			l.serve(c)
		}
	}
	want("127.0.0.1", false) // would be a second one, and nobody else has more
	l.pass(patience + 1)
	second := want("127.0.0.1", true) // takes the place of the idle one
	if !closed(idle) {
		t.Error("the idle connection is open")
	}
	_ = idle.Close() // is not counted any more
	l.serve(second)
	want("127.0.0.1", false)
	_ = second.Close()
	for range 20 { // loopback addresses have no bound of their own
		_ = want("127.0.0.1", true).Close()
	}
	if stats := l.Stats(); stats.open != 5 || stats.refused != 4 || stats.evicted != 1 {
		t.Errorf("%+v", stats)
	}
	sources := 0
	for key, g := range l.groups {
		if key.level == 2 {
			sources++
		}
		if g.conns <= 0 {
			t.Errorf("%v has %d connections", key, g.conns)
		}
	}
	if sources != 3 {
		t.Errorf("%d addresses counted", sources)
	}
}

// TestDrippingCrowd is the attack for which victims are chosen: all connections are
// taken by a few addresses, which send a byte now and then and connect again whenever
// they are closed. Requests from other addresses are accepted and end in peace.
func TestDrippingCrowd(t *testing.T) {
	for name, address := range map[string]func(i int) string{
		"eight addresses":                  func(i int) string { return fmt.Sprintf("198.51.100.%d", i%8) },
		"eight addresses of many networks": func(i int) string { return fmt.Sprintf("%d.51.100.1", 11+i%8) },
		"a network with many addresses":    func(i int) string { return fmt.Sprintf("198.51.%d.%d", i%4, i/4%64) },
		"an IPv6 /48":                      func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i) },
		"addresses beside the honest one":  func(i int) string { return fmt.Sprintf("203.0.113.%d", 10+i%8) },
	} {
		for _, every := range []time.Duration{time.Second, time.Minute} { // reconnects before patience ends, or never
			t.Run(fmt.Sprint(name, " for ", every), func(t *testing.T) {
				const most, each = 256, 32
				l := newCrowd(t, most, each)
				var drips []*limitedConn
				for i := range most {
					drips = append(drips, l.want(address(i), true))
				}
				var mining *limitedConn
				for second := range 20 {
					l.pass(time.Second)
					for i, c := range drips {
						if closed(c) || time.Duration(second)*time.Second%every == 0 {
							_ = c.Close()
							if again := l.connect(address(i)); again != nil {
								drips[i] = again
							}
						}
						_, _ = drips[i].Read(make([]byte, 1))
					}
					// An honest client sends a request each second, and another request
					// waits for a block all the time.
					reading := l.want("203.0.113.1", true)
					if mining == nil {
						mining = l.want("203.0.113.1", true)
						l.serve(mining)
					}
					for i := range 64 { // more of the attacker's
						if c := l.connect(address(most + i)); c != nil {
							drips[i] = c
						}
					}
					if closed(reading) || closed(mining) {
						t.Fatalf("second %d: an honest connection was closed", second)
					}
					l.serve(reading)
					l.finish(reading)
					_ = reading.Close()
				}
				if len(l.conns) < most-1 { // the honest client has closed one
					t.Errorf("%d connections are open, want the %d that may be", len(l.conns), most)
				}
			})
		}
	}
}

// TestVictim lists who has to go.
func TestVictim(t *testing.T) {
	const second = time.Second
	for name, tc := range map[string]struct {
		most int
		make func(l *crowd) (victim *limitedConn) // opens all connections, and returns the one that is to be closed for one from 203.0.113.1; nil: none
	}{
		"the one that has been idle for the longest": {2, func(l *crowd) *limitedConn {
			old, young := l.want("192.0.2.1", true), l.want("192.0.2.1", true)
			l.finish(old)
			l.pass(second)
			l.finish(young)
			l.pass(3 * second)
			return old
		}},
		"a slow one rather than a busy one": {3, func(l *crowd) *limitedConn {
			busy, other, slow := l.want("192.0.2.1", true), l.want("192.0.2.1", true), l.want("198.51.100.1", true)
			l.serve(busy)
			l.serve(other)
			l.pass(3 * second)
			return slow
		}},
		"of the slow ones the one whose address has the most": {4, func(l *crowd) *limitedConn {
			l.want("192.0.2.1", true)
			l.pass(second)
			first := l.want("198.51.100.1", true)
			l.pass(second)
			l.want("198.51.100.1", true)
			l.want("198.51.100.2", true)
			l.pass(3 * second)
			return first
		}},
		"one that sends a byte a second rather than one on a slow line": {2, func(l *crowd) *limitedConn {
			slow, drip := l.want("192.0.2.1", true), l.want("192.0.2.1", true)
			for range 8 {
				l.pass(second)
				_, _ = slow.Read(make([]byte, 2*slowestRate))
				_, _ = drip.Read(make([]byte, 1))
			}
			return drip
		}},
		"one that does not take its answer": {2, func(l *crowd) *limitedConn {
			busy, stuck := l.want("192.0.2.1", true), l.want("192.0.2.1", true)
			l.serve(busy)
			l.serve(stuck)
			stuck.wait.resume(l.time) // as Write does
			l.pass(3 * second)
			return stuck
		}},
		"one that does not send the rest of its body": {2, func(l *crowd) *limitedConn {
			busy, stuck := l.want("192.0.2.1", true), l.want("192.0.2.1", true)
			l.serve(busy)
			l.serve(stuck)
			for range 30 { // each Read of the body returns a byte
				stuck.wait.resume(l.time)
				l.pass(100 * time.Millisecond)
				_, _ = stuck.Read(make([]byte, 1))
				stuck.wait.pause(l.time)
			}
			stuck.wait.resume(l.time)
			return stuck
		}},
		"where nobody is slow, the latest request of the largest network": {3, func(l *crowd) *limitedConn {
			first := l.want("192.0.2.1", true)
			l.serve(first)
			l.pass(second)
			latest := l.want("192.0.2.1", true)
			l.serve(latest)
			l.serve(l.want("198.51.100.1", true))
			l.pass(60 * second)
			return latest
		}},
		"where nobody is slow, first those that are waited for": {3, func(l *crowd) *limitedConn {
			waiting := l.want("192.0.2.1", true)
			l.serve(l.want("192.0.2.1", true))
			l.want("198.51.100.1", true)
			l.pass(second)
			return waiting
		}},
		"nobody where all networks have the same share": {2, func(l *crowd) *limitedConn {
			l.serve(l.want("192.0.2.1", true))
			l.serve(l.want("198.51.100.1", true))
			return nil
		}},
		"nobody of a network that has less than the new one": {3, func(l *crowd) *limitedConn {
			l.serve(l.want("203.0.113.2", true))
			l.serve(l.want("203.0.113.3", true))
			l.serve(l.want("198.51.100.1", true))
			return nil
		}},
		"one that has begun its next request is not idle": {2, func(l *crowd) *limitedConn {
			begun, idle := l.want("192.0.2.1", true), l.want("192.0.2.1", true)
			l.pass(second)
			l.finish(begun)
			l.pass(second)
			l.finish(idle)
			l.pass(60 * second)
			_, _ = begun.Read(make([]byte, 1))
			return idle
		}},
		"one whose next request has arrived is not idle": {3, func(l *crowd) *limitedConn {
			arrived, idle, later := l.want("192.0.2.1", true), l.want("192.0.2.1", true), l.want("192.0.2.1", true)
			for _, c := range []*limitedConn{arrived, idle, later} {
				l.finish(c)
				l.pass(second)
			}
			l.pass(60 * second)
			arrived.Conn.(*fakeConn).unread = true
			return idle
		}},
		"one that has sent half a request is slow, whatever has arrived": {2, func(l *crowd) *limitedConn {
			half, other := l.want("192.0.2.1", true), l.want("192.0.2.1", true)
			_, _ = half.Read(make([]byte, 1))
			l.pass(second)
			l.finish(other)
			l.pass(3 * second)
			half.Conn.(*fakeConn).unread = true
			return half
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newCrowd(t, tc.most, 128)
			victim := tc.make(l)
			all := append([]*limitedConn(nil), l.conns...)
			l.want("203.0.113.1", victim != nil)
			for i, c := range all {
				if closed(c) != (c == victim) {
					t.Errorf("connection %d from %s: closed %v, want %v", i, c.source().key.network, closed(c), c == victim)
				}
			}
		})
	}
}

// TestNextRequestsHaveArrived has the next request of every idle connection arrive
// unread. None of them is slow as long as the node does not read it, so the networks share
// the places. When the requests have been answered and the clients send nothing more, they
// are slow like all others.
func TestNextRequestsHaveArrived(t *testing.T) {
	l := newCrowd(t, 4, 4)
	var conns []*limitedConn
	for range 4 {
		c := l.want("192.0.2.1", true)
		l.finish(c)
		c.Conn.(*fakeConn).unread = true
		conns = append(conns, c)
	}
	for range 3 {
		l.pass(time.Minute)
		l.want("192.0.2.1", false)
	}
	for i, c := range conns {
		if closed(c) {
			t.Errorf("connection %d was closed, although its next request has arrived", i)
		}
	}
	l.want("203.0.113.1", true) // of a network that has none
	for _, c := range conns {
		c.Conn.(*fakeConn).unread = false
		if !closed(c) {
			l.serve(c)
			l.finish(c)
		}
	}
	l.want("192.0.2.1", false)
	l.pass(patience + time.Second)
	l.want("192.0.2.1", true)
}

// TestSlowConnectionsOfOneAddress checks that an address which has all the
// connections that it may have can still connect if some of them are slow.
func TestSlowConnectionsOfOneAddress(t *testing.T) {
	l := newCrowd(t, 10, 2)
	other := l.want("198.51.100.1", true)
	slow := l.want("192.0.2.1", true)
	l.pass(time.Second)
	l.want("192.0.2.1", true)
	l.want("192.0.2.1", false)
	l.pass(patience)
	l.want("192.0.2.1", true)
	if !closed(slow) || closed(other) || l.count("192.0.2.1") != 2 {
		t.Errorf("the slow one is closed: %v; one of another address: %v; there are %d", closed(slow), closed(other), l.count("192.0.2.1"))
	}
}

// TestNoDescriptorLeft checks that a node without descriptors says so, once in a
// while, and closes connections until it can accept again.
func TestNoDescriptorLeft(t *testing.T) {
	l := newCrowd(t, 10, 10)
	idle, busy := l.want("192.0.2.1", true), l.want("192.0.2.1", true)
	l.serve(busy)
	l.pass(3 * time.Second)
	l.fake.failures = 2
	l.want("198.51.100.1", true)
	if !closed(idle) || closed(busy) {
		t.Errorf("the idle connection is closed: %v, the busy one: %v", closed(idle), closed(busy))
	}
	if stats := l.Stats(); stats.failed != 2 || stats.evicted != 1 || stats.refused != 0 || stats.open != 2 {
		t.Errorf("%+v", stats)
	}
	if log := l.log.String(); strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "no file descriptor is left") || !strings.Contains(log, "times=1 ") {
		t.Errorf("the log says: %s", log)
	}
	l.log.Reset()
	l.pass(acceptLogEvery)
	l.fake.failures = 1
	l.want("198.51.100.1", true)
	if log := l.log.String(); strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "times=2 ") {
		t.Errorf("the log says: %s", log)
	}
}

// TestCloseWithoutDescriptors checks that a listener that waits for a descriptor can
// be closed.
func TestCloseWithoutDescriptors(t *testing.T) {
	l := newCrowd(t, 10, 10)
	l.fake.failures = 1 << 30
	done := make(chan error)
	go func() {
		_, err := l.Accept()
		done <- err
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestConnectionsWithin(t *testing.T) {
	for _, tc := range []struct {
		limit, wanted, want int // want 0: an error
	}{
		{0, 1024, 1024},
		{1 << 20, 1024, 1024},
		{1 << 20, 1 << 20, 1<<20 - mostReserve},
		{4096, 4096, 4096 - mostReserve},
		{1024, 1024, 768},
		{1024, 500, 500},
		{256, 1024, 192},
		{64, 1024, 32},
		{48, 1024, 16},
		{47, 1024, 0},
		{47, 10, 10},
		{20, 1, 0},
	} {
		got, err := connectionsWithin(tc.limit, tc.wanted)
		if got != tc.want || (err != nil) != (tc.want == 0) {
			t.Errorf("%+v: %d, %v", tc, got, err)
		}
	}
}
