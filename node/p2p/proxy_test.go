package p2p

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// TestProxiesAreNoFault sends requests to servers that answer as proxies, captive
// portals and web servers do. None of these answers is the fault of a node, and the
// error says what was seen.
func TestProxiesAreNoFault(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	const page = "<!doctype html><title>Welcome to the hotel</title>"
	answer := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	// untilEnd answers with a body that only the end of the connection ends.
	untilEnd := func(kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, buf, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = buf.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: " + kind + "\r\n\r\n" + body)
			_ = buf.Flush()
			_ = conn.Close()
		}
	}
	compressed := func(kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			answer(200, kind, "\x01\x02")(w, r)
		}
	}
	all := []gossip.Request{
		gossip.Hello{}, gossip.Announce{}, gossip.GetHeaders{}, gossip.GetBlocks{}, gossip.GetTxs{}, gossip.GetPool{Limit: 1}, gossip.GetAddresses{},
	}
	for _, tc := range []struct {
		name     string
		answer   func(kind string) http.HandlerFunc
		requests []gossip.Request
		noNode   bool
		want     string
	}{
		{"a page with 200", func(string) http.HandlerFunc { return answer(200, "text/html; charset=utf-8", page) }, all, true, "answered 200 OK with a web page (text/html)"},
		{"text with 200", func(string) http.HandlerFunc { return answer(200, "text/plain", "ok") }, all, true, `content type "text/plain"`},
		{"a compressed page with 200", func(string) http.HandlerFunc { return compressed("text/html") }, all, true, "web page"},
		{"a redirect to a page", func(string) http.HandlerFunc { return answer(302, "text/html", page) }, all, true, "answered 302 Found"},
		{"a page with 502", func(string) http.HandlerFunc { return answer(502, "text/html", page) }, all, false, "answered 502 Bad Gateway"},
		{"a page with 504", func(string) http.HandlerFunc { return answer(504, "text/html", page) }, all, false, "answered 504 Gateway Timeout"},
		{"a compressed page with 502", func(string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				answer(502, "text/html", "\x01\x02")(w, r)
			}
		}, all, false, "answered 502 Bad Gateway"},
		{"a page with 404", func(string) http.HandlerFunc { return answer(404, "text/html", page) }, all, true, "answered 404 Not Found"},
		{"a limit of a gateway", func(string) http.HandlerFunc { return answer(429, "text/html", page) }, all, false, "answered 429"},
		{"a compressed answer", compressed, all, false, "compressed"},
		{"cut off without a length", func(kind string) http.HandlerFunc { return untilEnd(kind, `{"version":1,"net`) },
			[]gossip.Request{gossip.Hello{}, gossip.GetHeaders{}, gossip.GetBlocks{Hashes: make([]pow.Hash, 1)}, gossip.GetTxs{}, gossip.GetPool{Limit: 1}, gossip.GetAddresses{}}, false, "may have been cut off"},
		{"some other JSON for a greeting", func(string) http.HandlerFunc { return answer(200, typeJSON, `{"status":"ok"}`) }, all[:1], true, "something other than a greeting"},
		{"a list for a greeting", func(string) http.HandlerFunc { return answer(200, typeJSON, `[]`) }, all[:1], true, "something other than a greeting"},
		{"a node that is called by another name", func(string) http.HandlerFunc {
			return answer(403, typeJSON, `{"error":"this node is not called \"a:1\": start it with --advertise"}`)
		}, all[:1], false, `answered 403 Forbidden: this node is not called "a:1": start it with --advertise`},
	} {
		for _, r := range tc.requests {
			server := httptest.NewServer(tc.answer(n.endpoints.of(r).kind))
			a, err := sendTo(t, n, server, r)
			server.Close()
			var f gossip.Fault
			var no gossip.NotNode
			if a != nil || err == nil || errors.As(err, &f) || errors.As(err, &no) != tc.noNode || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s to a %T: answer %v, error %T %v, want an error that is no fault, that says it is no node: %v, and contains %q", tc.name, r, a, err, err, tc.noNode, tc.want)
			}
		}
	}
}

// TestNodesAreAtFault sends answers that only a node can have given. They are faults.
func TestNodesAreAtFault(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	for _, tc := range []struct {
		request gossip.Request
		body    string
	}{
		{gossip.Hello{}, `{"version":1,"network_id":"x"}`},
		{gossip.GetHeaders{}, "half a header"},
		{gossip.GetBlocks{Hashes: make([]pow.Hash, 1)}, "no block"},
		{gossip.GetTxs{}, "no transaction\n"},
		{gossip.GetPool{Limit: 1}, `{"ids":["x"]}`},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", n.endpoints.of(tc.request).kind)
			_, _ = io.WriteString(w, tc.body)
		}))
		_, err := sendTo(t, n, server, tc.request)
		server.Close()
		var f gossip.Fault
		if !errors.As(err, &f) || f.Reason != gossip.FaultMalformed {
			t.Errorf("%T answered with %q: %v, want a fault", tc.request, tc.body, err)
		}
	}
}

// TestOtherEnd checks which IP address an outcome names.
func TestOtherEnd(t *testing.T) {
	tcp := func(text string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text)) }
	for _, tc := range []struct{ remote, local, want string }{
		{"10.0.0.1:80", "10.0.0.2:4000", "10.0.0.1"},
		{"[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.2]:4000", "10.0.0.1"},
		{"10.0.0.2:80", "10.0.0.2:4000", "127.0.0.1"},
		{"127.0.0.1:80", "127.0.0.1:4000", "127.0.0.1"},
		{"[2001:db8::1]:80", "[2001:db8::2]:4000", "2001:db8::1"},
		{"[2001:db8::2]:80", "[2001:db8::2]:4000", "127.0.0.1"},
	} {
		if got := otherEnd(tcp(tc.remote), tcp(tc.local)); got.String() != tc.want {
			t.Errorf("the other end of %s from %s is %s, want %s", tc.remote, tc.local, got, tc.want)
		}
	}
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	outcome := n.client.send(t.Context(), gossip.Send{ID: 7, To: gossip.Address(server.URL), Request: gossip.GetAddresses{}, Timeout: 1e10})
	if outcome.ID != 7 || outcome.From != netip.MustParseAddr("127.0.0.1") || outcome.Err == nil {
		t.Errorf("the outcome is %+v", outcome)
	}
}
