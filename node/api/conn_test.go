package api

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener for connections that are pipes in memory. A pipe has no
// buffer: a write returns only when the other side has read it.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// servePipes serves the node until the test ends. It returns a function that
// connects and sends a request.
func servePipes(t *testing.T, n *testNode) (dial func(request string) net.Conn) {
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: n.api, ReadHeaderTimeout: time.Hour}
	server.RegisterOnShutdown(n.api.Close)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(p) }()
	t.Cleanup(func() {
		if err := server.Shutdown(t.Context()); err != nil && !errors.Is(err, t.Context().Err()) {
			t.Error(err)
		}
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return func(request string) net.Conn {
		client, peer := net.Pipe()
		p.conns <- peer
		t.Cleanup(func() { _ = client.Close() })
		go func() { _, _ = io.WriteString(client, strings.ReplaceAll(request, "\n", "\r\n")) }()
		return client
	}
}

// TestSlowReaders sends requests without reading the answers. Each holds its slot
// until one write has timed out, and no longer.
func TestSlowReaders(t *testing.T) {
	for _, path := range []string{"/chain", "/headers", "/pending_tx", "/events", "/status", "/openapi.yaml", "/nothing"} {
		synctest.Test(t, func(t *testing.T) {
			n := newTestNode(t, testSetup{limits: limits{pieceBytes: 1000, timeout: 5 * time.Second}})
			n.grow(20)
			n.post(strings.Repeat("x", 50_000))
			dial := servePipes(t, n)
			conn := dial("GET " + path + " HTTP/1.1\nHost: x\n\n")
			if path == "/chain" { // reads one byte a second, which is too slow
				go func() {
					one := make([]byte, 1)
					for {
						if _, err := conn.Read(one); err != nil {
							return
						}
						time.Sleep(time.Second)
					}
				}()
			}
			start := time.Now()
			rt, _ := n.api.find(path)
			time.Sleep(4 * time.Second)
			synctest.Wait()
			if rt.slots.Slots != nil && path != "/headers" && rt.slots.InUse() != 1 {
				t.Errorf("%s: %d slots taken while the client does not read, want 1", path, rt.slots.InUse())
			}
			for rt.slots.Slots != nil && rt.slots.InUse() > 0 && time.Since(start) < time.Minute {
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s: the slot was held for %v", path, took)
			}
			// The server writes what it has buffered after the handler has returned,
			// under the same deadline.
			time.Sleep(10 * time.Second)
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := io.ReadAll(conn); err != nil {
				t.Errorf("%s: the connection is still open: %v", path, err)
			}
		})
	}
}

// TestLongAnswersAreBounded requests long answers without reading them. Once their
// pieces take all the bytes allowed, other long answers get 503, while short ones
// are still sent. When the slow clients are gone, there is room again.
func TestLongAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t, testSetup{limits: limits{bytes: 200 << 10, timeout: 5 * time.Second}})
		n.post(strings.Repeat("x", 60_000))
		n.want(n.do("GET", "/mine", ""), 200, "is mined")
		n.post(strings.Repeat("x", 50_000))
		dial := servePipes(t, n)
		paths := []string{"/chain", "/blocks/tip", "/pending_tx"}
		for i := range 9 {
			dial("GET " + paths[i%len(paths)] + " HTTP/1.1\nHost: x\n\n")
			// One after another: a request that is about to be refused holds memory for
			// a moment, for which another, which would have fitted, could be refused.
			synctest.Wait()
		}
		for _, path := range paths {
			w := n.do("GET", path, "")
			n.want(w, 503, "as many long answers as it can")
			if w.Header().Get("Retry-After") != "1" {
				t.Errorf("%s: Retry-After %q, want 1", path, w.Header().Get("Retry-After"))
			}
		}
		n.want(n.do("GET", "/status", ""), 200, "")
		n.want(n.do("GET", "/chain?limit=1", ""), 200, "")
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, path := range paths {
			n.want(n.do("GET", path, ""), 200, "xxx")
		}
		if left := n.api.answers.InUse(); left != 0 {
			t.Errorf("%d bytes of answers are still counted", left)
		}
	})
}

