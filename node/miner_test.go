package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"go.uber.org/goleak"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/own"
	"github.com/lodepow/lode/node/api"
	"github.com/lodepow/lode/pow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// easy returns the parameters of a network on which mining takes no time.
func easy(t testing.TB) rules.Params {
	t.Helper()
	p, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// testMiner starts a miner, which runs until the test ends.
func testMiner(t testing.TB, p rules.Params, mode Mode) (*Miner, *chain.Chain) {
	t.Helper()
	engine, err := pow.New(pow.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return testMinerWith(t, p, mode, engine)
}

func testMinerWith(t testing.TB, p rules.Params, mode Mode, engine mine.Engine) (*Miner, *chain.Chain) {
	t.Helper()
	c, err := chain.Open(chain.Config{Params: p, Store: chain.NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMiner(MinerConfig{Chain: c, Engine: engine, Mode: mode, Tag: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return m, c
}

func post(t testing.TB, c *chain.Chain, content string) block.Tx {
	t.Helper()
	tx, err := block.NewTx(fmt.Appendf(nil, `{"author":"ann","content":%q}`, content), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddTx(tx); err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestMineOnDemand(t *testing.T) {
	m, c := testMiner(t, easy(t), OnDemand)
	if _, mined, err := m.Mine(t.Context()); mined || err != nil {
		t.Fatalf("mined %v without a transaction (%v)", mined, err)
	}
	a, b := post(t, c, "one"), post(t, c, "two")
	found, mined, err := m.Mine(t.Context())
	if err != nil || !mined {
		t.Fatal(mined, err)
	}
	if len(found.Txs) != 2 || found.Txs[0] != a || found.Txs[1] != b || found.Height() != 1 || found.Coinbase.Tag != "test" {
		t.Errorf("%+v", found)
	}
	if c.Tip().Hash != found.Hash() {
		t.Error("the block is not the tip")
	}
	if p := m.Progress(); p.Mining {
		t.Errorf("still mining: %+v", p)
	}
}

// Users rely on this property of the chain: whatever happens at the same time, each
// transaction is mined exactly once, and those of one poster are mined in the order
// in which they were posted.
func TestMineUnderLoad(t *testing.T) {
	const posts, callers = 1000, 100
	m, c := testMiner(t, easy(t), OnDemand)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if _, _, err := m.Mine(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	const posters = 10
	ids := make([][]pow.Hash, posters)
	for i := range posters {
		wg.Go(func() {
			for j := range posts / posters {
				ids[i] = append(ids[i], post(t, c, fmt.Sprintf("%d/%d", i, j)).ID())
				if j%25 == 0 {
					if _, _, err := m.Mine(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if _, _, err := m.Mine(t.Context()); err != nil { // what is still pending
		t.Fatal(err)
	}
	if n, _ := c.PendingCount(); n != 0 {
		t.Errorf("%d transactions are still pending", n)
	}

	place := map[pow.Hash]int{}
	for height := range c.Len() {
		hash, _ := c.HashAt(height)
		b, err := c.Block(hash)
		if err != nil {
			t.Fatal(err)
		}
		for _, tx := range b.Txs {
			if _, twice := place[tx.ID()]; twice {
				t.Errorf("%s was mined twice", tx.ID())
			}
			place[tx.ID()] = len(place)
		}
	}
	if len(place) != posts {
		t.Errorf("%d transactions were mined, want %d", len(place), posts)
	}
	for i := range ids {
		for j := 1; j < len(ids[i]); j++ {
			if place[ids[i][j-1]] > place[ids[i][j]] {
				t.Fatalf("poster %d: transaction %d was mined before %d", i, j, j-1)
			}
		}
	}
}

// A client that posts a transaction and then asks for a block finds its transaction in
// a block when the answer comes, whatever others do at the same time.
func TestMineAfterPost(t *testing.T) {
	m, c := testMiner(t, easy(t), OnDemand)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				tx := post(t, c, fmt.Sprintf("%d/%d", i, j))
				_, _, err := m.Mine(t.Context())
				place, findErr := c.FindTx(tx.ID())
				if err != nil || findErr != nil || place.Pending {
					t.Errorf("%v, and the transaction is at %+v (%v), want it in a block", err, place, findErr)
				}
			}
		})
	}
	wg.Wait()
}

// heldEngine is an engine whose searches wait until release is closed.
type heldEngine struct {
	*pow.Engine
	first   sync.Once
	reached chan struct{} // closed when the first search has begun
	release chan struct{}
}

func (e *heldEngine) Search(ctx context.Context, job pow.Job) (pow.Result, error) {
	e.first.Do(func() { close(e.reached) })
	select {
	case <-e.release:
		return e.Engine.Search(ctx, job)
	case <-ctx.Done():
		return pow.Result{}, ctx.Err()
	}
}

// watchedContext closes waits when somebody begins to wait for its end.
type watchedContext struct {
	context.Context
	first *sync.Once
	waits chan struct{}
}

func newWatchedContext(ctx context.Context) watchedContext {
	return watchedContext{ctx, &sync.Once{}, make(chan struct{})}
}

func (c watchedContext) Done() <-chan struct{} {
	c.first.Do(func() { close(c.waits) })
	return c.Context.Done()
}

// watchedMiner is a miner for an API that sends each call's watchedContext to calls.
type watchedMiner struct {
	*Miner
	calls chan watchedContext
}

func (m watchedMiner) Mine(ctx context.Context) (block.Block, bool, error) {
	watched := newWatchedContext(ctx)
	m.calls <- watched
	return m.Miner.Mine(watched)
}

// Two clients of the HTTP API post and mine, the second while the search for the first
// is under way. Each is told of a block that contains its transaction.
func TestMineHoldsTheCallersTransaction(t *testing.T) {
	plain, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	engine := &heldEngine{Engine: plain, reached: make(chan struct{}), release: make(chan struct{})}
	m, c := testMinerWith(t, easy(t), OnDemand, engine)
	watched := watchedMiner{m, make(chan watchedContext, 1)}
	a := api.New(api.Config{Chain: c, Miner: watched})
	t.Cleanup(a.Close)
	call := func(method, path, body string, answer any) int {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if err := json.Unmarshal(w.Body.Bytes(), answer); err != nil {
			t.Errorf("%s: %s: %v", path, w.Body, err)
		}
		return w.Code
	}

	type answer struct {
		Mined bool
		Hash  pow.Hash
	}
	var answers [3]answer
	var wg sync.WaitGroup
	for i := range answers {
		if i < 2 { // the third client mines without having posted
			var ignored any
			if status := call("POST", "/new_transaction", fmt.Sprintf(`{"author":"ann","content":"%d"}`, i), &ignored); status != http.StatusCreated {
				t.Fatalf("post %d: status %d", i, status)
			}
		}
		wg.Go(func() {
			if status := call("POST", "/mine", "", &answers[i]); status != http.StatusOK || !answers[i].Mined {
				t.Errorf("mine %d: status %d, %+v", i, status, answers[i])
			}
		})
		<-(<-watched.calls).waits
		<-engine.reached
	}
	close(engine.release)
	wg.Wait()
	for i, got := range answers {
		b, err := c.Block(got.Hash)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint(min(i, 1))
		if !slices.ContainsFunc(b.Txs, func(tx block.Tx) bool { return tx.Content() == want }) {
			t.Errorf("call %d was answered with block %d, which lacks transaction %s", i, b.Height(), want)
		}
	}
	if n, _ := c.PendingCount(); n != 0 {
		t.Errorf("%d transactions are still pending", n)
	}
}

func TestMinePending(t *testing.T) {
	_, c := testMiner(t, easy(t), Pending)
	seen := make(chan chain.Event, 16)
	defer c.Subscribe(func(ev chain.Event) {
		if ev.Kind == chain.EventTip {
			seen <- ev
		}
	})()
	for i := range 3 {
		tx := post(t, c, fmt.Sprint(i))
		<-seen
		if place, err := c.FindTx(tx.ID()); err != nil || place.Pending {
			t.Errorf("transaction %d: %+v, %v", i, place, err)
		}
	}
}

func TestMineContinuously(t *testing.T) {
	m, c := testMiner(t, easy(t), Continuous)
	b, mined, err := m.Mine(t.Context()) // joins the run that is under way
	if err != nil || !mined || len(b.Txs) != 0 {
		t.Errorf("%+v, %v, %v", b, mined, err)
	}
	if c.Len() < 2 {
		t.Errorf("%d blocks", c.Len())
	}
}

// hard returns the parameters of a network on which no test finds a block.
func hard(t testing.TB) rules.Params {
	t.Helper()
	p, err := rules.Tutorial(40)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestMineOutlivesItsCaller(t *testing.T) {
	m, c := testMiner(t, hard(t), OnDemand)
	post(t, c, "never mined")
	gone, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, _, err := m.Mine(gone)
		left <- err
	}()
	for !m.Progress().Mining {
		time.Sleep(time.Millisecond)
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller that left was told %v", err)
	}
	if p := m.Progress(); !p.Mining || p.Height != 1 || p.Expected < 1e40 {
		t.Errorf("the search has ended, or its progress is wrong: %+v", p)
	}
}

// A block of another node ends the search. The transactions that it does not contain
// are in the next block.
func TestNewTipCancelsTheSearch(t *testing.T) {
	p := easy(t)
	m, c := testMiner(t, p, OnDemand)
	// The other node makes a block of the first transaction.
	other, err := chain.Open(chain.Config{Params: p, Store: chain.NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	theirs := post(t, c, "in their block")
	if _, err := other.AddTx(theirs); err != nil {
		t.Fatal(err)
	}
	ours := post(t, c, "in ours")
	b := solveOn(t, other)

	done := make(chan error)
	go func() {
		_, _, err := m.Mine(t.Context())
		done <- err
	}()
	if _, err := c.Accept(b); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Mine(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tx := range []block.Tx{theirs, ours} {
		if place, err := c.FindTx(tx.ID()); err != nil || place.Pending {
			t.Errorf("%s: %+v, %v", tx.Content(), place, err)
		}
	}
}

// solveOn returns a block on the tip of the chain, with its pending transactions.
func solveOn(t testing.TB, c *chain.Chain) block.Block {
	t.Helper()
	tmpl, err := c.Template(chain.TemplateOptions{Tag: "other"})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	r, err := engine.Search(t.Context(), tmpl.Job(7, uint32(time.Now().Unix())))
	if err != nil {
		t.Fatal(err)
	}
	return tmpl.Block(r.Header, 7)
}

func TestShutdownEndsTheSearch(t *testing.T) {
	c, err := chain.Open(chain.Config{Params: hard(t), Store: chain.NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := pow.New(pow.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMiner(MinerConfig{Chain: c, Engine: engine, Mode: Pending})
	if err != nil {
		t.Fatal(err)
	}
	post(t, c, "never mined")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Run(ctx)
	}()
	waiter := make(chan error)
	go func() {
		_, _, err := m.Mine(t.Context())
		waiter <- err
	}()
	for !m.Progress().Mining {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	if err := <-waiter; !errors.Is(err, own.ErrStopped) {
		t.Errorf("the waiter was told %v", err)
	}
	if m.Progress().Mining {
		t.Error("the progress says that the miner still mines")
	}
}

func TestMinerConfig(t *testing.T) {
	if _, err := NewMiner(MinerConfig{Mode: "sometimes"}); err == nil {
		t.Error("an unknown mode was accepted")
	}
	if _, err := NewMiner(MinerConfig{Tag: string(make([]byte, block.MaxTag+1))}); err == nil {
		t.Error("a tag that fits no coinbase was accepted")
	}
}

// A caller that asks for a block is told if the chain is as far ahead of the clock as
// its rules allow. The modes in which nobody asks are tested in package mine/own.
func TestAheadOfTheClock(t *testing.T) {
	p := rulestest.With(easy(t), func(c *rules.Config) {
		c.Name = "near"
		c.Limits.FutureSeconds = 2
	})
	m, c := testMiner(t, p, OnDemand)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		post(t, c, fmt.Sprint(i))
		_, _, err = m.Mine(t.Context())
	}
	if !errors.Is(err, api.ErrAhead) {
		t.Fatalf("error %v, want %v", err, api.ErrAhead)
	}
	if n, _ := c.PendingCount(); n == 0 {
		t.Error("the transaction is lost")
	}
}

// failingStore is a store that fails to keep the first block after genesis.
type failingStore struct {
	chain.Store
	blocks int // blocks that it was to keep, genesis included
}

func (s *failingStore) Commit(change chain.Change) error {
	if len(change.Blocks) > 0 {
		if s.blocks++; s.blocks == 2 {
			return chain.ErrNoSpace
		}
	}
	return s.Store.Commit(change)
}

// A block that the store could not keep is not submitted again, because its callers
// have been told of the failure. The next call gets a block of a new search.
func TestFailedBlockIsGivenUp(t *testing.T) {
	store := &failingStore{Store: chain.NewMemStore()}
	c, err := chain.Open(chain.Config{Params: easy(t), Store: store})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	now := time.Now().Add(time.Minute)
	m, err := NewMiner(MinerConfig{
		Chain: c, Engine: engine, Mode: OnDemand, Extranonce: 77,
		Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { m.Run(ctx) })
	tx := post(t, c, "kept")
	if _, mined, err := m.Mine(t.Context()); mined || !errors.Is(err, chain.ErrNoSpace) {
		t.Errorf("mined %v, %v; want %v", mined, err, chain.ErrNoSpace)
	}
	b, mined, err := m.Mine(t.Context())
	if err != nil || !mined || len(b.Txs) != 1 || b.Txs[0] != tx {
		t.Fatalf("%+v, %v, %v; want a block of the transaction", b, mined, err)
	}
	cancel()
	running.Wait()
	if got := engine.Stats().Found; got != 2 {
		t.Errorf("%d searches found a block, want 2", got)
	}
	if b.Coinbase.Extranonce != 77 || b.Header.Time != uint32(now.Unix()) {
		t.Errorf("extranonce %d and time %d, want 77 and %d", b.Coinbase.Extranonce, b.Header.Time, now.Unix())
	}
	for _, want := range []string{"no block mined", "block mined"} {
		if !strings.Contains(log.String(), `msg="`+want) {
			t.Errorf("logged %s, want %q", &log, want)
		}
	}
}

// The clock and the log of a miner are those of its source and of its loop.
func TestMinerPassesOnWhatItIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := chain.Open(chain.Config{Params: easy(t), Store: chain.NewMemStore()})
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		var now atomic.Int64 // in seconds; the test's other clock is far behind it
		now.Store(int64(c.Tip().MedianTimePast()) + 1)
		m, err := NewMiner(MinerConfig{
			Chain: c, Engine: brokenEngine{}, Mode: OnDemand,
			Now: func() time.Time { return time.Unix(now.Load(), 0) }, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		post(t, c, "never mined")
		answer := make(chan error, 1)
		go func() {
			_, _, err := m.Mine(t.Context())
			answer <- err
		}()
		synctest.Wait() // the call waits for a block
		go m.Run(ctx)
		synctest.Wait() // the loop pauses after the failure of the engine

		// The source sees that the clock has been set back.
		now.Store(0)
		time.Sleep(2 * time.Second)
		select {
		case err := <-answer:
			if !errors.Is(err, api.ErrAhead) {
				t.Errorf("error %v, want %v", err, api.ErrAhead)
			}
		default:
			t.Error("the source does not look at the miner's clock")
		}
		cancel()
		synctest.Wait()
		for _, want := range []string{`msg="search failed"`, `msg="no block mined"`} { // of the loop, and of the source
			if !strings.Contains(log.String(), want) {
				t.Errorf("logged %s, want %s", &log, want)
			}
		}
	})
}

// brokenEngine is an engine of which every search fails.
type brokenEngine struct{}

func (brokenEngine) Search(context.Context, pow.Job) (pow.Result, error) {
	return pow.Result{}, errors.New("the engine is broken")
}

func (brokenEngine) ReportBlock(time.Time) {}

// A miner that could not be made leaves nothing behind: its source no longer follows the
// chain, so what the source was given can be collected.
func TestMinerThatCannotBeMade(t *testing.T) {
	c, err := chain.Open(chain.Config{Params: easy(t), Store: chain.NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() weak.Pointer[[64]time.Time] {
		times := new([64]time.Time)
		if _, err := NewMiner(MinerConfig{Chain: c, Now: func() time.Time { return times[0] }}); err == nil {
			t.Error("a miner without an engine was made")
		}
		return weak.Make(times)
	}()
	runtime.GC()
	if clock.Value() != nil {
		t.Error("the source of the miner still follows the chain")
	}
	runtime.KeepAlive(c)
}
