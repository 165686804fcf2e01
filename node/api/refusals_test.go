package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// documentedReasons returns the words that docs/http.md lists for refusals.
func documentedReasons(t testing.TB) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| reason |")
	table, _, _ = strings.Cut(table, "\n\n")
	var words []string
	for line := range strings.SplitSeq(table, "\n") {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cell, -1) {
			words = append(words, m[1])
		}
	}
	return words
}

// TestReasonsAreDocumented compares the words with the table, both ways.
func TestReasonsAreDocumented(t *testing.T) {
	documented := documentedReasons(t)
	var want []string
	for _, r := range reasons() {
		want = append(want, string(r))
	}
	slices.Sort(want)
	slices.Sort(documented)
	if !slices.Equal(documented, want) {
		t.Errorf("docs/http.md lists %v\nwant %v", documented, want)
	}
	for _, r := range reasons() {
		if slices.Contains(block.Reasons(), r) {
			t.Errorf("%s is a word of package block, too", r)
		}
	}
	for status := 400; status < 600; status++ {
		if r := reasonOf(status); r != "" && !slices.Contains(reasons(), r) {
			t.Errorf("status %d has the reason %s, which is not listed", status, r)
		}
	}
}

// checkRefusal returns an error unless an answer has the form of a refusal: a sentence
// without internals and, in JSON, a word that is known.
func checkRefusal(w *httptest.ResponseRecorder) error {
	text := w.Body.String()
	if strings.HasPrefix(w.Header().Get("Content-Type"), typeJSON) {
		var answer struct {
			Error  string
			Reason block.Reason
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			return fmt.Errorf("the answer is no JSON: %w", err)
		}
		if !slices.Contains(reasons(), answer.Reason) && !slices.Contains(block.Reasons(), answer.Reason) {
			return fmt.Errorf("the reason %q is unknown: %s", string(answer.Reason), text)
		}
		text = answer.Error
	}
	return checkSentence(text)
}

// checkSentence returns an error if a text for clients has a trace of how the node is
// made: packages and types of Go, errors of its libraries, addresses, places in files.
func checkSentence(text string) error {
	for _, trace := range []string{
		"json:", "Go ", "struct", "nmarshal", "context ", "deadline exceeded", "strconv", "net/", "http: ", "dial ", "EOF", "encoding/",
		"runtime", "goroutine", ".go:", "%!", "0xc0", "uint", "int64", "*url", "*net", "block.", "pow.", "gossip.", "tls:", "x509", "mime:", "syscall", "<nil>",
		"math/", "bufio", "io:", "lookup ",
	} {
		if strings.Contains(text, trace) {
			return fmt.Errorf("the sentence has %q: %s", trace, text)
		}
	}
	return nil
}

