package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// brokenChain is a chain whose methods panic if broken is set, as if the node had a bug.
type brokenChain struct {
	Chain
	broken bool
}

func (c *brokenChain) check() {
	if c.broken {
		panic("broken by the test")
	}
}

func (c *brokenChain) Params() rules.Params { c.check(); return c.Chain.Params() }
func (c *brokenChain) Tip() rules.State     { c.check(); return c.Chain.Tip() }
func (c *brokenChain) Len() int64           { c.check(); return c.Chain.Len() }
func (c *brokenChain) Pending(from, limit int) []block.Tx {
	c.check()
	return c.Chain.Pending(from, limit)
}
func (c *brokenChain) Branches(limit int) []chain.Branch { c.check(); return c.Chain.Branches(limit) }
func (c *brokenChain) Headers(from int64, n int) []pow.Header {
	c.check()
	return c.Chain.Headers(from, n)
}
func (c *brokenChain) FindTx(id pow.Hash) (chain.TxPlace, error) {
	c.check()
	return c.Chain.FindTx(id)
}

func (c *brokenChain) Proof(id pow.Hash) (chain.TxProof, error) {
	c.check()
	return c.Chain.Proof(id)
}

func (c *brokenChain) AddTx(tx block.Tx) (chain.TxOutcome, error) {
	c.check()
	return c.Chain.AddTx(tx)
}

func (c *brokenChain) Records(hash pow.Hash) (block.Records, error) {
	c.check()
	return c.Chain.Records(hash)
}

// slowBody is a body that does not arrive before the deadline.
type slowBody struct{}

func (slowBody) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// TestEveryStatus has each operation of the description answer with each status that the
// description lists for it, and compares the answers with it. Other tests compare all of
// their answers with the description, too, which has no default; so it lists every status
// that is known to occur, and none that does not.
func TestEveryStatus(t *testing.T) {
	described := loadDescription(t)
	for pattern, path := range described.doc.Paths.Map() {
		for method, operation := range path.Operations() {
			for text := range operation.Responses.Map() {
				status, err := strconv.Atoi(text)
				if err != nil {
					t.Errorf("%s %s has the status %s", method, pattern, text)
					continue
				}
				try := func(t *testing.T) {
					s := &statusTest{t: t, method: method, pattern: pattern, status: status}
					w := s.provoke()
					if w.Code != status {
						t.Errorf("%s %s: %d %.200s, want %d", method, pattern, w.Code, w.Body, status)
					} else if err := described.check(s.node.api, s.request, w); err != nil {
						t.Errorf("%s %s: the answer with status %d is not as described: %v", method, pattern, status, err)
					}
				}
				if status == http.StatusGatewayTimeout {
					synctest.Test(t, try) // the node waits until the time is up
				} else {
					try(t)
				}
			}
		}
	}
}

// statusTest makes a node and a request that is answered with a status.
type statusTest struct {
	t       *testing.T
	method  string
	pattern string
	status  int

	node    *testNode
	peers   *testPeers
	chain   *brokenChain
	request *http.Request
}

const testToken = "secret"

// provoke makes the request, of which all but the reason for the status is right.
func (s *statusTest) provoke() *httptest.ResponseRecorder {
	s.chain = &brokenChain{}
	setup := testSetup{
		api:    func(c Chain) Chain { s.chain.Chain = c; return s.chain },
		config: Config{Token: testToken, Metrics: http.HandlerFunc(s.metrics)},
		limits: limits{txBytes: 1000, blockBytes: 5000},
	}
	s.peers = &testPeers{}
	setup.config.Peers = s.peers
	n := newTestNode(s.t, setup)
	s.node = n
	n.api.miner = &switchedMiner{testMiner: n.miner, state: MinerState{Mode: "pending"}}
	n.grow(2)
	tip := n.chain.Tip()
	mined := n.child(tip.Hash, tip.Height+1, blockOptions{txs: []block.Tx{signedTx(s.t, "mined")}})
	if _, err := n.chain.Accept(mined); err != nil {
		s.t.Fatal(err)
	}
	target, body := s.pattern, ""
	if s.method == http.MethodPost {
		body = s.body(mined)
	}
	switch {
	case strings.HasPrefix(s.pattern, "/tx/"):
		target = strings.Replace(target, "{id}", mined.Txs[0].ID().String(), 1)
	default:
		target = strings.Replace(target, "{id}", "tip", 1)
	}
	headers := map[string]string{"Authorization": "Bearer " + testToken}
	if s.pattern == "/" {
		headers["Accept"] = typeJSON
	}
	body, target = s.spoil(body, target, headers)
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	s.request = httptest.NewRequestWithContext(ctx, s.method, target, strings.NewReader(body))
	if s.status == http.StatusRequestTimeout {
		s.request = httptest.NewRequestWithContext(ctx, s.method, target, slowBody{})
		s.request.ContentLength = 10
	}
	for name, value := range headers {
		s.request.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	if s.pattern == "/events" && s.status == http.StatusOK {
		s.request.Method = http.MethodHead // the stream itself would not end
	}
	n.api.ServeHTTP(w, s.request)
	return w
}

// metrics answers /metrics, with status 500 if that is wanted.
func (s *statusTest) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", typeText)
	w.WriteHeader(s.status)
	_, _ = fmt.Fprintln(w, "metrics")
}

