package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/node/api"
	"github.com/lodepow/lode/pow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testNode is a chain in memory with a real API and the pages in front of it.
type testNode struct {
	t     testing.TB
	chain *chain.Chain
	api   *api.API
	web   *Web
	miner *testMiner
	clock atomic.Int64 // seconds
	log   strings.Builder
}

type testSetup struct {
	params rules.Params
	token  string
	hosts  []string
	chain  func(Chain) Chain // wraps what the pages see
	peers  api.Peers
	store  chain.Store // nil: in memory
}

func newTestNode(t testing.TB, c testSetup) *testNode {
	t.Helper()
	if c.params == (rules.Params{}) {
		params, err := rules.Tutorial(1)
		if err != nil {
			t.Fatal(err)
		}
		c.params = params
	}
	n := &testNode{t: t}
	n.clock.Store(1_700_000_000)
	now := func() time.Time { return time.Unix(n.clock.Load(), 0) }
	if c.store == nil {
		c.store = chain.NewMemStore()
	}
	var err error
	n.chain, err = chain.Open(chain.Config{Params: c.params, Store: c.store, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	n.miner = &testMiner{node: n, mode: "on-demand"}
	var seen Chain = n.chain
	if c.chain != nil {
		seen = c.chain(seen)
	}
	logger := slog.New(slog.NewTextHandler(&n.log, nil))
	n.web, err = New(Config{
		Chain: seen, Token: c.token != "", Logger: logger, Now: now,
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.api.ServeHTTP(w, r) }),
	})
	if err != nil {
		t.Fatal(err)
	}
	n.api = api.New(api.Config{
		Chain: n.chain, Miner: n.miner, Peers: c.peers, Next: n.web, Token: c.token, Hosts: c.hosts, Now: now,
		Version: "v0", Kernel: "portable", Workers: 2,
	})
	t.Cleanup(func() {
		n.api.Close()
		n.web.Close()
	})
	return n
}

// do makes a request to the node. headers are names and values in turn.
func (n *testNode) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	n.t.Helper()
	r := httptest.NewRequestWithContext(n.t.Context(), method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	n.api.ServeHTTP(w, r)
	return w
}

func (n *testNode) get(target string, headers ...string) *httptest.ResponseRecorder {
	n.t.Helper()
	return n.do(http.MethodGet, target, "", headers...)
}

// page gets a page, which must be valid, and returns its text.
func (n *testNode) page(target string) string {
	n.t.Helper()
	w := n.get(target)
	if w.Code != http.StatusOK {
		n.t.Fatalf("GET %s: status %d: %s", target, w.Code, w.Body)
	}
	checkPage(n.t, target, w)
	return w.Body.String()
}

// submit submits a form. values are names and values in turn.
func (n *testNode) submit(path string, values ...string) *httptest.ResponseRecorder {
	n.t.Helper()
	form := url.Values{}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	return n.do(http.MethodPost, path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
}

func (n *testNode) post(author, content string) block.Tx {
	n.t.Helper()
	text := `{"author":` + quote(author) + `,"content":` + quote(content) + `}`
	tx, err := block.NewTx([]byte(text), time.UnixMicro(n.clock.Load()*1e6+n.miner.posts.Add(1)))
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.chain.AddTx(tx); err != nil {
		n.t.Fatal(err)
	}
	return tx
}

// child makes a block on a parent.
func (n *testNode) child(parent pow.Hash, height int64, salt uint64, txs ...block.Tx) block.Block {
	n.t.Helper()
	b := block.Block{Coinbase: block.Coinbase{Height: height, Extranonce: salt, Tag: "test"}, Txs: txs}
	root, _ := block.MerkleRoot(b.IDs())
	state, ok := n.chain.State(parent)
	if !ok {
		n.t.Fatalf("no block %s", parent)
	}
	b.Header = pow.Header{
		Version: 0x20000000, Prev: parent, MerkleRoot: root, Bits: state.NextBits(n.chain.Params()),
		Time: uint32(1_700_000_000 + 7*height),
	}
	target, _, _ := b.Header.Bits.Decode()
	for !b.Hash().Meets(target) {
		b.Header.Nonce++
	}
	return b
}

// mine puts posts into a block on top of the tip.
func (n *testNode) mine(txs ...block.Tx) block.Block {
	n.t.Helper()
	tip := n.chain.Tip()
	return n.accept(n.child(tip.Hash, tip.Height+1, 0, txs...))
}

func (n *testNode) accept(b block.Block) block.Block {
	n.t.Helper()
	if _, err := n.chain.Accept(b); err != nil {
		n.t.Fatal(err)
	}
	return b
}

// testMiner is a miner whose search takes no time, or lasts until hold is closed.
type testMiner struct {
	node  *testNode
	hold  chan struct{}
	one   sync.Mutex // one search at a time, or two would mine the same posts
	mode  string
	posts atomic.Int64 // given out by testNode.post
	state mine.Progress
}

func (m *testMiner) Mine(ctx context.Context) (block.Block, bool, error) {
	if m.hold != nil {
		select {
		case <-m.hold:
		case <-ctx.Done():
			return block.Block{}, false, ctx.Err()
		}
	}
	m.one.Lock()
	defer m.one.Unlock()
	txs := m.node.chain.Pending(0, 100)
	if len(txs) == 0 {
		return block.Block{}, false, nil
	}
	return m.node.mine(txs...), true, nil
}

func (m *testMiner) Progress() mine.Progress { return m.state }

func (m *testMiner) SetMode(mode string) error {
	if labelOfMode(mode) == "" {
		return errMode
	}
	m.mode = mode
	return nil
}

func (m *testMiner) State() api.MinerState {
	return api.MinerState{Mode: m.mode, Hashes: 3_000_000, Workers: []api.WorkerState{{Hashes: 1_000_000, Rate: 5e5}, {Hashes: 2_000_000, Rate: 1.5e6}}}
}