// TestEveryRefusal makes the API refuse something for every reason that it has. The
// sentences have no internals.
func TestEveryRefusal(t *testing.T) {
	seen := map[block.Reason]bool{}
	refused := func(n *testNode, status int, reason block.Reason, method, target, body string, headers ...string) {
		t.Helper()
		w := n.describedCall(method, target, body, append(headers, "Accept", "application/json")...)
		if w.Code != status || !strings.Contains(w.Body.String(), `","reason":"`+string(reason)+`"}`) {
			t.Errorf("%s %s: %d %s, want %d with the reason %s", method, target, w.Code, w.Body, status, reason)
		}
		if err := checkRefusal(w); err != nil {
			t.Errorf("%s %s: %v", method, target, err)
		}
		seen[reason] = true
	}

	small := limits{txBytes: 1000, blockBytes: 2000}
	n, p := peersNode(t, testSetup{limits: small})
	const tx = `{"author":"a","content":"b"}`
	refused(n, 400, reasonRequest, "GET", "/chain?from=x", "")
	refused(n, 400, reasonRequest, "GET", "/chain?%", "")
	refused(n, 400, reasonMalformed, "POST", "/new_transaction", "{")
	refused(n, 400, reasonMalformed, "POST", "/add_block", "")
	refused(n, 400, reasonMalformed, "POST", "/add_block", "[]")
	refused(n, 400, reasonMalformed, "POST", "/register_node", "null")
	refused(n, 400, reasonAddress, "POST", "/register_node", `{"node_address":"junk"}`)
	refused(n, 403, reasonForbidden, "POST", "/new_transaction", tx, "Sec-Fetch-Site", "cross-site")
	refused(n, 403, reasonForbidden, "GET", "/mine", "", "Sec-Fetch-Site", "cross-site")
	refused(n, 404, reasonNotFound, "GET", "/nothing", "")
	refused(n, 404, reasonNotFound, "GET", "/blocks/77", "")
	refused(n, 405, reasonMethod, "DELETE", "/chain", "")
	refused(n, 413, reasonOversize, "POST", "/register_node", strings.Repeat(" ", 9000))
	refused(n, 413, reasonOversize, "POST", "/mine", strings.Repeat(" ", 70_000))
	refused(n, 414, reasonOversize, "GET", "/chain?"+strings.Repeat("x", 9000), "")
	refused(n, 415, reasonType, "POST", "/new_transaction", tx, "Content-Type", "text/plain")
	n.want(n.do("POST", "/new_transaction", tx, "Idempotency-Key", "k"), 201, "")
	refused(n, 422, reasonKey, "POST", "/new_transaction", `{"author":"a","content":"c"}`, "Idempotency-Key", "k")
	for _, err := range []error{
		context.DeadlineExceeded, fmt.Errorf("connect with http://a:1: %w", context.DeadlineExceeded), gossip.Refusal{Reason: gossip.Full, Message: "full"},
	} {
		p.connect = func(context.Context, gossip.Address, bool) error { return err }
		refused(n, 502, reasonNotConnected, "POST", "/register_with", registration)
	}
	n.store.full.Store(true)
	refused(n, 507, reasonNoSpace, "POST", "/new_transaction", tx)
	n.store.full.Store(false)

	// Oversize: the body, and what the network allows.
	refused(n, 413, block.TxOversize, "POST", "/new_transaction", strings.Repeat(" ", 1001))
	refused(n, 413, block.BadLength, "POST", "/add_block", strings.Repeat(" ", 2001))
	large, _ := peersNode(t, testSetup{})
	refused(large, 400, block.TxOversize, "POST", "/new_transaction", `{"author":"a","content":"`+strings.Repeat("x", block.MaxTxSize)+`"}`)
	narrow := newTestNode(t, testSetup{params: narrowParams(t)})
	refused(narrow, 400, block.TxOversize, "POST", "/new_transaction", `{"author":"a","content":"`+strings.Repeat("x", 1000)+`"}`)
	b := narrow.child(narrow.chain.Tip().Hash, 1, blockOptions{txs: []block.Tx{makeTx(t, "one"), makeTx(t, "two")}})
	refused(narrow, 400, block.BadLength, "POST", "/add_block", jsonOf(t, b))

	// Signatures, of a post and in a block.
	forged := `{"author":"a","content":"b","timestamp":1,"public_key":"` + strings.Repeat("3", 64) + `","signature":"` + strings.Repeat("4", 128) + `"}`
	for _, post := range []string{
		forged, strings.Replace(forged, "33", "xx", 1), strings.Replace(forged, `"public_key"`, `"other"`, 1), strings.Replace(forged, "44", "4", 1),
	} {
		refused(n, 400, block.TxBadSignature, "POST", "/new_transaction", post)
		good := n.child(n.chain.Tip().Hash, 1, blockOptions{})
		refused(n, 400, block.TxBadSignature, "POST", "/add_block", strings.Replace(jsonOf(t, good), `"transactions":[]`, `"transactions":[`+post+`]`, 1))
	}

	full := newTestNode(t, testSetup{poolTxs: 1})
	full.post("the only one")
	refused(full, 503, reasonPoolFull, "POST", "/new_transaction", tx)
	failed := newTestNode(t, testSetup{})
	failed.store.broken.Store(true)
	refused(failed, 503, reasonBroken, "GET", "/healthz", "")
	refused(failed, 503, reasonBroken, "POST", "/new_transaction", tx)
	alone := newTestNode(t, testSetup{})
	refused(alone, 503, reasonNoPeers, "POST", "/register_node", registration)
	alone.api.miner = nil
	refused(alone, 503, reasonNoMiner, "GET", "/mine", "")
	alone.api.Close()
	refused(alone, 503, reasonShutdown, "GET", "/events", "")
	guarded, _ := peersNode(t, testSetup{config: Config{Token: "t"}})
	refused(guarded, 401, reasonToken, "GET", "/mine", "")
	busy := newTestNode(t, testSetup{limits: limits{requests: 1}})
	rt, _ := busy.api.find("/chain")
	rt.slots.Take()
	refused(busy, 503, reasonBusy, "GET", "/chain", "")

	seen[reasonSlow] = true // TestSlowWriters needs connections for it
	for _, r := range reasons() {
		if !seen[r] {
			t.Errorf("nothing is refused with the reason %s", r)
		}
	}
}

