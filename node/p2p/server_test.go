package p2p

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// call sends a request to the handler itself.
func call(n *Network, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body)) //nolint:noctx // a test
	r.RemoteAddr = "192.0.2.1:4321"
	if body != "" {
		r.Header.Set("Content-Type", typeJSON)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "From" {
			r.RemoteAddr = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	n.ServeHTTP(w, r)
	return w
}

func helloBody(t *testing.T, n *Network) string {
	t.Helper()
	_, body, err := encodeRequest(gossip.Hello{Greeting: testGreeting(n.chain.(*testChain)), Session: gossip.Session{4}})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// decodeRecorded reads an answer as a client does.
func decodeRecorded(n *Network, request gossip.Request, w *httptest.ResponseRecorder) (gossip.Answer, error) {
	resp := w.Result()
	body, err := n.client.read(context.Background(), resp, n.endpoints.of(request))
	if err != nil {
		return nil, err
	}
	return n.endpoints.decodeAnswer(request, body)
}

// TestServes asks for everything.
func TestServes(t *testing.T) {
	c := newTestChain(t)
	blocks := c.grow(3, 2)
	pending := c.Pending(0, 2)
	n := newTestNetwork(t, testConfig(c))
	list := gossip.Addresses{Addresses: []gossip.Address{"http://10.0.0.1:8000"}}
	(&script{list: list}).set(n)
	genesis, _ := c.HashAt(0)
	for _, tc := range []struct {
		request gossip.Request
		want    gossip.Answer
	}{
		{gossip.GetHeaders{}, gossip.Headers{Headers: c.Headers(1, 3)}},
		{gossip.GetHeaders{Locator: []pow.Hash{hashOf(1), blocks[1].Hash(), genesis}}, gossip.Headers{Headers: c.Headers(3, 1)}},
		{gossip.GetHeaders{Locator: []pow.Hash{blocks[2].Hash()}}, gossip.Headers{Headers: []pow.Header{}}},
		{gossip.GetBlocks{Hashes: []pow.Hash{blocks[2].Hash(), blocks[0].Hash()}}, gossip.Blocks{Blocks: []block.Block{blocks[2], blocks[0]}}},
		{gossip.GetBlocks{Hashes: []pow.Hash{blocks[0].Hash(), hashOf(1), blocks[1].Hash()}}, gossip.Blocks{Blocks: blocks[:1]}},
		{gossip.GetBlocks{}, gossip.Blocks{}},
		{gossip.GetTxs{IDs: []pow.Hash{pending[1].ID(), hashOf(1), pending[0].ID()}}, gossip.Txs{Txs: []block.Tx{pending[1], pending[0]}}},
		{gossip.GetPool{From: 0, Limit: 10}, gossip.Pool{IDs: []pow.Hash{pending[0].ID(), pending[1].ID()}, Total: 2}},
		{gossip.GetPool{From: 1, Limit: 1}, gossip.Pool{IDs: []pow.Hash{pending[1].ID()}, Total: 2}},
		{gossip.GetPool{From: 9, Limit: 1}, gossip.Pool{IDs: []pow.Hash{}, Total: 2}},
		{gossip.GetAddresses{}, list},
	} {
		ep := n.endpoints.of(tc.request)
		query, body, err := encodeRequest(tc.request)
		if err != nil {
			t.Fatal(err)
		}
		w := call(n, ep.method, ep.path+"?"+query, string(body))
		got, err := decodeRecorded(n, tc.request, w)
		if w.Code != 200 || err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%+v: %d %v %v, want %v", tc.request, w.Code, got, err, tc.want)
		}
	}
}

// TestBlocksEnd has more blocks than fit into an answer.
func TestBlocksEnd(t *testing.T) {
	c := newTestChain(t)
	var hashes []pow.Hash
	for i := range 6 {
		for j := range 8 {
			c.post(fmt.Sprint(i, j) + longText(60_000))
		}
		hashes = append(hashes, c.mine(0).Hash())
	}
	n := newTestNetwork(t, testConfig(c))
	_, body, err := encodeRequest(gossip.GetBlocks{Hashes: hashes})
	if err != nil {
		t.Fatal(err)
	}
	a, err := decodeRecorded(n, gossip.GetBlocks{Hashes: hashes}, call(n, "POST", "/p2p/blocks", string(body)))
	if blocks, ok := a.(gossip.Blocks); err != nil || !ok || len(blocks.Blocks) != 4 { // of 480 kB each, 2 MiB in all
		t.Errorf("%d blocks, %v", len(blocks.Blocks), err)
	}
}

// TestIncoming passes what is not only to be read on to the state machine.
func TestIncoming(t *testing.T) {
	c := newTestChain(t)
	n := newTestNetwork(t, testConfig(c))
	var got gossip.Incoming
	reply := gossip.Reply{Answer: gossip.Welcome{Greeting: testGreeting(c)}}
	(&script{onStep: func(_ time.Time, ev gossip.Event) []gossip.Effect {
		in, ok := ev.(gossip.Incoming)
		if !ok {
			return nil
		}
		got = in
		r := reply
		r.ID = in.ID
		return []gossip.Effect{r}
	}}).set(n)
	runNetwork(t, n)
	w := call(n, "POST", "/p2p/hello", helloBody(t, n), SessionHeader, gossip.Session{8}.String())
	a, err := decodeRecorded(n, gossip.Hello{}, w)
	if err != nil || a != reply.Answer {
		t.Errorf("%v, %v", a, err)
	}
	want := gossip.Hello{Greeting: testGreeting(c), Session: gossip.Session{4}}
	if got.Request != want || got.Session != (gossip.Session{8}) || got.From.String() != "192.0.2.1" {
		t.Errorf("%+v", got)
	}
	reply.Answer = gossip.Done{}
	if w := call(n, "POST", "/p2p/announce", `{}`); w.Code != 200 || w.Body.String() != "{}" || got.Session != (gossip.Session{}) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for reason, status := range map[gossip.RefusalReason]int{
		gossip.WrongVersion: 409, gossip.WrongNetwork: 409, gossip.Self: 409, gossip.Full: 503, gossip.Banned: 403,
		gossip.UnknownSession: 403, gossip.Busy: 429, gossip.BadRequest: 400,
	} {
		reply.Refusal = &gossip.Refusal{Reason: reason, Message: "no", RetryAfter: 1500 * time.Millisecond}
		w := call(n, "POST", "/p2p/announce", `{}`)
		_, err := decodeRecorded(n, gossip.Announce{}, w)
		var r gossip.Refusal
		if w.Code != status || !errors.As(err, &r) || r.Reason != reason || r.Message != "no" || r.RetryAfter != 2*time.Second {
			t.Errorf("%s: %d, %v after %v", reason, w.Code, err, r.RetryAfter)
		}
	}
}

func TestRefusesRequests(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	(&script{}).set(n)
	hashes := `"` + hashOf(1).String() + `"`
	for _, tc := range []struct {
		method, target, body string
		headers              []string
		status               int
		want                 string
	}{
		{"GET", "/p2p/nothing", "", nil, 404, "there is nothing"},
		{"GET", "/p2p/hello", "", nil, 405, "/p2p/hello takes POST"},
		{"POST", "/p2p/pool", "", nil, 405, "/p2p/pool takes GET"},
		{"POST", "/p2p/headers", "{}", []string{"Content-Type", "text/plain"}, 415, "want application/json"},
		{"POST", "/p2p/headers", "{}", []string{"Content-Encoding", "gzip"}, 415, "compressed"},
		{"POST", "/p2p/headers", longText(65 << 10), nil, 413, "at most 65536"},
		{"GET", "/p2p/pool?from=0&limit=1", "x", nil, 413, "at most 0"},
		{"POST", "/p2p/headers", "{", nil, 400, "unexpected end"},
		{"POST", "/p2p/headers", `{"locator":[` + hashes + strings.Repeat(","+hashes, 64) + "]}", nil, 400, "65 hashes in the locator, at most 64"},
		{"POST", "/p2p/blocks", `{"hashes":[` + hashes + strings.Repeat(","+hashes, 128) + "]}", nil, 400, "129 blocks, at most 128"},
		{"GET", "/p2p/pool?from=-1&limit=1", "", nil, 400, "from at least 0"},
		{"GET", "/p2p/pool?from=0&limit=2001", "", nil, 400, "at most 2000"},
		{"GET", "/p2p/pool?%", "", nil, 400, "invalid"},
		{"POST", "/p2p/announce", "{}", []string{SessionHeader, "x"}, 400, "session has 1 characters"},
	} {
		w := call(n, tc.method, tc.target, tc.body, tc.headers...)
		var r gossip.Refusal
		if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || w.Code != tc.status || r.Reason != gossip.BadRequest || !strings.Contains(r.Message, tc.want) {
			t.Errorf("%s %s: %d %s, want %d with %q", tc.method, tc.target, w.Code, w.Body, tc.status, tc.want)
		}
	}
	if n.served.InUse() != 0 {
		t.Error("a slot is still taken")
	}
}

// TestFlood refuses what comes too fast from one address, and serves others.
func TestFlood(t *testing.T) {
	config := testConfig(newTestChain(t))
	now := testTime
	config.Now = func() time.Time { return now }
	config.Limits.Rate, config.Limits.Hellos = 50, 1
	n := newTestNetwork(t, config)
	(&script{}).set(n)
	count := func(from string) (ok, refused int) {
		for range 200 {
			switch w := call(n, "GET", "/p2p/addresses", "", "From", from); w.Code {
			case 200:
				ok++
			case 429:
				refused++
				if w.Header().Get("Retry-After") != "1" {
					t.Fatal(w.Header())
				}
			default:
				t.Fatal(w.Code, w.Body)
			}
		}
		return ok, refused
	}
	if ok, refused := count("192.0.2.1:1"); ok != 101 || refused != 99 { // two seconds' worth, and one
		t.Errorf("%d served, %d refused", ok, refused)
	}
	if ok, _ := count("[2001:db8::1]:1"); ok != 101 {
		t.Errorf("another address: %d served", ok)
	}
	if ok, _ := count("[2001:db8::2]:1"); ok != 0 {
		t.Errorf("another address of the same network: %d served", ok)
	}
	now = now.Add(time.Second)
	if ok, _ := count("192.0.2.1:2"); ok != 50 {
		t.Errorf("a second later: %d served", ok)
	}
	hellos := 0
	for range 20 {
		if w := call(n, "POST", "/p2p/hello", "x", "From", "192.0.2.9:1"); w.Code == 400 {
			hellos++
		}
	}
	if hellos != 11 {
		t.Errorf("%d hellos of 20 were looked at, want 11", hellos)
	}
}

// TestLimiterForgets remembers so many sources and no more.
func TestLimiterForgets(t *testing.T) {
	l := newLimiter(Limits{}.withDefaults())
	first := l.source(addrOf(0))
	for i := range 2 * maxSources {
		if l.source(addrOf(0)) != first {
			t.Fatal("one that comes again and again is forgotten")
		}
		l.source(addrOf(i))
	}
	if len(l.sources) != maxSources || l.order.Len() != maxSources {
		t.Errorf("%d sources, %d in order", len(l.sources), l.order.Len())
	}
}

// TestSlots refuses what is too much at once, in all and from one address.
func TestSlots(t *testing.T) {
	config := testConfig(newTestChain(t))
	config.Limits.Requests, config.Limits.RequestsEach, config.Limits.StepTimeout = 3, 2, time.Minute
	n := newTestNetwork(t, config)
	var mu sync.Mutex
	var waiting []gossip.ID
	asked := make(chan struct{}, 10)
	(&script{onStep: func(_ time.Time, ev gossip.Event) (effects []gossip.Effect) {
		mu.Lock()
		defer mu.Unlock()
		switch ev := ev.(type) {
		case gossip.Incoming:
			waiting = append(waiting, ev.ID)
			asked <- struct{}{}
		case gossip.Connect:
			for _, id := range waiting {
				effects = append(effects, gossip.Reply{ID: id, Answer: gossip.Done{}})
			}
			effects = append(effects, gossip.Connected{ID: ev.ID})
		}
		return effects
	}}).set(n)
	runNetwork(t, n)
	var group sync.WaitGroup
	for _, from := range []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.3:1"} {
		group.Go(func() {
			if w := call(n, "POST", "/p2p/announce", "{}", "From", from); w.Code != 200 {
				t.Errorf("%s: %d %s", from, w.Code, w.Body)
			}
		})
		receive(t, asked)
		if from == "192.0.2.1:2" {
			if w := call(n, "GET", "/p2p/addresses", "", "From", from); w.Code != 503 || w.Header().Get("Retry-After") != "1" {
				t.Errorf("a third from one address: %d", w.Code)
			}
		}
	}
	if w := call(n, "GET", "/p2p/addresses", "", "From", "192.0.2.4:1"); w.Code != 503 {
		t.Errorf("a fourth in all: %d", w.Code)
	}
	if err := n.Connect(t.Context(), "http://a:1", false); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	if w := call(n, "GET", "/p2p/addresses", "", "From", "192.0.2.1:1"); w.Code != 200 {
		t.Errorf("afterwards: %d", w.Code)
	}
}

// TestQueue refuses what the state machine has no time for.
func TestQueue(t *testing.T) {
	config := testConfig(newTestChain(t))
	config.Limits.Queue, config.Limits.StepTimeout = 1, 10*time.Millisecond
	n := newTestNetwork(t, config) // which nobody runs
	for range 2 {
		if w := call(n, "POST", "/p2p/announce", "{}"); w.Code != 503 || !strings.Contains(w.Body.String(), "busy") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// servePipe serves one connection that is a pipe, which takes a byte only when
// the other side reads it.
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

// TestSlowWriter sends a body that drips.
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

// TestSlowReader asks for blocks and reads them drop by drop.
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
			t.Errorf("cut off after %v and %d bytes, want 40 s", took, read)
		}
		synctest.Wait()
		if n.served.InUse() != 0 || n.bodies.InUse() != 0 {
			t.Error("a slot is still taken")
		}
	})
}
