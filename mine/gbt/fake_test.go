package gbt

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// fakeNode is a node in the memory of the test, with a chain on which all blocks are
// equally hard. It is the transport of an HTTP client, so that it works in virtual time.
type fakeNode struct {
	t *testing.T

	mu      sync.Mutex
	changed chan struct{} // closed when there is a newer template
	version int           // counts the templates, for the id of the long poll
	prev    pow.Hash
	height  int64
	txs     []replyTx
	asked   []request // all calls
	blocks  [][]byte  // all that were submitted

	// What a test can change.
	edit     func(*reply)            // of every template
	broken   error                   // of every call
	status   int                     // of every answer, with the text, if not 0
	text     string                  // see status
	noPoll   bool                    // no long poll
	deafPoll bool                    // a long poll fails at once
	hangs    bool                    // no call is ever answered
	silent   bool                    // a long poll is never answered
	chain    string                  // of getblockchaininfo; "": the call is unknown
	answer   func([]byte) (any, any) // result and error of submitblock; nil: the block is the new tip
	password string                  // "": any
	lose     int                     // answers to submitblock that are lost on the way
	noBest   bool                    // getbestblockhash is refused
}

type request struct {
	at     time.Time
	method string
	poll   bool
	params []json.RawMessage
}

func newFakeNode(t *testing.T) *fakeNode {
	return &fakeNode{t: t, changed: make(chan struct{}), prev: pow.DoubleSHA256([]byte("genesis")), height: 1, chain: "regtest"}
}

// template returns the present template. The caller holds mu.
func (n *fakeNode) template() *reply {
	value := int64(5_000_000_000)
	r := &reply{
		Version: 0x20000000, Rules: []string{"csv", "!segwit", "taproot"}, PreviousHash: n.prev.String(), Transactions: n.txs,
		CoinbaseAux: map[string]string{}, Value: &value, LongPollID: fmt.Sprint(n.prev, n.version), Mutable: []string{"time", "transactions", "prevblock"},
		NonceRange: "00000000ffffffff", Bits: "207fffff", Target: "7fffff0000000000000000000000000000000000000000000000000000000000",
		MinTime: 1_000_000, CurTime: time.Now().Unix(), Height: n.height,
	}
	var hashes []pow.Hash
	for _, tx := range n.txs {
		hash, err := pow.ParseHash(tx.Hash)
		if err != nil {
			n.t.Error(err)
		}
		hashes = append(hashes, hash)
	}
	r.Commitment = hex.EncodeToString(witnessCommitment(hashes))
	if n.noPoll {
		r.LongPollID = ""
	}
	if n.edit != nil {
		n.edit(r)
	}
	return r
}

// newer notes that there is a newer template. The caller holds mu.
func (n *fakeNode) newer() {
	n.version++
	close(n.changed)
	n.changed = make(chan struct{})
}

// addTx adds a transaction to the mempool.
func (n *fakeNode) addTx() {
	n.mu.Lock()
	defer n.mu.Unlock()
	raw := append([]byte{2, 0, 0, 0, 1}, n.prev[:]...)
	raw = binary.LittleEndian.AppendUint32(raw, uint32(len(n.txs)))
	raw = append(raw, 0, 0xff, 0xff, 0xff, 0xff, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, op1, 0, 0, 0, 0)
	hash := pow.DoubleSHA256(raw).String()
	n.txs = append(slices.Clone(n.txs), replyTx{Data: hex.EncodeToString(raw), TxID: hash, Hash: hash})
	n.newer()
}

// tip makes another miner's block the tip.
func (n *fakeNode) tip() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.connect(pow.DoubleSHA256(n.prev[:]))
}

func (n *fakeNode) connect(hash pow.Hash) {
	n.prev, n.txs = hash, nil
	n.height++
	n.newer()
}

// set changes the node under its lock.
func (n *fakeNode) set(change func(n *fakeNode)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n)
}

// calls returns the calls of a method so far.
func (n *fakeNode) calls(method string) (list []request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.asked {
		if r.method == method {
			list = append(list, r)
		}
	}
	return list
}

