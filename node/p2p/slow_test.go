package p2p

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// servePipe serves one connection that is a pipe in memory and returns the other
// end. A pipe has no buffer: a write returns only when the other side has read it.
func servePipe(t *testing.T, n *Network) net.Conn {
	client, peer := net.Pipe()
	l := &onePipe{conn: peer, closed: make(chan struct{})}
	server := &http.Server{Handler: n, ReadHeaderTimeout: time.Hour}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return client
}

// onePipe is a listener that accepts one connection.
type onePipe struct {
	conn   net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *onePipe) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}
func (l *onePipe) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *onePipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// TestSlowWriter sends a body one byte a second.
func TestSlowWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNetwork(t, testConfig(newTestChain(t)))
		conn := servePipe(t, n)
		start := time.Now()
		var group sync.WaitGroup
		defer group.Wait()
		defer func() { _ = conn.Close() }()
		group.Go(func() {
			_, err := io.WriteString(conn, "POST /p2p/headers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n")
			for err == nil {
				time.Sleep(time.Second)
				_, err = io.WriteString(conn, " ")
			}
		})
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusRequestTimeout || time.Since(start) != 10*time.Second {
			t.Errorf("%s after %v: %s", answer.Status, time.Since(start), body)
		}
		synctest.Wait()
		if n.served.InUse() != 0 {
			t.Error("the slot is still taken")
		}
	})
}

// TestSlowReader requests blocks and reads them one byte at a time.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestChain(t)
		c.post(longText(60_000))
		hash := c.mine(0).Hash()
		n := newTestNetwork(t, testConfig(c))
		conn := servePipe(t, n)
		body := `{"hashes":["` + hash.String() + `"` + strings.Repeat(`,"`+hash.String()+`"`, 100) + `]}`
		start := time.Now()
		go func() {
			_, _ = fmt.Fprintf(conn, "POST /p2p/blocks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}()
		read := 0
		for one := make([]byte, 1); ; read++ {
			if _, err := conn.Read(one); err != nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(start); took > 41*time.Second || read == 0 {
			t.Errorf("the connection was cut after %v and %d bytes, want 40 s", took, read)
		}
		synctest.Wait()
		if n.served.InUse() != 0 || n.bodies.InUse() != 0 {
			t.Error("a slot is still taken")
		}
	})
}