// TestSlowWriters sends requests with bodies that do not arrive. The answer is a sentence,
// and has the word for programs in addition if they ask for JSON.
func TestSlowWriters(t *testing.T) {
	const sentence = "the body took too long to arrive"
	for _, test := range []struct{ path, accept, want string }{
		{"/new_transaction", "*/*", sentence},
		{"/add_block", "*/*", sentence},
		{"/mine", "*/*", sentence},
		{"/new_transaction", "application/json", `{"error":"` + sentence + `","reason":"` + string(reasonSlow) + "\"}\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newTestNode(t, testSetup{limits: limits{timeout: 5 * time.Second}})
			conn := servePipes(t, n)("POST " + test.path + " HTTP/1.1\nHost: x\nAccept: " + test.accept + "\nContent-Length: 100\n\n{")
			start := time.Now()
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = answer.Body.Close() }()
			body, _ := io.ReadAll(answer.Body)
			if answer.StatusCode != http.StatusRequestTimeout || string(body) != test.want {
				t.Errorf("%s: %d %s, want 408 %s", test.path, answer.StatusCode, body, test.want)
			}
			if took := time.Since(start); took != 5*time.Second {
				t.Errorf("%s: answered after %v, want the timeout of 5 s", test.path, took)
			}
		})
	}
}

// TestKeepAlive sends requests on one connection, each long after the deadlines of
// the one before.
func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t, testSetup{limits: limits{timeout: 5 * time.Second}})
		conn := servePipes(t, n)("")
		read := bufio.NewReader(conn)
		for range 3 {
			_, _ = io.WriteString(conn, "POST /new_transaction HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\n\r\n"+`{"author":"a","content":"b"}`)
			answer, err := http.ReadResponse(read, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusCreated {
				t.Fatal(answer.Status)
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestMineOutlivesDeadlines waits for a block longer than the deadlines for reading
// and writing.
func TestMineOutlivesDeadlines(t *testing.T) {
	for _, request := range []string{
		"GET /mine HTTP/1.1\nHost: x\n\n",
		"POST /mine HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}",
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newTestNode(t, testSetup{limits: limits{timeout: 5 * time.Second, mineWait: time.Hour}})
			n.post("x")
			n.miner.hold = make(chan struct{})
			conn := servePipes(t, n)(request)
			time.AfterFunc(30*time.Minute, func() { close(n.miner.hold) })
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = answer.Body.Close() }()
			if body, _ := io.ReadAll(answer.Body); string(body) != "Block #1 is mined." {
				t.Errorf("%d %s", answer.StatusCode, body)
			}
		})
	}
}

// TestMineGoesOnWithoutItsClient disconnects while the block is being mined.
func TestMineGoesOnWithoutItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t, testSetup{})
		n.post("x")
		n.miner.hold = make(chan struct{})
		var answered Answered
		n.api.Observe(Observer{Answered: func(a Answered) { answered = a }})
		rt, _ := n.api.find("/mine")
		conn := servePipes(t, n)("GET /mine HTTP/1.1\nHost: x\n\n")
		synctest.Wait()
		if rt.slots.InUse() != 1 {
			t.Fatal("the request does not wait for the block")
		}
		_ = conn.Close()
		synctest.Wait()
		if rt.slots.InUse() != 0 {
			t.Error("the handler still waits, although the client has left")
		}
		if answered.Route != "/mine" || answered.Status != StatusGone {
			t.Errorf("observed %+v, want status %d", answered, StatusGone)
		}
		close(n.miner.hold)
		synctest.Wait()
		if n.chain.Len() != 2 {
			t.Error("the block was not mined")
		}
	})
}

// TestMineEndsOnShutdown closes the API while a client waits for a block: the client
// gets an answer at once.
func TestMineEndsOnShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t, testSetup{})
		n.post("x")
		n.miner.hold = make(chan struct{})
		defer close(n.miner.hold)
		conn := servePipes(t, n)("GET /mine HTTP/1.1\nHost: x\n\n")
		synctest.Wait()
		closed := time.Now()
		n.api.Close()
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
			t.Error(answer.Status)
		}
		if took := time.Since(closed); took != 0 {
			t.Errorf("the answer took %v, want none", took)
		}
	})
}