// narrowParams has blocks of at most one transaction, of at most 500 bytes.
func narrowParams(t *testing.T) rules.Params {
	t.Helper()
	p, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	p, err = rules.New(rules.Config{Name: "narrow", Difficulty: p.Difficulty(), Limits: rules.Limits{TxBytes: 500, BlockTxs: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func makeTx(t *testing.T, content string) block.Tx {
	t.Helper()
	tx, err := block.NewTx([]byte(`{"author":"a","content":"`+content+`"}`), time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func jsonOf(t testing.TB, b block.Block) string {
	t.Helper()
	text, err := b.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTamperedBlock posts a block that the node has with another transaction, as a class
// does to see that tampering is found. The node says so, whether the block is on the
// best branch, beside it, or held.
func TestTamperedBlock(t *testing.T) {
	n := newTestNode(t, testSetup{})
	n.post("pay bob 1")
	n.want(n.do("GET", "/mine", ""), 200, "Block #1 is mined.")
	mined := n.do("GET", "/blocks/1", "").Body.String()
	n.want(n.do("POST", "/add_block", mined), 200, "Block known already")

	genesis, _ := n.chain.HashAt(0)
	texts := map[string]string{"best": mined}
	side := n.child(genesis, 1, blockOptions{salt: 5, txs: []block.Tx{makeTx(t, "pay bob 1")}})
	texts["side"] = jsonOf(t, side)
	n.want(n.do("POST", "/add_block", texts["side"]), 201, "added")
	lost := n.child(pow.Hash{1}, 2, blockOptions{txs: []block.Tx{makeTx(t, "pay bob 1")}})
	texts["held"] = jsonOf(t, lost)
	n.want(n.do("POST", "/add_block", texts["held"]), 202, "held")
	before := n.chain.Tip()
	for name, text := range texts {
		tampered := strings.Replace(text, "pay bob 1", "pay eve 1", 1)
		if tampered == text {
			t.Fatalf("%s: nothing to tamper with in %s", name, text)
		}
		n.want(n.describedCall("POST", "/add_block", tampered), 400, "bad-txnmrklroot: merkle root")
		n.want(n.describedCall("POST", "/add_block", tampered, "Accept", "application/json"), 400, `"reason":"bad-txnmrklroot"}`)
		n.want(n.do("POST", "/add_block", text), map[string]int{"best": 200, "side": 200, "held": 202}[name], "")
	}
	if n.chain.Tip() != before {
		t.Error("the tip has changed")
	}
	n.want(n.do("GET", "/blocks/1", ""), 200, mined)
}

// TestRegistrationBody sends bodies that a lenient reader would accept. Nothing is
// connected with.
func TestRegistrationBody(t *testing.T) {
	n, p := peersNode(t, testSetup{})
	for body, want := range map[string]string{
		`{"node_address":"http://a.b:1","node_address":"http://c.d:1"}`:      `duplicate key "node_address"`,
		`{"node_address":"http://a.b:1","node_\u0061ddress":"http://c.d:1"}`: `duplicate key "node_address"`,
		`{"Node_Address":"http://a.b:1"}`:                                    "unknown field",
		`{"node_addr":"http://a.b:1"}`:                                       "unknown field",
		`{"node_address":"http://a.b:1","address":"http://a.b:1"}`:           "unknown field",
		`{"node_address":"http://a.b:1"}}`:                                   "invalid JSON at byte",
		`{"node_address":"http://a.b:1\ud800"}`:                              "lone surrogate",
		`{"node_address":["http://a.b:1"]}`:                                  "node_address is missing, or no string",
		`{}`:                                                                 "node_address is missing, or no string",
		`{"node_address":"junk"}`:                                            `address "junk": want http://host:port`,
		`{"node_address":"junk/"}`:                                           `address "junk/": want http://host:port`,
		`{"node_address":" "}`:                                               "want http://host:port",
		`{"node_address":"http://a b:1"}`:                                    "cannot be read as a URL",
		`{"node_address":"http://a.b:1\u0000"}`:                              "cannot be read as a URL",
		`{"node_address":"http://%zz:1"}`:                                    "cannot be read as a URL",
	} {
		for _, path := range []string{"/register_node", "/register_with"} {
			w := n.describedCall("POST", path, body, "Accept", "application/json")
			var answer struct{ Error string }
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 400 || !strings.Contains(answer.Error, want) {
				t.Errorf("%s %s: %d %s, want 400 with %q", path, body, w.Code, w.Body, want)
			}
			if err := checkRefusal(w); err != nil {
				t.Errorf("%s %s: %v", path, body, err)
			}
		}
	}
	if len(p.asked) > 0 {
		t.Errorf("asked to connect: %v", p.asked)
	}
	for _, body := range []string{
		` {"node_address" : "127.0.0.1:8001/"} `, `{"node_\u0061ddress":"localhost"}`, `{"node_address":"node2:8000"}`, `{"node_address":"http://node2"}`,
	} {
		n.want(n.do("POST", "/register_with", body), 200, "Registration successful")
	}
}

// FuzzRefusals sends bodies of every kind to every route that reads one. Whatever is
// wrong with them, the answer has the form of a refusal, or is a success.
func FuzzRefusals(f *testing.F) {
	whole := `{"index":1,"hash":"` + strings.Repeat("0", 64) + `","version":1,"previous_hash":"` + strings.Repeat("1", 64) +
		`","merkle_root":"` + strings.Repeat("2", 64) + `","timestamp":1,"bits":"207fffff","nonce":1,"coinbase":"00","transactions":[]}`
	f.Add(whole)
	for _, value := range []string{
		"null", "true", "-1", "1.5", "1e400", "99999999999999999999999", `""`, `"x"`, `"\ud800"`, "[]", "[1]", "[null]", "{}", `{"a":{}}`, "", `"zz"`,
		`"` + strings.Repeat("z", 64) + `"`, `"ZZZZZZZZ"`, `"-0000001"`, `"http://x:y"`, `"::"`, `"http://[::1"`, `"http://a:1/%zz"`, `"ftp://a"`,
	} {
		for _, key := range []string{"index", "hash", "version", "previous_hash", "merkle_root", "timestamp", "bits", "nonce", "coinbase", "transactions"} {
			f.Add(regexp.MustCompile(`"`+key+`":("[^"]*"|\[\]|\d+)`).ReplaceAllLiteralString(whole, `"`+key+`":`+value))
		}
		f.Add(value)
		for _, key := range []string{"node_address", "author", "content", "timestamp", "public_key", "signature", "other"} {
			f.Add(`{"` + key + `":` + value + `}`)
			f.Add(`{"author":"a","content":"b","` + key + `":` + value + `}`)
		}
	}
	n, p := peersNode(f, testSetup{limits: limits{txBytes: 4096, blockBytes: 4096}})
	p.connect = func(context.Context, gossip.Address, bool) error { return errors.New("not there") }
	n.api.chain = forgetful{n.chain}
	f.Fuzz(func(t *testing.T, body string) {
		for _, rt := range n.api.routes {
			if rt.methods[http.MethodPost] == nil || rt.pattern == "/mine" {
				continue
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, rt.pattern, strings.NewReader(body))
			r.Header.Set("Accept", "application/json")
			w := httptest.NewRecorder()
			n.api.ServeHTTP(w, r)
			if w.Code < 400 {
				continue
			}
			if err := checkEcho(body, w); err != nil {
				t.Errorf("%s %q: %d: %v", rt.pattern, body, w.Code, err)
			}
		}
	})
}

// checkEcho does what checkRefusal does, for a body that may itself have what looks like
// a trace of the node's internals. A sentence may quote such a body.
func checkEcho(body string, w *httptest.ResponseRecorder) error {
	refusal := checkRefusal(w)
	quoted := checkSentence(body) != nil && refusal != nil && strings.Contains(refusal.Error(), "the sentence has")
	if quoted {
		refusal = nil
	}
	return refusal
}

// forgetful is a chain that accepts transactions and keeps none, so that a long run does
// not fill the mempool.
type forgetful struct{ *chain.Chain }

func (forgetful) AddTx(block.Tx) (chain.TxOutcome, error) { return chain.TxAdded, nil }
