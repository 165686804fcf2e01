package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// testPeers is a [Peers] that answers as the test says.
type testPeers struct {
	connect func(ctx context.Context, a gossip.Address, keep bool) error

	mu    sync.Mutex
	peers []gossip.PeerInfo
	sync  gossip.SyncInfo
	clock gossip.ClockInfo
	asked []string
	heard []netip.Addr // the clients that may not choose
}

func (p *testPeers) Peers() []gossip.PeerInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peers
}

func (p *testPeers) Sync() gossip.SyncInfo { return p.sync }

func (p *testPeers) Clock() gossip.ClockInfo { return p.clock }

func (p *testPeers) Connect(ctx context.Context, a gossip.Address, keep bool) error {
	p.mu.Lock()
	word := ""
	if keep {
		word = " keep"
	}
	p.asked = append(p.asked, a.String()+word)
	p.mu.Unlock()
	if p.connect == nil {
		return nil
	}
	return p.connect(ctx, a, keep)
}

func (p *testPeers) ConnectFor(ctx context.Context, from netip.Addr, a gossip.Address, keep bool) error {
	p.mu.Lock()
	p.heard = append(p.heard, from)
	p.mu.Unlock()
	return p.Connect(ctx, a, keep)
}

func peersNode(t testing.TB, c testSetup) (*testNode, *testPeers) {
	p := &testPeers{}
	c.config.Peers = p
	return newTestNode(t, c), p
}

// describedCall calls the handler and compares the answer with the description.
func (n *testNode) describedCall(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	n.t.Helper()
	w := n.do(method, target, body, headers...)
	r := httptest.NewRequestWithContext(n.t.Context(), method, target, strings.NewReader(body))
	if err := loadDescription(n.t).check(n.api, r, w); err != nil {
		n.t.Errorf("%s %s: %v", method, target, err)
	}
	return w
}

const registration = `{"node_address": "http://127.0.0.1:8001/"}`

// TestRegister registers nodes as the original's clients do.
func TestRegister(t *testing.T) {
	n, p := peersNode(t, testSetup{})
	n.grow(1)
	p.peers = []gossip.PeerInfo{{Address: "http://127.0.0.1:8001"}}
	for _, path := range []string{"/register_node", "//register_node/"} { // registering twice is the same as once
		n.want(n.describedCall("POST", path, registration), 200, `"peers":["http://127.0.0.1:8001"]}`)
	}
	n.want(n.describedCall("POST", "/register_with", registration), 200, "Registration successful")
	n.want(n.describedCall("POST", "/register_with", registration, "Accept", "application/json"), 200, `{"message":"Registration successful"}`)
	want := []string{
		"http://127.0.0.1:8001 keep", "http://127.0.0.1:8001 keep",
		"http://127.0.0.1:8001", "http://127.0.0.1:8001 keep", "http://127.0.0.1:8001", "http://127.0.0.1:8001 keep",
	}
	if got := strings.Join(p.asked, ", "); got != strings.Join(want, ", ") {
		t.Errorf("asked to connect: %s", got)
	}
}

// TestRegisterFromElsewhere checks who may have the node call any address: a client on
// its machine, unless a proxy has passed its request on, and one with the token.
func TestRegisterFromElsewhere(t *testing.T) {
	for _, tc := range []struct {
		token, from, at string
		headers         []string
		heard           bool
	}{
		{"", "127.0.0.1:1", "127.0.0.1:80", nil, false},
		{"", "[::1]:1", "[::1]:80", nil, false},
		{"", "10.0.0.1:1", "10.0.0.1:80", nil, false}, // it has called its own address
		{"", "10.0.0.2:1", "10.0.0.1:80", nil, true},
		{"", "10.0.0.2:1", "", nil, true},
		{"", "127.0.0.1:1", "127.0.0.1:80", []string{"X-Forwarded-For", "8.8.8.8"}, true},
		{"", "127.0.0.1:1", "127.0.0.1:80", []string{"Forwarded", "for=8.8.8.8"}, true},
		{"word", "10.0.0.2:1", "10.0.0.1:80", []string{"Authorization", "Bearer word"}, false},
	} {
		c := testSetup{}
		c.config.Token = tc.token
		n, p := peersNode(t, c)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/register_node", strings.NewReader(registration))
		r.Header.Set("Content-Type", "application/json")
		r.RemoteAddr = tc.from
		for i := 0; i < len(tc.headers); i += 2 {
			r.Header.Set(tc.headers[i], tc.headers[i+1])
		}
		if tc.at != "" {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tc.at)))))
		}
		w := httptest.NewRecorder()
		n.api.ServeHTTP(w, r)
		if heard := len(p.heard) > 0; w.Code != 200 || len(p.asked) != 1 || heard != tc.heard {
			t.Errorf("%+v: %d %s, may not choose: %v, want %v", tc, w.Code, w.Body, heard, tc.heard)
		}
		if tc.heard && (len(p.heard) != 1 || p.heard[0] != netip.MustParseAddrPort(tc.from).Addr()) {
			t.Errorf("%+v: the clients are %v", tc, p.heard)
		}
	}
}

