package node

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/internal/syserr"
)

// scriptedListener returns what its script says, one after another.
type scriptedListener struct {
	net.Listener
	script []any // errors and connections
}

func (l *scriptedListener) Accept() (net.Conn, error) {
	next := l.script[0]
	l.script = l.script[1:]
	if err, ok := next.(error); ok {
		return nil, err
	}
	return next.(*fakeConn), nil
}

// TestAcceptTriesAgain checks how long the listener waits after each connection that could
// not be accepted: longer each time, up to a bound, and briefly again after one that could.
func TestAcceptTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none := error(&net.OpError{Op: "accept", Err: syserr.Numbers(syserr.NoDescriptor)[0]})
		from := func() *fakeConn { return &fakeConn{from: netip.MustParseAddr("192.0.2.1")} }
		other := errors.New("another error")
		l := newCrowd(t, 10, 1)
		l.want("192.0.2.1", true) // all that this address may have, so that the next one is refused
		l.Listener = &scriptedListener{script: []any{
			none, none, none, none, none, none, none, none, none, none, from(), none, none, other,
		}}
		begin := time.Now()
		if _, err := l.Accept(); !errors.Is(err, other) {
			t.Fatalf("error %v, want another one than a missing descriptor", err)
		}
		const want = (5 + 10 + 20 + 40 + 80 + 160 + 320 + 640 + 1000 + 1000 + 5 + 10) * time.Millisecond
		if got := time.Since(begin); got != want {
			t.Errorf("the listener has waited for %v, want %v", got, want)
		}
	})
}

// TestDescriptorsAreMissedInTheLog checks that the log says every ten seconds, and not more
// often, that connections cannot be accepted, and how many.
func TestDescriptorsAreMissedInTheLog(t *testing.T) {
	none := errors.New("no descriptor")
	l := newCrowd(t, 10, 10)
	for _, step := range []struct {
		after time.Duration
		want  string // in the line; "": there is no line
	}{
		{0, "times=1 "}, {0, ""}, {acceptLogEvery - 1, ""}, {1, "times=3 "}, {acceptLogEvery, "times=1 "},
	} {
		l.pass(step.after)
		l.log.Reset()
		l.makeDescriptor(none)
		if got := l.log.String(); (got != "") != (step.want != "") || !strings.Contains(got, step.want) {
			t.Errorf("after %v the log says %q, want %q", step.after, got, step.want)
		}
	}
}

// TestConnectionsLeaveNothing checks that a connection that is closed or refused is counted
// nowhere any more, and kept by nothing.
func TestConnectionsLeaveNothing(t *testing.T) {
	l := newCrowd(t, 4, 4)
	for range 3 {
		var open []*limitedConn
		for range 4 {
			open = append(open, l.want("192.0.2.1", true))
		}
		l.want("192.0.2.1", false)
		l.candidates() // a list of all four
		for _, i := range []int{1, 0, 3, 2} {
			if err := open[i].Close(); err != nil {
				t.Error(err)
			}
			if err := open[i].Close(); err != nil { // changes nothing
				t.Error(err)
			}
			for place, c := range l.conns {
				if c.place != place {
					t.Errorf("the connection at place %d says that it is at %d", place, c.place)
				}
			}
			if open[i].place >= 0 {
				t.Error("a closed connection has a place")
			}
		}
		if len(l.conns) != 0 || len(l.groups) != 0 || l.Stats().open != 0 {
			t.Errorf("%d connections, %d groups", len(l.conns), len(l.groups))
		}
		if kept := slices.DeleteFunc(slices.Clone(l.conns[:cap(l.conns)]), func(c *limitedConn) bool { return c == nil }); len(kept) > 0 {
			t.Errorf("%d closed connections are kept in memory", len(kept))
		}
	}
	l.want("192.0.2.1", true)
	l.candidates()
	if kept := slices.DeleteFunc(slices.Clone(l.scratch[:cap(l.scratch)]), func(c candidate) bool { return c.conn == nil }); len(kept) != 1 {
		t.Errorf("%d connections are kept by the list of one", len(kept))
	}
}

// TestCandidatesHaveRoom checks that one more connection fits into the list of all, so that
// a connection that comes to a full node does not make the node copy that list.
func TestCandidatesHaveRoom(t *testing.T) {
	l := newCrowd(t, 4, 4)
	for range 4 {
		l.want("192.0.2.1", true)
	}
	l.candidates()
	if got := cap(l.scratch); got <= len(l.conns) {
		t.Errorf("the list has room for %d connections, and %d are open", got, len(l.conns))
	}
}

