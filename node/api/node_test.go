package api

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// testNode is an API that serves a chain in memory.
type testNode struct {
	t     testing.TB
	api   *API
	chain *chain.Chain
	store *testStore
	miner *testMiner
	clock atomic.Int64 // milliseconds
	log   *lockedBuffer
}

type testSetup struct {
	params  rules.Params
	poolTxs int
	limits  limits
	next    http.Handler
	api     func(Chain) Chain // wraps what the API sees
	config  Config            // the other fields of the API's configuration
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
	n := &testNode{t: t, store: &testStore{MemStore: chain.NewMemStore()}, log: &lockedBuffer{}}
	n.clock.Store(1_700_000_000_000)
	var err error
	n.chain, err = chain.Open(chain.Config{Params: c.params, Store: n.store, Now: n.now, PoolTxs: c.poolTxs})
	if err != nil {
		t.Fatal(err)
	}
	n.miner = &testMiner{node: n}
	var seen Chain = n.chain
	if c.api != nil {
		seen = c.api(seen)
	}
	config := c.config
	config.Chain, config.Miner, config.Next, config.Now = seen, n.miner, c.next, n.now
	config.Health = n.store.Err
	config.Version, config.Kernel, config.Workers = "v0", "portable", 2
	config.Logger = slog.New(slog.NewTextHandler(n.log, nil))
	n.api = newAPI(config, c.limits)
	t.Cleanup(n.api.Close)
	return n
}

func (n *testNode) now() time.Time { return time.UnixMilli(n.clock.Load()) }

// do calls the handler with a request. headers are names and values in turn.
func (n *testNode) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	n.t.Helper()
	r := httptest.NewRequestWithContext(n.t.Context(), method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	n.api.ServeHTTP(w, r)
	return w
}

func (n *testNode) want(w *httptest.ResponseRecorder, status int, part string) {
	n.t.Helper()
	if w.Code != status || !strings.Contains(w.Body.String(), part) {
		n.t.Fatalf("got %d %q, want %d with %q", w.Code, w.Body, status, part)
	}
}

func (n *testNode) post(content string) {
	n.t.Helper()
	n.want(n.do("POST", "/new_transaction", `{"author":"ann","content":"`+content+`"}`), 201, "Success")
}

// blockOptions change a block, for instance so that it breaks a rule.
type blockOptions struct {
	later    time.Duration // added to the time
	bits     pow.Bits      // 0: the right ones
	unsolved bool          // the hash does not meet the target
	salt     uint64        // makes different blocks on the same parent
	txs      []block.Tx
}

// child makes a block on a parent.
func (n *testNode) child(parent pow.Hash, height int64, o blockOptions) block.Block {
	n.t.Helper()
	tip := n.chain.Tip()
	b := block.Block{Coinbase: block.Coinbase{Height: height, Extranonce: o.salt, Tag: "test"}, Txs: o.txs}
	root, _ := block.MerkleRoot(b.IDs())
	b.Header = pow.Header{
		Version: 0x20000000, Prev: parent, MerkleRoot: root, Bits: tip.NextBits(n.chain.Params()),
		Time: uint32(n.now().Add(o.later).Unix() + height),
	}
	if o.bits != 0 {
		b.Header.Bits = o.bits
	}
	target, err := b.Header.Bits.Target()
	if err != nil {
		n.t.Fatal(err)
	}
	for b.Hash().Meets(target) == o.unsolved {
		b.Header.Nonce++
	}
	return b
}

// grow extends the active branch by blocks without transactions.
func (n *testNode) grow(count int) {
	n.t.Helper()
	for range count {
		tip := n.chain.Tip()
		if _, err := n.chain.Accept(n.child(tip.Hash, tip.Height+1, blockOptions{})); err != nil {
			n.t.Fatal(err)
		}
	}
}

// testMiner is a [Miner] with a search of no time.
type testMiner struct {
	node *testNode
	hold chan struct{} // if it is not nil, mining waits until it is closed
	err  error         // if it is not nil, mining fails with it

	mu      sync.Mutex
	running *run
	runs    int
}

type run struct {
	done  chan struct{}
	b     block.Block
	mined bool
	err   error
}

func (m *testMiner) Mine(ctx context.Context) (block.Block, bool, error) {
	m.mu.Lock()
	r := m.running
	if r == nil {
		r = &run{done: make(chan struct{})}
		m.running = r
		m.runs++
		go func() {
			if m.hold != nil {
				<-m.hold
			}
			r.b, r.mined, r.err = m.mine()
			m.mu.Lock()
			m.running = nil
			m.mu.Unlock()
			close(r.done)
		}()
	}
	m.mu.Unlock()
	select {
	case <-r.done:
		return r.b, r.mined, r.err
	case <-ctx.Done():
		return block.Block{}, false, ctx.Err()
	}
}

func (m *testMiner) mine() (block.Block, bool, error) {
	if m.err != nil {
		return block.Block{}, false, m.err
	}
	tmpl, err := m.node.chain.Template(chain.TemplateOptions{Tag: "test"})
	if err != nil || len(tmpl.Txs) == 0 {
		return block.Block{}, false, err
	}
	result, err := pow.Kernels()[0].Scan(tmpl.Job(0, uint32(m.node.now().Unix())))
	if err != nil {
		return block.Block{}, false, err
	}
	b := tmpl.Block(result.Header, 0)
	_, err = m.node.chain.Accept(b)
	return b, err == nil, err
}

func (m *testMiner) Progress() mine.Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running == nil {
		return mine.Progress{}
	}
	return mine.Progress{
		Mining: true, Height: m.node.chain.Len(), Since: m.node.now().Add(-2 * time.Second),
		Hashes: 1000, Expected: 16, Rate: 500,
	}
}

// testStore is a store in memory that can pretend that the disk is full, or that it has
// given up because a sync found the disk full.
type testStore struct {
	*chain.MemStore
	full, broken atomic.Bool
}

// Err returns why the store has given up.
func (s *testStore) Err() error {
	if s.broken.Load() {
		return fmt.Errorf("%w: %w", chain.ErrBroken, syscall.ENOSPC)
	}
	return nil
}

func (s *testStore) Commit(c chain.Change) error {
	if s.full.Load() {
		return chain.ErrNoSpace
	}
	if err := s.Err(); err != nil {
		return err
	}
	return s.MemStore.Commit(c)
}

// lockedBuffer is a buffer for a log that several goroutines write to.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