func TestRegisterWrong(t *testing.T) {
	n, p := peersNode(t, testSetup{})
	for _, path := range []string{"/register_node", "/register_with"} {
		for _, body := range []string{
			"", "x", "null", "[]", `"http://127.0.0.1:8001"`, "{}", `{"node_address":null}`, `{"node_address":1}`, `{"node_address":""}`,
			`{"node_address":"ftp://a:1"}`, `{"node_address":"http://me:pw@a:1"}`, `{"node_address":"http://a:1/x"}`, `{"node_address":"http://a:99999"}`,
			`{"node_address":"http://a:1"} {}`, "\xff", `{"node_address":"` + strings.Repeat("a", 300) + `"}`,
		} {
			n.want(n.describedCall("POST", path, body), 400, "")
			n.want(n.describedCall("POST", path, body, "Accept", "application/json"), 400, `{"error":"`)
		}
		n.want(n.do("POST", path, `{"node_address":"`+strings.Repeat("a", 9000)+`"}`), 413, "at most 8192")
		n.want(n.do("POST", path, registration, "Content-Type", "text/plain"), 415, "send JSON")
		n.want(n.do("POST", path, registration, "Origin", "https://elsewhere.example"), 403, "another origin")
	}
	if len(p.asked) > 0 {
		t.Errorf("asked to connect: %v", p.asked)
	}
	alone := newTestNode(t, testSetup{})
	alone.want(alone.do("POST", "/register_node", registration), 503, "connects with no others")
	alone.want(alone.do("GET", "/peers", ""), 200, "[]")
}

// TestRegisterFails registers a node that hangs, refuses, or cannot be reached.
func TestRegisterFails(t *testing.T) {
	hang := func(ctx context.Context, _ gossip.Address, _ bool) error { <-ctx.Done(); return ctx.Err() }
	for _, tc := range []struct {
		connect func(context.Context, gossip.Address, bool) error
		status  int
		want    string
		took    time.Duration
	}{
		{hang, 504, "did not connect with this node within 10s", 10 * time.Second},
		{func(context.Context, gossip.Address, bool) error {
			return gossip.Refusal{Reason: gossip.WrongNetwork, Message: "this node is on lab"}
		}, 502, "not connected: wrong-network: this node is on lab", 0},
		{func(ctx context.Context, _ gossip.Address, _ bool) error { // the call of the other node has a deadline of its own, which ends sooner
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			<-ctx.Done()
			return fmt.Errorf("hello: %w", ctx.Err())
		}, 502, "not connected: it did not answer in time", 5 * time.Second},
		{func(context.Context, gossip.Address, bool) error { return errors.New("connection refused") }, 502, "connection refused", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			n, p := peersNode(t, testSetup{})
			p.connect = tc.connect
			start := time.Now()
			n.want(n.describedCall("POST", "/register_with", registration), tc.status, tc.want)
			if took := time.Since(start); took != tc.took {
				t.Errorf("it took %v, want %v", took, tc.took)
			}
			if got := strings.Join(p.asked, ", "); got != "http://127.0.0.1:8001" {
				t.Errorf("an address that failed must not be kept, but the API asked to connect with %s", got)
			}
			start = time.Now()
			n.want(n.describedCall("POST", "/register_node", registration), 200, `"length":1`)
			if took := time.Since(start); took > time.Second {
				t.Errorf("/register_node waited for %v, want at most a second", took)
			}
		})
	}
}

