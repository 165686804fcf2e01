package node

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/p2p"
)

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
		stats := n.listener.Stats()
		return stats.refused+stats.evicted == 50 && stats.open == 100
	})
}

func (n *liveNode) openConnections() int { return n.listener.Stats().open }

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
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDrippers is the attack of TestDrippingCrowd with real connections: eight
// addresses hold all connections and send a byte now and then, and every request from
// another address is answered.
func TestDrippers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT TESTED: connections from 127.0.0.2 need Linux")
	}
	params, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Open(t.Context(), Config{Params: params, Data: t.TempDir(), Listen: "127.0.0.1:0", Workers: 1, Connections: 64, ConnectionsEach: 8})
	if err != nil {
		t.Fatal(err)
	}
	// The addresses 127.0.0.x stand for addresses of other machines, because the limits
	// do not apply to loopback.
	opened.listener.source = func(c net.Conn) netip.Addr {
		a := remoteIP(c).As4()
		return netip.AddrFrom4([4]byte{198, 51, 100, a[3]})
	}
	n := runLive(t, opened)

	dial := func(from byte) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, from)}}
		return d.DialContext(t.Context(), "tcp", n.Addr().String())
	}
	var group sync.WaitGroup
	stop := make(chan struct{})
	for i := range 64 {
		group.Go(func() {
			for {
				conn, err := dial(byte(2 + i%8))
				if err != nil {
					t.Error(err)
					return
				}
				_, err = io.WriteString(conn, "GET /status HTTP/1.1\r\nHost: x\r\nX-Drip: ")
				for err == nil {
					select {
					case <-stop:
						_ = conn.Close()
						return
					case <-time.After(20 * time.Millisecond):
						_, err = conn.Write([]byte("x")) // fails soon after the node has closed the connection
					}
				}
				_ = conn.Close()
			}
		})
	}
	defer group.Wait()
	defer close(stop)
	eventually(t, "all connections are taken", func() bool { return n.openConnections() == 64 })
	for i := range 34 {
		conn, err := dial(1)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("request %d of an honest client: %v; %+v", i, err, n.listener.Stats())
		}
		_ = answer.Body.Close()
		_ = conn.Close()
	}
	if stats := n.listener.Stats(); stats.evicted == 0 {
		t.Errorf("%+v: the requests found room by chance", stats)
	}
}
