package node

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/p2p"
)

// fakeConn is a connection from a given address.
type fakeConn struct {
	net.Conn
	from   netip.Addr
	closed bool
}

func (c *fakeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.from, 1))
}
func (c *fakeConn) Close() error { c.closed = true; return nil }

// fakeListener accepts the connections in conns.
type fakeListener struct {
	net.Listener
	conns []*fakeConn
}

func (l *fakeListener) Accept() (net.Conn, error) {
	if len(l.conns) == 0 {
		return nil, net.ErrClosed
	}
	c := l.conns[0]
	l.conns = l.conns[1:]
	return c, nil
}

func TestLimitListener(t *testing.T) {
	fake := &fakeListener{}
	l := newLimitListener(fake, 6, 2)
	connect := func(from string) (*limitedConn, *fakeConn) {
		t.Helper()
		c := &fakeConn{from: netip.MustParseAddr(from)}
		fake.conns = append(fake.conns, c)
		got, err := l.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) || !c.closed {
				t.Fatalf("%v, closed %v", err, c.closed)
			}
			return nil, c
		}
		return got.(*limitedConn), c
	}
	want := func(from string, ok bool) *limitedConn {
		t.Helper()
		c, _ := connect(from)
		if (c != nil) != ok {
			t.Fatalf("%s: accepted %v, want %v", from, c != nil, ok)
		}
		return c
	}
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
	want("127.0.0.1", false)
	want("198.51.100.1", false)
	l.onState(idle, http.StateIdle)
	l.onState(idle, http.StateActive)
	want("127.0.0.1", false)
	l.onState(idle, http.StateIdle)
	second := want("127.0.0.1", true) // takes the place of the idle one
	if !idle.Conn.(*fakeConn).closed {
		t.Error("the idle connection is open")
	}
	_ = idle.Close() // is not counted any more
	want("127.0.0.1", false)
	_ = second.Close()
	for range 20 { // loopback addresses have no bound of their own
		_ = want("127.0.0.1", true).Close()
	}
	if open, refused := l.stats(); open != 5 || refused != 6 {
		t.Errorf("%v open, %v refused", open, refused)
	}
	if len(l.from) != 3 || l.idle.Len() != 0 {
		t.Errorf("%d addresses counted, %d idle", len(l.from), l.idle.Len())
	}
}

// TestSlowHeaders opens hundreds of connections that never finish the header of
// their request. The node goes on answering, and the number of connections stays
// within the bound.
func TestSlowHeaders(t *testing.T) {
	slow := func(n *liveNode, count int) {
		for range count {
			conn, err := net.Dial("tcp", n.Addr().String()) //nolint:noctx // a test
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			_, _ = io.WriteString(conn, "POST /p2p/hello HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
		}
	}
	n := startLive(t, Config{})
	slow(n, 500)
	eventually(t, "all are accepted", func() bool { return n.openConnections() == 500 })
	n.want(200, "", "GET", "/status", "")

	n = startLive(t, Config{Connections: 100})
	slow(n, 150)
	eventually(t, "the bound is reached", func() bool {
		open, refused := n.listener.(*limitListener).stats()
		return refused == 50 && open == 100
	})
}

func (n *liveNode) openConnections() int {
	open, _ := n.listener.(*limitListener).stats()
	return open
}

// TestFloodOfNodes takes all slots for requests of other nodes. Clients are served
// as before.
func TestFloodOfNodes(t *testing.T) {
	n := startLive(t, Config{Network: p2p.Limits{ReadTimeout: time.Second}})
	for range 80 { // there are 64 slots
		conn, err := net.Dial("tcp", n.Addr().String()) //nolint:noctx // a test
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, _ = fmt.Fprintf(conn, "POST /p2p/headers HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	}
	eventually(t, "no slot is free", func() bool {
		status, _ := n.call("GET", "/p2p/addresses", "")
		return status == http.StatusServiceUnavailable
	})
	for _, path := range []string{"/status", "/chain", "/peers", "/metrics", "/mine"} {
		n.want(200, "", "GET", path, "")
	}
	n.want(201, "Success", "POST", "/new_transaction", `{"author":"a","content":"b"}`)
	eventually(t, "they are cut off, and their slots free", func() bool {
		status, _ := n.call("GET", "/p2p/addresses", "")
		return status == http.StatusOK
	})
}

// TestAdvertise checks the address that a node tells others, for several addresses
// to listen on.
func TestAdvertise(t *testing.T) {
	for _, tc := range []struct {
		listen    string
		advertise gossip.Address
		peers     []gossip.Address
		want, err string
	}{
		{listen: "127.0.0.1:0", want: "http://127.0.0.1:PORT"},
		{listen: "0.0.0.0:0", want: "http://127.0.0.1:PORT"},
		{listen: "0.0.0.0:0", advertise: "https://lode.localhost:443", want: "https://lode.localhost:443"},
		{listen: "0.0.0.0:0", peers: []gossip.Address{"http://127.0.0.1:1"}, err: "--advertise"},
		{listen: "[::1]:0", want: "http://[::1]:PORT"},
	} {
		params, err := rules.Tutorial(1)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Open(t.Context(), Config{Params: params, Data: t.TempDir(), Listen: tc.listen, Workers: 1, Advertise: tc.advertise, Peers: tc.peers})
		if tc.err != "" || err != nil {
			if tc.err == "" && strings.HasPrefix(tc.listen, "[") {
				t.Skipf("NOT TESTED: IPv6: %v", err)
			}
			if tc.err == "" || err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%+v: error %v", tc, err)
			}
			continue
		}
		_, port, _ := net.SplitHostPort(n.Addr().String())
		got, err := advertised(Config{Advertise: tc.advertise, Logger: n.log}, n.Addr())
		if want := strings.Replace(tc.want, "PORT", port, 1); err != nil || string(got) != want {
			t.Errorf("%+v: %s, %v, want %s", tc, got, err, want)
		}
		n.api.Close()
		_ = n.listener.Close()
		_ = n.store.Close()
	}
}