// TestRegisterEndsOnShutdown closes the API while a client waits for a connection:
// the client gets an answer at once.
func TestRegisterEndsOnShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, p := peersNode(t, testSetup{})
		p.connect = func(ctx context.Context, _ gossip.Address, _ bool) error { <-ctx.Done(); return ctx.Err() }
		time.AfterFunc(time.Second, n.api.Close)
		start := time.Now()
		n.want(n.do("POST", "/register_with", registration), 503, "shutting down")
		if took := time.Since(start); took != time.Second {
			t.Errorf("the answer took %v, want 1 s", took)
		}
	})
}

// TestRegisterWaitsForWork registers a peer that has more work. The answer comes as
// soon as this node has caught up, or else after syncWait.
func TestRegisterWaitsForWork(t *testing.T) {
	for _, arrives := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			n, p := peersNode(t, testSetup{})
			tip := n.chain.Tip()
			p.peers = []gossip.PeerInfo{{Address: "http://b:1", Tip: gossip.Tip{Work: tip.Work.Add(tip.Work)}}}
			if arrives {
				time.AfterFunc(time.Second, func() { n.grow(1) })
			}
			start := time.Now()
			n.want(n.do("POST", "/register_with", registration), 200, "Registration successful")
			took := time.Since(start)
			if arrives && (took < time.Second || took > 1100*time.Millisecond) || !arrives && took != 5*time.Second {
				t.Errorf("with the work arriving %v, the answer took %v", arrives, took)
			}
		})
	}
}

// TestTooManyRegistrations sends more registrations at once than may wait. /status
// is answered meanwhile.
func TestTooManyRegistrations(t *testing.T) {
	n, p := peersNode(t, testSetup{limits: limits{registrations: 1}})
	entered, release := make(chan struct{}), make(chan struct{})
	p.connect = func(context.Context, gossip.Address, bool) error { entered <- struct{}{}; <-release; return nil }
	var group sync.WaitGroup
	group.Go(func() { n.do("POST", "/register_node", registration) })
	<-entered
	w := n.describedCall("POST", "/register_with", registration)
	n.want(w, 503, "the node serves 1 calls that wait for another node already")
	n.want(n.do("GET", "/status", ""), 200, "")
	close(release)
	group.Wait()
}

func TestPeersAndSync(t *testing.T) {
	n, p := peersNode(t, testSetup{})
	n.want(n.describedCall("GET", "/peers", ""), 200, "[]")
	n.want(n.describedCall("GET", "/status", ""), 200, `"peers":0,"sync":{"active":false}`)
	tip := gossip.Tip{Hash: n.chain.Tip().Hash, Height: 7, Work: n.chain.Tip().Work}
	p.peers = []gossip.PeerInfo{
		{Node: gossip.NodeID{1}, Address: "http://b:1", Out: true, Tip: tip, Since: n.now().Add(-time.Hour), Seen: n.now().Add(-1500 * time.Millisecond), Trip: 2 * time.Millisecond},
		{Node: gossip.NodeID{2}, Address: "https://[2001:db8::1]:443", Tip: tip, Since: n.now(), Seen: n.now()},
	}
	n.want(n.describedCall("GET", "/status", ""), 200, `"uptime_seconds":`)
	p.clock = gossip.ClockInfo{Offset: -90 * time.Second, Peers: 3}
	n.want(n.describedCall("GET", "/status", ""), 200, `"clock":{"offset_seconds":-90,"peers":3}`)
	p.sync = gossip.SyncInfo{Active: true, From: 100, Height: 300, Target: 900, Since: n.now().Add(-4 * time.Second)}
	n.want(n.describedCall("GET", "/peers", ""), 200,
		`[{"address":"http://b:1","direction":"out","node_id":"01000000000000000000000000000000","height":7,"hash":"`+tip.Hash.String()+
			`","chainwork":"`+tip.Work.String()+`","since":1699996400,"seen":1699999998.5,"delay_seconds":0.002},{"address":"https://[2001:db8::1]:443","direction":"in",`)
	n.want(n.describedCall("GET", "/status", ""), 200,
		`"peers":2,"sync":{"active":true,"height":300,"target":900,"blocks_per_second":50,"seconds_left":12}`)
	n.want(n.describedCall("GET", "/chain", ""), 200, `"peers":["http://b:1","https://[2001:db8::1]:443"]`)
}

