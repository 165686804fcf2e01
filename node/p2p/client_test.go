package p2p

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

func sendTo(t *testing.T, n *Network, server *httptest.Server, r gossip.Request) (gossip.Answer, error) {
	t.Helper()
	outcome := n.client.send(t.Context(), gossip.Send{To: gossip.Address(server.URL), Session: gossip.Session{5}, Request: r, Timeout: 10 * time.Second})
	return outcome.Answer, outcome.Err
}

// TestClientSends checks the request that arrives at a server.
func TestClientSends(t *testing.T) {
	c := newTestChain(t)
	n := newTestNetwork(t, testConfig(c))
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // must be ignored
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for name, want := range map[string]string{
			"Accept": typeBinary, "Content-Type": typeJSON, SessionHeader: gossip.Session{5}.String(),
			"Accept-Encoding": "", "Cookie": "", "Idempotency-Key": "",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("header %s is %q, want %q", name, got, want)
			}
		}
		if want := `{"locator":["` + hashOf(1).String() + `"]}`; r.Method != http.MethodPost || r.URL.Path != "/p2p/headers" || string(body) != want {
			t.Errorf("%s %s %s", r.Method, r.URL.Path, body)
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.Header().Set("Content-Type", typeBinary)
		_, _ = w.Write(appendHeaders(nil, gossip.Headers{Headers: c.Headers(0, 1)}))
	}))
	defer server.Close()
	for range 2 { // on one connection
		a, err := sendTo(t, n, server, gossip.GetHeaders{Locator: []pow.Hash{hashOf(1)}})
		if headers, ok := a.(gossip.Headers); err != nil || !ok || len(headers.Headers) != 1 || headers.Headers[0].Hash() != c.Tip().Hash {
			t.Errorf("answer %v, %v", a, err)
		}
	}
}