// TestNetworksOf lists the networks of addresses.
func TestNetworksOf(t *testing.T) {
	for ip, want := range map[string][3]string{
		"10.1.3.7":             {"10.1.0.0", "10.1.3.0", "10.1.3.7"},
		"::ffff:10.1.3.7":      {"10.1.0.0", "10.1.3.0", "10.1.3.7"},
		"2001:db9:3:5:3:4:5:6": {"2001:db9::", "2001:db9:3::", "2001:db9:3:5::"},
	} {
		var got [3]string
		for i, network := range networksOf(netip.MustParseAddr(ip)) {
			got[i] = network.String()
		}
		if got != want {
			t.Errorf("%s is of the networks %v, want %v", ip, got, want)
		}
	}
	if got := networksOf(netip.Addr{}); got != [3]netip.Addr{} {
		t.Errorf("an unknown address is of the networks %v", got)
	}
}

// TestRemoteIP checks that only a TCP connection has an IP address.
func TestRemoteIP(t *testing.T) {
	if got := remoteIP(&fakeConn{from: netip.MustParseAddr("192.0.2.7")}).Unmap(); got != netip.MustParseAddr("192.0.2.7") {
		t.Errorf("the IP address is %s", got)
	}
	if got := remoteIP(&slowConn{}); got.IsValid() {
		t.Errorf("a connection of another kind has the IP address %s", got)
	}
}

// TestPatience checks that a client loses its connection for any other one when the node has
// waited for longer than patience, and not before.
func TestPatience(t *testing.T) {
	for waited, want := range map[time.Duration]bool{patience: false, patience + 1: true} {
		l := newCrowd(t, 2, 2)
		l.want("192.0.2.1", true)
		l.want("198.51.100.1", true)
		l.pass(waited)
		l.want("203.0.113.1", want)
	}
}

// TestVictimOfTheLargest checks which connection of the largest network has to go if none is
// slow: the one that the node has waited for the longest, or if it waits for none, the one
// whose request came last. It does not matter in which order they were opened.
func TestVictimOfTheLargest(t *testing.T) {
	for name, tc := range map[string]struct {
		play   func(l *crowd, a, b *limitedConn)
		victim int
	}{
		"the first has waited less":    {func(l *crowd, a, _ *limitedConn) { l.pass(time.Second); l.finish(a) }, 1},
		"the second has waited less":   {func(l *crowd, _, b *limitedConn) { l.pass(time.Second); l.finish(b) }, 0},
		"the first request came last":  {func(l *crowd, a, b *limitedConn) { l.serve(b); l.pass(time.Second); l.serve(a) }, 0},
		"the second request came last": {func(l *crowd, a, b *limitedConn) { l.serve(a); l.pass(time.Second); l.serve(b) }, 1},
	} {
		l := newCrowd(t, 3, 3)
		all := []*limitedConn{l.want("192.0.2.1", true), l.want("192.0.2.1", true)}
		l.serve(l.want("198.51.100.1", true))
		tc.play(l, all[0], all[1])
		l.pass(time.Second / 2)
		l.want("203.0.113.1", true)
		for i, c := range all {
			if closed(c) != (i == tc.victim) {
				t.Errorf("%s: connection %d is closed: %v", name, i, closed(c))
			}
		}
	}
}

// TestSlowSenderIsServed checks that a client that has sent its request slowly does not lose
// its connection while the node works on the request.
func TestSlowSenderIsServed(t *testing.T) {
	l := newCrowd(t, 2, 2)
	slow := l.want("192.0.2.1", true)
	_, _ = slow.Read(make([]byte, 1))
	l.pass(patience + time.Second)
	slow.wait.pause(l.time)
	l.serve(l.want("198.51.100.1", true))
	l.want("203.0.113.1", false)
	if closed(slow) {
		t.Error("the connection is closed")
	}
}

// closedListener remembers that it was closed.
type closedListener struct {
	net.Listener
	closed int
}

func (l *closedListener) Close() error { l.closed++; return errors.New("closed") }

// TestListenerIsClosedOnce checks that a call closes the listener, and later calls do nothing.
func TestListenerIsClosedOnce(t *testing.T) {
	l, inner := newCrowd(t, 2, 2), &closedListener{}
	l.Listener = inner
	if err := l.Close(); err == nil || inner.closed != 1 {
		t.Errorf("the error is %v, and the listener was closed %d times", err, inner.closed)
	}
	if err := l.Close(); err != nil || inner.closed != 1 {
		t.Errorf("the second call returns %v, and the listener was closed %d times", err, inner.closed)
	}
}