// body returns a body that the operation takes.
func (s *statusTest) body(mined block.Block) string {
	n := s.node
	switch s.pattern {
	case "/new_transaction":
		if s.status == http.StatusOK { // known already
			tx := signedTx(s.t, "known")
			if _, err := n.chain.AddTx(tx); err != nil {
				s.t.Fatal(err)
			}
			return tx.String()
		}
		return `{"author":"ann","content":"new"}`
	case "/add_block":
		b := n.child(mined.Hash(), mined.Height()+1, blockOptions{})
		switch s.status {
		case http.StatusOK:
			b = mined
		case http.StatusAccepted:
			b = n.child(pow.Hash{7}, 9, blockOptions{})
		}
		text, err := b.MarshalJSON()
		if err != nil {
			s.t.Fatal(err)
		}
		return string(text)
	case "/miner":
		return `{"mode":"pending"}`
	case "/register_node", "/register_with":
		return registration
	}
	return ""
}

// spoil changes the node or the request so that the answer has the status.
func (s *statusTest) spoil(body, target string, headers map[string]string) (string, string) {
	n := s.node
	rt, _ := n.api.find(target)
	switch s.status {
	case http.StatusAccepted:
		if s.pattern == "/mine" {
			n.miner.hold = make(chan struct{})
			s.t.Cleanup(func() { close(n.miner.hold) })
			headers["Prefer"] = "wait=0"
		}
	case http.StatusBadRequest:
		target += "?unknown=1"
	case http.StatusUnauthorized:
		delete(headers, "Authorization")
	case http.StatusForbidden:
		headers["Sec-Fetch-Site"] = "cross-site"
		headers["Origin"] = "https://other.example"
	case http.StatusNotFound:
		target = strings.Replace(s.pattern, "{id}", strings.Repeat("5", 64), 1)
		delete(headers, "Accept")
	case http.StatusRequestEntityTooLarge:
		body = strings.Repeat(" ", 70_000)
	case http.StatusRequestURITooLong:
		target += "?" + strings.Repeat("x", maxQuery+1)
	case http.StatusUnsupportedMediaType:
		headers["Content-Encoding"] = "gzip"
	case http.StatusUnprocessableEntity:
		headers["Idempotency-Key"] = "k"
		n.want(n.do("POST", "/new_transaction", `{"author":"ann","content":"other"}`, "Idempotency-Key", "k"), 201, "")
	case http.StatusInternalServerError:
		s.chain.broken = true
		n.miner.err = errors.New("broken by the test")
		n.api.miner = panickingMiner{n.miner}
		s.peers.connect = func(context.Context, gossip.Address, bool) error { panic("broken by the test") }
		n.api.config.Health = func() error { panic("broken by the test") }
		s.breakOthers()
	case http.StatusBadGateway:
		s.peers.connect = func(context.Context, gossip.Address, bool) error {
			return gossip.Refusal{Reason: gossip.Full, Message: "full"}
		}
	case http.StatusGatewayTimeout:
		s.peers.connect = func(ctx context.Context, _ gossip.Address, _ bool) error { <-ctx.Done(); return ctx.Err() }
	case http.StatusServiceUnavailable:
		s.overload(rt)
	case http.StatusInsufficientStorage:
		n.store.full.Store(true)
		n.miner.err = chain.ErrNoSpace
	}
	return body, target
}

// panickingMiner is a miner that has a bug.
type panickingMiner struct{ *testMiner }

func (panickingMiner) SetMode(string) error { panic("broken by the test") }
func (panickingMiner) State() MinerState    { panic("broken by the test") }

// breakOthers breaks the operations that need neither the chain, nor the miner, nor peers.
func (s *statusTest) breakOthers() {
	switch s.pattern {
	case "/peers", "/openapi.yaml":
		rt := s.node.api.static[s.pattern]
		rt.methods = map[string]handler{s.method: func(*writer, *http.Request) error { return errors.New("broken by the test") }}
	}
}

// overload takes everything that the operation needs and that others may have taken.
func (s *statusTest) overload(rt *route) {
	n := s.node
	n.store.broken.Store(true) // for /healthz
	for rt.slots.Slots != nil && rt.slots.Take() {
		continue
	}
	n.api.answers.TakeN(int64(n.api.limits.bytes))
	for i := range 400 { // their answers are long ones, which need memory
		s.peers.peers = append(s.peers.peers, gossip.PeerInfo{Address: gossip.Address(fmt.Sprintf("http://10.0.0.1:%d", i+1))})
	}
	n.api.miner = &switchedMiner{testMiner: n.miner, state: MinerState{Workers: slices.Repeat([]WorkerState{{}}, 1000)}}
}