// TestToken checks that requests which mine or connect need the token, and that no
// others do.
func TestToken(t *testing.T) {
	const token = "open sesame"
	n, p := peersNode(t, testSetup{config: Config{Token: token}})
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/mine", ""}, {"POST", "/mine", ""}, {"POST", "/register_node", registration}, {"POST", "/register_with", registration},
	} {
		for _, wrong := range []string{"", "Bearer", "Bearer ", "Bearer open", "Bearer open sesame!", "Basic open sesame", "open sesame", "Bearer OPEN SESAME"} {
			w := n.describedCall(c.method, c.path, c.body, "Authorization", wrong)
			n.want(w, 401, "this needs the node's token")
			if w.Header().Get("WWW-Authenticate") == "" {
				t.Error("no WWW-Authenticate")
			}
		}
		n.want(n.do(c.method, c.path, c.body), 401, "Authorization: Bearer TOKEN")
		for _, right := range []string{"Bearer " + token, "bearer " + token} {
			n.want(n.describedCall(c.method, c.path, c.body, "Authorization", right), 200, "")
		}
	}
	if len(p.asked) != 6 {
		t.Errorf("asked to connect: %v", p.asked)
	}
	n.post("needs no token")
	for _, path := range []string{"/chain", "/status", "/peers", "/pending_tx", "/metrics", "/openapi.yaml", "/healthz"} {
		n.want(n.do("GET", path, ""), 200, "")
	}
}

// TestHosts checks which Host headers a node on a loopback address accepts: none by
// which a web page of another site could reach it.
func TestHosts(t *testing.T) {
	network := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	n, _ := peersNode(t, testSetup{config: Config{Hosts: []string{"lode.example"}, Network: network, Paths: []string{"/p2p/hello", "/p2p/pool"}}})
	ask := func(method, path, host, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Host = host
		w := httptest.NewRecorder()
		n.api.ServeHTTP(w, r)
		return w
	}
	for host, ok := range map[string]bool{
		"127.0.0.1:8000": true, "127.0.0.2": true, "[::1]:8000": true, "::1": true, "localhost": true, "LOCALHOST:8000": true,
		"node.localhost:80": true, "lode.example": true, "lode.example:443": true, "": true,
		"evil.example": false, "evil.example:8000": false, "127.0.0.1.evil.example": false, "10.0.0.1:8000": false, "localhost.evil.example": false, "0.0.0.0:8000": false,
	} {
		for _, c := range []struct{ method, path, body string }{
			{"GET", "/mine", ""}, {"POST", "/mine", ""}, {"POST", "/register_node", registration}, {"POST", "/p2p/hello", "{}"},
		} {
			want := 200
			if !ok {
				want = 403
			}
			if w := ask(c.method, c.path, host, c.body); w.Code != want {
				t.Errorf("%s %s as %q: %d %s, want %d", c.method, c.path, host, w.Code, w.Body, want)
			}
		}
		for _, path := range []string{"/chain", "/status", "/p2p/pool"} { // these change nothing
			if w := ask("GET", path, host, ""); w.Code != 200 {
				t.Errorf("%s as %q: %d", path, host, w.Code)
			}
		}
	}
}

// TestNetworkRoutes passes requests for the paths of the network to its handler,
// with the path cleaned.
func TestNetworkRoutes(t *testing.T) {
	var got []string
	network := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.URL.Path)
		w.WriteHeader(http.StatusTeapot)
	})
	n := newTestNode(t, testSetup{config: Config{Network: network, Paths: []string{"/p2p/hello"}}})
	n.want(n.do("POST", "//p2p//hello/", ""), http.StatusTeapot, "")
	n.want(n.do("POST", "/p2p/hello", "", "Sec-Fetch-Site", "cross-site"), 403, "another origin")
	n.want(n.do("GET", "/p2p/other", ""), 404, "there is nothing at")
	if strings.Join(got, ",") != "POST /p2p/hello" {
		t.Errorf("passed on: %v", got)
	}
	n.want(n.do("GET", "/metrics", ""), 200, "")
}
