package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// badChain is a chain in which faults can be injected: functions that are called
// before a method, if they are not nil.
type badChain struct {
	Chain
	block  func(height int64)        // before HashAt
	blocks func(hash pow.Hash) error // before Records, which returns the error
	addTx  func()                    // before AddTx
}

func (c *badChain) HashAt(height int64) (pow.Hash, bool) {
	if c.block != nil {
		c.block(height)
	}
	return c.Chain.HashAt(height)
}

func (c *badChain) Records(hash pow.Hash) (block.Records, error) {
	if c.blocks != nil {
		if err := c.blocks(hash); err != nil {
			return block.Records{}, err
		}
	}
	return c.Chain.Records(hash)
}

func (c *badChain) AddTx(tx block.Tx) (chain.TxOutcome, error) {
	if c.addTx != nil {
		c.addTx()
	}
	return c.Chain.AddTx(tx)
}

func badNode(t *testing.T, limits limits) (*testNode, *badChain) {
	bad := &badChain{}
	n := newTestNode(t, testSetup{limits: limits, api: func(c Chain) Chain {
		bad.Chain = c
		return bad
	}})
	return n, bad
}

// TestFaults injects errors and panics. The client gets a 500 without the details,
// which are in the log, and the next request is served.
func TestFaults(t *testing.T) {
	n, bad := badNode(t, limits{})
	for name, fault := range map[string]func(pow.Hash) error{
		"error": func(pow.Hash) error { return fmt.Errorf("secret fault: %w", chain.ErrDamaged) },
		"panic": func(pow.Hash) error { panic("secret fault") },
	} {
		bad.blocks = fault
		for _, path := range []string{"/chain", "/blocks/tip"} {
			w := n.do("GET", path, "", "Accept", "application/json")
			n.want(w, 500, `{"error":"something went wrong inside the node: its log says what"}`)
			if err := loadDescription(t).check(n.api, httptest.NewRequestWithContext(t.Context(), "GET", path, nil), w); err != nil {
				t.Error(err)
			}
		}
		if log := n.log.String(); strings.Count(log, "secret fault") != 2 {
			t.Errorf("%s: the log has: %s", name, log)
		}
		n.log.buf.Reset()
		bad.blocks = nil
		n.want(n.do("GET", "/chain", ""), 200, "")
	}
	rt, _ := n.api.find("/chain")
	if rt.slots.InUse() != 0 {
		t.Error("a slot is still taken")
	}
}

// TestFaultAmidChain injects an error in the middle of an answer. The connection is
// cut, so that the client does not take a part of the chain for the whole.
func TestFaultAmidChain(t *testing.T) {
	n, bad := badNode(t, limits{pieceBytes: 1000})
	n.grow(10)
	bad.blocks = func(hash pow.Hash) error {
		if hash == n.chain.Tip().Hash {
			return chain.ErrDamaged
		}
		return nil
	}
	server := httptest.NewServer(n.api)
	defer server.Close()
	answer, err := server.Client().Get(server.URL + "/chain") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if body, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("read %d bytes without an error", len(body))
	}
}