// TestClientRefuses requests headers from servers that break the protocol or fail.
func TestClientRefuses(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		fault  gossip.FaultReason // "": the error is not a fault
		want   string
	}{
		{"too long", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "160001")
			_, _ = io.WriteString(w, longText(160_001))
		}, gossip.FaultOversize, "160001 bytes, at most 160000"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := io.WriteString(w, longText(10_000)); err != nil {
					return
				}
			}
		}, gossip.FaultOversize, "more than 160000 bytes"},
		{"another type", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
		}, "", `answered 200 OK with a web page (text/html), want application/octet-stream`},
		{"compressed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
		}, "", "compressed"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "", "answered 307 Temporary Redirect: is a lode node there?"},
		{"no node", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, "", "answered 404 Not Found: is a lode node there?"},
		{"an error without end", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, longText(5000))
		}, "", "answered 500 Internal Server Error"},
		{"an unknown reason", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"reason":"i-say-so","message":"x"}`)
		}, "", "answered 403 Forbidden"},
		{"a long header", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", longText(20_000))
		}, "", "exceeded"},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "160")
			_, _ = io.WriteString(w, longText(80))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "", "cut off after 80 bytes"},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", "EOF"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", typeBinary)
			tc.answer(w, r)
		}))
		a, err := sendTo(t, n, server, gossip.GetHeaders{})
		server.Close()
		var f gossip.Fault
		errors.As(err, &f)
		if a != nil || err == nil || f.Reason != tc.fault || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: answer %v, error %v, want %s %q", tc.name, a, err, tc.fault, tc.want)
		}
	}
}

// TestClientHearsRefusals decodes refusals and bounds what they ask for.
func TestClientHearsRefusals(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	for _, tc := range []struct {
		retry string
		want  time.Duration
	}{{"", 0}, {"7", 7 * time.Second}, {"-1", 0}, {"soon", 0}, {"999999999999", time.Hour}, {"999999", time.Hour}} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", tc.retry)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintf(w, `{"reason":"full","message":"%s"}`, longText(1000))
		}))
		_, err := sendTo(t, n, server, gossip.Hello{})
		server.Close()
		var r gossip.Refusal
		if !errors.As(err, &r) || r.Reason != gossip.Full || len(r.Message) != 200 || r.RetryAfter != tc.want {
			t.Errorf("Retry-After %q: %v after %v, want %v", tc.retry, err, r.RetryAfter, tc.want)
		}
	}
}

// TestClientDeadline sends requests to servers that stop or slow down at different
// points of their answers. The deadline holds for all.
func TestClientDeadline(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nContent-Type: " + typeBinary + "\r\n"
	for name, answer := range map[string]string{
		"no answer":         "",
		"half a header":     head,
		"no body":           head + "Content-Length: 160\r\n\r\n",
		"a body that drips": head + "Content-Length: 160000\r\n\r\n.",
		"drips in chunks":   head + "Transfer-Encoding: chunked\r\n\r\n1\r\n.\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newTestNetwork(t, testConfig(newTestChain(t)))
			client, peer := net.Pipe()
			transport := newTransport(guard{})
			transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return client, nil }
			n.client.http.Transport = transport
			var server sync.WaitGroup
			defer server.Wait()
			defer func() { _ = peer.Close() }()
			server.Go(func() {
				if _, err := http.ReadRequest(bufio.NewReader(peer)); err != nil {
					return
				}
				_, err := io.WriteString(peer, answer)
				drip := "."
				if strings.Contains(answer, "chunked") {
					drip = "1\r\n.\r\n"
				}
				for err == nil && strings.HasSuffix(answer, drip) {
					time.Sleep(time.Second)
					_, err = io.WriteString(peer, drip)
				}
			})
			start := time.Now()
			err := n.client.send(t.Context(), gossip.Send{To: "http://a:1", Request: gossip.GetHeaders{}, Timeout: 15 * time.Second}).Err
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 15*time.Second {
				t.Errorf("%s: %v after %v, want the deadline of 15 s", name, err, time.Since(start))
			}
		})
	}
}

func TestGuard(t *testing.T) {
	ten, err := netip.ParsePrefix("10.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	for ip, want := range map[string]struct{ any, ten bool }{
		"127.0.0.1": {true, false}, "10.1.2.3": {true, true}, "::ffff:10.1.2.3": {true, true}, "192.0.2.1": {true, false},
		"2001:db8::1": {true, false}, "::1": {true, false}, "fd00::1": {true, false},
		"0.0.0.0": {}, "::": {}, "169.254.169.254": {}, "::ffff:169.254.169.254": {}, "fe80::1": {}, "224.0.0.1": {}, "239.1.2.3": {},
		"ff02::1": {}, "255.255.255.255": {},
	} {
		addr := netip.MustParseAddr(ip)
		if err := (guard{}).check(addr); (err == nil) != want.any {
			t.Errorf("%s: error %v", ip, err)
		}
		if err := (guard{allow: []netip.Prefix{ten}}).check(addr); (err == nil) != want.ten {
			t.Errorf("%s, only 10.0.0.0/8: error %v", ip, err)
		}
	}
	g := guard{allow: []netip.Prefix{ten}}
	for a, want := range map[gossip.Address]bool{"http://10.0.0.1:1": true, "http://11.0.0.1:1": false, "http://name:1": true, "http://[fe80::1]:1": false} {
		if got := g.allows(a); got != want {
			t.Errorf("%s: %v", a, got)
		}
	}
}

// TestGuardAfterResolution connects with names: the guard checks the addresses that
// they resolve to.
func TestGuardAfterResolution(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	config := testConfig(newTestChain(t))
	send := func(n *Network, to string) error {
		err := n.client.send(t.Context(), gossip.Send{To: gossip.Address(to), Request: gossip.GetAddresses{}, Timeout: 10 * time.Second}).Err
		return err
	}
	heard := func(n *Network, to string) error {
		return n.client.send(t.Context(), gossip.Send{To: gossip.Address(to), Request: gossip.GetAddresses{}, Timeout: 10 * time.Second, Heard: true}).Err
	}
	n := newTestNetwork(t, config)
	if err := send(n, "http://localhost:"+port); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("localhost: %v", err)
	}
	if err := heard(n, "http://localhost:"+port); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("localhost, which a node on the loopback has heard: %v", err)
	}
	public := config
	public.Address = "http://8.8.8.8:8000"
	n = newTestNetwork(t, public)
	if err := heard(n, "http://localhost:"+port); err == nil || !strings.Contains(err.Error(), "is loopback") {
		t.Errorf("localhost, which a node elsewhere has heard: %v", err)
	}
	if err := send(n, "http://localhost:"+port); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("localhost, which was chosen: %v", err)
	}
	if err := send(n, "http://0.0.0.0:"+port); err == nil || !strings.Contains(err.Error(), "no machine's address") {
		t.Errorf("0.0.0.0: %v", err)
	}
	config.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	n = newTestNetwork(t, config)
	if err := send(n, "http://localhost:"+port); err == nil || !strings.Contains(err.Error(), "not among the addresses") {
		t.Errorf("localhost, only 10.0.0.0/8: %v", err)
	}
}

// TestAnswersShareMemory receives an answer that takes all the memory for answers
// and does not end. Short answers are received meanwhile; a long one has to wait.
func TestAnswersShareMemory(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	n.client.memory = semaphore.NewWeighted(freeBytes * 2)
	hold, held := make(chan struct{}), make(chan struct{})
	body := func(size int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", typeBinary)
			_, _ = io.WriteString(w, longText(size))
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/slow/p2p/headers", func(w http.ResponseWriter, r *http.Request) {
		body(freeBytes*2-1000)(w, r)
		_ = http.NewResponseController(w).Flush()
		<-hold
	})
	mux.HandleFunc("/short/p2p/headers", body(freeBytes/80*80))
	mux.HandleFunc("/long/p2p/headers", body(160_000))
	server := httptest.NewServer(mux)
	defer server.Close()
	get := func(which string, timeout time.Duration) error {
		err := n.client.send(t.Context(), gossip.Send{To: gossip.Address(server.URL + which), Request: gossip.GetHeaders{}, Timeout: timeout}).Err
		return err
	}
	var group sync.WaitGroup
	group.Go(func() { _ = get("/slow", time.Minute) })
	go func() {
		for n.client.memory.TryAcquire(1) {
			n.client.memory.Release(1)
			time.Sleep(time.Millisecond)
		}
		close(held)
	}()
	receive(t, held)
	if err := get("/short", time.Minute); err != nil {
		t.Errorf("a short answer: %v", err)
	}
	if err := get("/long", 100*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a long answer: %v", err)
	}
	close(hold)
	group.Wait()
	n.client.memory = semaphore.NewWeighted(freeBytes * 4)
	for range 10 { // the memory is given back each time
		if err := get("/long", time.Minute); err != nil {
			t.Errorf("a long answer when there is memory: %v", err)
		}
	}
}
