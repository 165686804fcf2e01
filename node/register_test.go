package node

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
)

// originalChain is what a node of the original tutorial answers to GET /chain.
const originalChain = `{"length": 2, "chain": [` +
	`{"index": 0, "transactions": [], "timestamp": 0, "previous_hash": "0", "nonce": 0, "hash": "b68cf4"}, ` +
	`{"index": 1, "transactions": [{"author": "a", "content": "b", "timestamp": 1700000000.5}], "timestamp": 1700000001.5, "previous_hash": "b68cf4", "nonce": 41, "hash": "00a1"}], "peers": []}`

// counted serves as a handler does, and counts the requests of the protocol.
func counted(t *testing.T, h http.HandlerFunc) (at string, calls *atomic.Int64) {
	calls = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/p2p/") {
			calls.Add(1)
		}
		h(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, calls
}

func original(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/chain" {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<!doctype html><title>404 Not Found</title>")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8") // as Flask sends a string
	_, _ = io.WriteString(w, originalChain)
}

// TestRegisterWithNoNode asks a node to connect with things that are no node of its
// network. The answer says what is there, and the node does not keep the address.
func TestRegisterWithNoNode(t *testing.T) {
	n := startLive(t, Config{})
	otherParams, err := rules.Tutorial(3)
	if err != nil {
		t.Fatal(err)
	}
	other := startLive(t, Config{Params: otherParams})
	page := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html>hello") }
	// bare is a Lode node behind a proxy that does not pass on what is under /p2p/.
	bare := func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/p2p/") {
			http.NotFound(w, r)
			return
		}
		_, answer := other.call("GET", r.URL.Path, "")
		_, _ = io.WriteString(w, answer)
	}
	for _, tc := range []struct {
		name string
		h    http.HandlerFunc
		want string
	}{
		{"the original", original, "is a node of the original tutorial: Lode and it cannot be on one network"},
		{"a page", page, "is a web server, or something like it, and no node: it answered 200 OK with a web page (text/html)"},
		{"nothing", http.NotFound, "is a web server, or something like it, and no node: it answered 404 Not Found"},
		{"an endless page", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/chain" {
				http.NotFound(w, r)
				return
			}
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, `{"length":[`+strings.Repeat("1,", 4096)); err != nil {
					return
				}
			}
		}, "is a web server, or something like it, and no node"},
		{"a node behind a wrong proxy", bare, "is the API of a Lode node, but its routes under /p2p/ are not there"},
	} {
		at, calls := counted(t, tc.h)
		body := fmt.Sprintf(`{"node_address": %q}`, at)
		n.want(502, "not connected: "+at+" "+tc.want, "POST", "/register_with", body)
		n.want(200, `"length":1`, "POST", "/register_node", body)
		eventually(t, "the second call has ended", func() bool { return calls.Load() >= 2 })
		if known := n.Network().Stats().Addresses; known != 0 {
			t.Errorf("%s: the address book has %d addresses, want none", tc.name, known)
		}
	}
	n.want(502, "the node there says: this node is on", "POST", "/register_with", fmt.Sprintf(`{"node_address": %q}`, other.url))
	if known := n.Network().Stats().Addresses; known != 0 {
		t.Errorf("the address book has %d addresses, want none", known)
	}
}

// TestAdviceOfThePeer asks a node to connect with another one by a name that the other
// one does not go by. What the other one advises reaches the client.
func TestAdviceOfThePeer(t *testing.T) {
	n, other := startLive(t, Config{}), startLive(t, Config{})
	proxy := renaming(t, other.url, nil)
	n.want(502, "answered 403 Forbidden: this node is not called", "POST", "/register_with", fmt.Sprintf(`{"node_address": %q}`, proxy))
	_, answer := n.call("POST", "/register_with", fmt.Sprintf(`{"node_address": %q}`, proxy))
	if !strings.Contains(answer, "--advertise") {
		t.Errorf("the answer is %s, want the advice to use --advertise", answer)
	}
}

// renaming starts a proxy in front of a node, which passes requests on under a name that
// the node does not know. If instead is not nil and returns true, it has answered.
func renaming(t *testing.T, to string, instead func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		if instead == nil {
			r.Out.Host = "node.school.example"
		}
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if instead == nil || !instead(w, r) {
			pass.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestPortalIsNoBreach puts a proxy in front of a node that for a while answers all
// requests for the node with a web page. The node is not banned for it.
func TestPortalIsNoBreach(t *testing.T) {
	other := startLive(t, Config{})
	var broken atomic.Bool
	var pages atomic.Int64
	proxy := renaming(t, other.url, func(w http.ResponseWriter, r *http.Request) bool {
		if !broken.Load() || !strings.HasPrefix(r.URL.Path, "/p2p/") {
			return false
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html>Please log in")
		pages.Add(1)
		return true
	})
	n := startLive(t, Config{Peers: []gossip.Address{gossip.Address(proxy)}})
	connected := func() bool { return len(n.Network().Peers()) == 1 }
	eventually(t, "the two nodes are connected", connected)
	broken.Store(true)
	// Each post is announced to the other node, which answers with a page.
	for i := range 3 {
		n.want(201, "Success", "POST", "/new_transaction", fmt.Sprintf(`{"author":"a","content":"%d"}`, i))
		eventually(t, "the announcement is answered with a page", func() bool { return pages.Load() > int64(i) })
	}
	broken.Store(false)
	eventually(t, "the two nodes are connected again", connected)
	eventually(t, "a new post reaches the other node", func() bool {
		n.want(201, "Success", "POST", "/new_transaction", `{"author":"a","content":"again"}`)
		txs, _ := other.Chain().PendingCount()
		return txs > 0
	})
}