// reorgAt grows a chain to height 10 and replaces its blocks from height 5 on when
// the block at the given height is read.
func reorgAt(t *testing.T, n *testNode, bad *badChain, height int64) {
	n.grow(10)
	hash, _ := n.chain.HashAt(4)
	var branch []block.Block
	for h := int64(5); h < 13; h++ {
		b := n.child(hash, h, blockOptions{salt: 7})
		hash = b.Hash()
		branch = append(branch, b)
	}
	var once sync.Once
	bad.block = func(h int64) {
		if h != height {
			return
		}
		once.Do(func() {
			for _, b := range branch {
				if _, err := n.chain.Accept(b); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestReorgAmidChain has a reorg in the middle of an answer, which must not mix two
// branches. The answer begins again if none of it has been sent, and is cut
// otherwise.
func TestReorgAmidChain(t *testing.T) {
	n, bad := badNode(t, limits{})
	reorgAt(t, n, bad, 8)
	w := n.do("GET", "/chain", "")
	var answer struct {
		Length int
		Chain  []block.Block
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Length != 13 || len(answer.Chain) != 13 {
		t.Errorf("length %d, %d blocks, want 13", answer.Length, len(answer.Chain))
	}
	for i, b := range answer.Chain[1:] {
		if b.Header.Prev != answer.Chain[i].Hash() {
			t.Errorf("block %d is not the child of the one before", i+1)
		}
	}

	n, bad = badNode(t, limits{pieceBytes: 1000})
	reorgAt(t, n, bad, 8)
	server := httptest.NewServer(n.api)
	defer server.Close()
	cut, err := server.Client().Get(server.URL + "/chain") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cut.Body.Close() }()
	if body, err := io.ReadAll(cut.Body); err == nil {
		t.Errorf("the answer was not cut: %s", body)
	}
}

// TestChainInPieces checks that the answer is the same for any size of the pieces.
func TestChainInPieces(t *testing.T) {
	n, _ := badNode(t, limits{})
	n.post(strings.Repeat("x", 5000))
	n.do("GET", "/mine", "")
	n.grow(30)
	whole := n.do("GET", "/chain", "").Body.String()
	for _, size := range []int{1, 100, 1000, 10_000} {
		n.api.limits.pieceBytes = size
		if got := n.do("GET", "/chain", "").Body.String(); got != whole {
			t.Errorf("pieces of %d bytes: %d bytes, want %d", size, len(got), len(whole))
		}
	}
}

// TestTooMany sends more requests at once than the node serves. The others are
// refused, except for those that are answered from memory, such as /status.
func TestTooMany(t *testing.T) {
	n, bad := badNode(t, limits{requests: 2})
	release, entered := make(chan struct{}), make(chan struct{})
	bad.addTx = func() { entered <- struct{}{}; <-release }
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() { n.do("POST", "/new_transaction", fmt.Sprintf(`{"author":"a","content":"%d"}`, i)) })
		<-entered
	}
	w := n.do("POST", "/new_transaction", `{"author":"a","content":"b"}`)
	n.want(w, 503, "the node serves 2 requests already: try again in a moment")
	if w.Header().Get("Retry-After") != "1" {
		t.Error("no Retry-After")
	}
	n.want(n.do("GET", "/chain", ""), 503, "")
	n.want(n.do("GET", "/status", ""), 200, "")
	n.want(n.do("GET", "/healthz", ""), 200, "")
	n.want(n.do("GET", "/mine", ""), 200, "")
	close(release)
	wg.Wait()
	n.want(n.do("GET", "/pending_tx", ""), 200, `"content":`)
}

// TestIdempotency sends a hundred posts with one key at once, a post that panics,
// and more keys than the node remembers.
func TestIdempotency(t *testing.T) {
	n, bad := badNode(t, limits{requests: 200, keys: 200})
	var wg sync.WaitGroup
	var mu sync.Mutex
	places := map[string]int{}
	for range 100 {
		wg.Go(func() {
			w := n.do("POST", "/new_transaction", `{"author":"a","content":"b"}`, "Idempotency-Key", "one")
			mu.Lock()
			defer mu.Unlock()
			places[fmt.Sprint(w.Code, w.Header().Get("Location"))]++
		})
	}
	wg.Wait()
	if txs, _ := n.chain.PendingCount(); txs != 1 || len(places) != 1 {
		t.Errorf("%d transactions, answers %v", txs, places)
	}

	bad.addTx = func() { panic("amid a post") }
	n.want(n.do("POST", "/new_transaction", `{"author":"a","content":"p"}`, "Idempotency-Key", "panic"), 500, "")
	bad.addTx = nil
	n.want(n.do("POST", "/new_transaction", `{"author":"a","content":"p"}`, "Idempotency-Key", "panic"), 201, "")

	for i := range 300 {
		n.want(n.do("POST", "/new_transaction", `{"author":"a","content":"c"}`, "Idempotency-Key", fmt.Sprint(i)), 201, "")
	}
	if got := len(n.api.posts.byKey); got != 200 {
		t.Errorf("%d keys are remembered, want 200", got)
	}
	n.want(n.do("POST", "/new_transaction", `{"author":"a","content":"other"}`, "Idempotency-Key", "299"), 422, "")
	n.want(n.do("POST", "/new_transaction", `{"author":"a","content":"other"}`, "Idempotency-Key", "0"), 201, "")
}

// TestManyClients posts and mines at the same time. No transaction is lost or mined
// twice.
func TestManyClients(t *testing.T) {
	n, _ := badNode(t, limits{requests: 2000})
	var wg sync.WaitGroup
	var blocks atomic.Int64
	for i := range 500 {
		wg.Go(func() {
			w := n.do("POST", "/new_transaction", fmt.Sprintf(`{"author":"a","content":"%d"}`, i))
			if w.Code != 201 {
				t.Errorf("post %d: %d %s", i, w.Code, w.Body)
			}
		})
		if i%10 == 0 {
			wg.Go(func() {
				if w := n.do("GET", "/mine", ""); w.Code != 200 {
					t.Errorf("mine: %d %s", w.Code, w.Body)
				}
				blocks.Add(1)
			})
		}
	}
	wg.Wait()
	n.do("GET", "/mine", "")
	var answer struct{ Chain []block.Block }
	if err := json.Unmarshal(n.do("GET", "/chain", "").Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, b := range answer.Chain {
		for _, tx := range b.Txs {
			seen[tx.Content()]++
		}
	}
	for i := range 500 {
		if got := seen[fmt.Sprint(i)]; got != 1 {
			t.Errorf("post %d is mined %d times", i, got)
		}
	}
}

// TestProofConvinces verifies proofs like a client that does not trust the node.
func TestProofConvinces(t *testing.T) {
	n, _ := badNode(t, limits{})
	for i := range 5 {
		n.post(fmt.Sprint(i))
	}
	n.do("GET", "/mine", "")
	b, err := n.chain.Block(n.chain.Tip().Hash)
	if err != nil {
		t.Fatal(err)
	}
	for i, tx := range b.Txs {
		var answer struct {
			ID          pow.Hash
			Transaction block.Tx
			Proof       block.MerkleProof
			Header      string
		}
		w := n.do("GET", "/tx/"+tx.ID().String()+"/proof", "")
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		header, err := pow.ParseHeader(answer.Header)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Transaction.ID() != tx.ID() || answer.Proof.Index != uint32(i+1) || header.Hash() != b.Hash() {
			t.Errorf("transaction %d: %s", i, w.Body)
		}
		if err := answer.Proof.Verify(answer.Transaction.ID(), header.MerkleRoot); err != nil {
			t.Error(err)
		}
	}
}

// TestNext passes the paths that the API does not know to the next handler.
func TestNext(t *testing.T) {
	n := newTestNode(t, testSetup{next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("in the next handler")
		}
		_, _ = io.WriteString(w, r.URL.Path+" "+r.URL.RawQuery)
	})})
	n.want(n.do("GET", "/", ""), 200, "/ ")
	n.want(n.do("POST", "//p2p//headers/?x=1", ""), 200, "/p2p/headers x=1")
	n.want(n.do("GET", "/panic", ""), 500, insideSentence)
	n.want(n.do("GET", "/status", ""), 200, "portable")
}

// TestObserver checks what observers are told of each request, and the Stats during
// a request.
func TestObserver(t *testing.T) {
	n, bad := badNode(t, limits{})
	var told []Answered
	n.api.Observe(Observer{})
	n.api.Observe(Observer{Answered: func(a Answered) { told = append(told, a) }})
	var during Stats
	bad.addTx = func() {
		during = n.api.Stats()
		n.clock.Add(20)
	}
	n.post("x")
	n.do("BREW", "/blocks/2", "")
	n.do("GET", "/some/path", "")
	n.do("HEAD", "/events", "")
	want := []Answered{
		{Route: "/new_transaction", Method: "POST", Status: 201, Took: 20 * time.Millisecond},
		{Route: "/blocks/{id}", Method: "BREW", Status: 405},
		{Route: "other", Method: "GET", Status: 404},
		{Route: "/events", Method: "HEAD", Status: 200, Stream: true},
	}
	if !slices.Equal(told, want) {
		t.Errorf("observed %+v, want %+v", told, want)
	}
	if during != (Stats{InFlight: 1}) || n.api.Stats() != (Stats{}) {
		t.Errorf("the stats are %+v during a request and %+v after all", during, n.api.Stats())
	}
}

// TestClose checks that later streams are refused, that events are not received any
// more, and that a second Close does nothing.
func TestClose(t *testing.T) {
	n, _ := badNode(t, limits{})
	n.api.Close()
	n.api.Close()
	n.want(n.do("GET", "/events", ""), 503, "shutting down")
	n.grow(1)
	if n.api.feed.next != 0 {
		t.Error("still listening to events")
	}
}