// RoundTrip implements [http.RoundTripper].
func (n *fakeNode) RoundTrip(req *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var call struct {
		JSONRPC string
		ID      any
		Method  string
		Params  []json.RawMessage
	}
	if err := json.Unmarshal(raw, &call); err != nil || call.JSONRPC == "" || call.ID == nil {
		return answer(http.StatusOK, ""), nil // as btcd does
	}
	var template struct {
		LongPollID string
		Rules      []string
	}
	if call.Method == "getblocktemplate" {
		if err := json.Unmarshal(call.Params[0], &template); err != nil {
			n.t.Error(err)
		}
	}
	n.mu.Lock()
	n.asked = append(n.asked, request{time.Now(), call.Method, template.LongPollID != "", call.Params})
	broken, hangs, silent, deaf, changed := n.broken, n.hangs, n.silent, n.deafPoll, n.changed
	present := template.LongPollID != "" && template.LongPollID == n.template().LongPollID
	status, text, password := n.status, n.text, n.password
	n.mu.Unlock()
	_, given, _ := req.BasicAuth()
	switch {
	case broken != nil:
		return nil, broken
	case hangs:
		<-req.Context().Done()
		return nil, req.Context().Err()
	case password != "" && given != password:
		return answer(http.StatusUnauthorized, "401 Unauthorized."), nil
	case status != 0:
		return answer(status, text), nil
	case template.LongPollID != "" && deaf:
		return answer(http.StatusGatewayTimeout, "<html>timeout</html>"), nil
	case present && silent:
		changed = nil
	}
	if present {
		select {
		case <-changed:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.broken != nil {
		return nil, n.broken
	}
	return n.handle(call.Method, template.Rules, call.Params)
}

// handle answers a call. The caller holds mu.
func (n *fakeNode) handle(method string, rules []string, params []json.RawMessage) (*http.Response, error) {
	switch method {
	case "getblocktemplate":
		r := n.template()
		if !slices.Contains(rules, "segwit") || r.Challenge != "" && !slices.Contains(rules, "signet") {
			return failure(-8, "getblocktemplate must be called with the signet rule set"), nil
		}
		return result(r), nil
	case "getblockchaininfo":
		if n.chain != "" {
			return result(map[string]any{"chain": n.chain}), nil
		}
	case "getbestblockhash":
		if n.noBest {
			return failure(-1, "busy"), nil
		}
		return result(n.prev.String()), nil
	case "submitblock":
		return n.submit(params)
	}
	return failure(codeNoMethod, "Method not found"), nil
}

func (n *fakeNode) submit(params []json.RawMessage) (*http.Response, error) {
	var digits string
	if err := json.Unmarshal(params[0], &digits); err != nil {
		n.t.Error(err)
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		n.t.Error(err)
	}
	n.blocks = append(n.blocks, raw)
	hash := pow.DoubleSHA256(raw[:80])
	var word, fault any
	switch {
	case n.answer != nil:
		word, fault = n.answer(raw)
	case hash == n.prev:
		word = "duplicate"
	case string(raw[4:36]) != string(n.prev[:]):
		word = "inconclusive"
	default:
		n.connect(hash)
	}
	if n.lose > 0 {
		n.lose--
		return nil, errors.New("connection reset by peer")
	}
	if fault != nil {
		return answer(http.StatusInternalServerError, marshal(map[string]any{"result": nil, "error": fault, "id": 1})), nil
	}
	return result(word), nil
}

func answer(status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}
}

func marshal(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func result(v any) *http.Response {
	return answer(http.StatusOK, marshal(map[string]any{"result": v, "error": nil, "id": 1}))
}

func failure(code int, message string) *http.Response {
	return answer(http.StatusInternalServerError, marshal(map[string]any{"result": nil, "error": map[string]any{"code": code, "message": message}, "id": 1}))
}

// rig is a source that runs on a fake node, in a bubble of virtual time.
type rig struct {
	*Source
	t     *testing.T
	node  *fakeNode
	log   *lockedBuffer
	ended chan error
	stop  func()
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// startRig runs a source until the test ends, and waits until it has asked the node.
func startRig(t *testing.T, n *fakeNode, edit func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, node: n, log: &lockedBuffer{}, ended: make(chan error, 1)}
	c := Config{
		URL: "http://ann:secret@node.test:8332", PayTo: "script:51", Tag: "/lode/",
		HTTPClient: &http.Client{Transport: n},
		Logger:     slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if edit != nil {
		edit(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.Source = s
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { r.ended <- s.Run(ctx) })
	r.stop = func() {
		cancel()
		group.Wait()
	}
	t.Cleanup(r.stop)
	synctest.Wait()
	return r
}

// work returns the present work and the offer that it is part of.
func (r *rig) work() (mine.Offer, mine.Work) {
	r.t.Helper()
	o, err := r.Offer()
	if err != nil {
		r.t.Fatal(err)
	}
	if o.Work == nil {
		r.t.Fatalf("there is no work; the log says:\n%s", r.log)
	}
	return o, *o.Work
}

// none fails if there is work.
func (r *rig) none() mine.Offer {
	r.t.Helper()
	o, err := r.Offer()
	if err != nil || o.Work != nil {
		r.t.Fatalf("%+v, %v; want no work", o.Work, err)
	}
	return o
}

// solved solves the work with the given extranonce.
func solved(t *testing.T, w mine.Work, extranonce uint64) mine.Solution {
	t.Helper()
	e := w.Extranonces.At(extranonce)
	found, err := pow.Kernels()[0].Scan(w.Job(e, uint32(time.Now().Unix())))
	if err != nil {
		t.Fatal(err)
	}
	sol, err := w.Solution(e, found.Header)
	if err != nil {
		t.Fatal(err)
	}
	return sol
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// number returns the id of a work as a number.
func number(t *testing.T, w mine.Work) int {
	t.Helper()
	n, err := strconv.Atoi(w.ID)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
