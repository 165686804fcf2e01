package nodes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/gbt"
	"github.com/lodepow/lode/pow"
)

const user, password = "miner", "a password with spaces: and a colon"

// node calls a real node directly, apart from the source that is tested.
type node struct{ url string }

// call calls a method and decodes the result into the given value.
func (n node) call(t testing.TB, result any, method string, params ...any) {
	t.Helper()
	if err := n.try(t.Context(), result, method, params...); err != nil {
		t.Fatal(err)
	}
}

func (n node) try(ctx context.Context, result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth(user, password)
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("%s: status %d: %s", method, resp.StatusCode, raw)
	}
	if answer.Error != nil {
		return errors.New(method + ": " + answer.Error.Message)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

func (n node) height(t testing.TB) (height int64) {
	t.Helper()
	n.call(t, &height, "getblockcount")
	return height
}

// blockAt returns a block with the ids of its transactions.
func (n node) blockAt(t testing.TB, height int64) (b struct {
	Hash   string
	Bits   any // a text, and in bcoin a number
	Tx     []string
	Height int64
}) {
	t.Helper()
	var hash string
	n.call(t, &hash, "getblockhash", height)
	n.call(t, &b, "getblock", hash, 1)
	return b
}

// within waits until a condition holds, and fails if it takes too long.
func within(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// limited is a source that has no work for blocks above a limit, so that a test can look
// at the chain and send transactions.
type limited struct {
	mine.Source
	limit atomic.Int64
}

func (l *limited) Offer() (mine.Offer, error) {
	o, err := l.Source.Offer()
	if err == nil && o.Work != nil && o.Work.Height > l.limit.Load() {
		o.Work, o.Newer, o.Wait = nil, nil, 10*time.Millisecond
	}
	return o, err
}

// miner is a source with a loop and an engine of one core.
type miner struct {
	source *gbt.Source
	limit  *atomic.Int64 // height of the last block to mine
	log    *output

	mu       sync.Mutex
	outcomes map[mine.Outcome]int
	errors   []error

	ended chan error // the result of the source's Run
	stop  func()     // ends the loop and the source, and waits for both
}

// newSource makes a source that pays to the script OP_TRUE.
func newSource(t testing.TB, n node, log io.Writer, edit func(*gbt.Config)) *gbt.Source {
	t.Helper()
	c := gbt.Config{
		URL: n.url, User: user, Pass: password, PayTo: "script:51", Tag: "/lode test/",
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if edit != nil {
		edit(&c)
	}
	s, err := gbt.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// startMiner mines the node until stop is called or the test is over, and no block above
// the given height.
func startMiner(t testing.TB, n node, limit int64, edit func(*gbt.Config)) *miner {
	t.Helper()
	m := &miner{log: &output{}, outcomes: map[mine.Outcome]int{}, ended: make(chan error, 1)}
	m.source = newSource(t, n, m.log, edit)
	engine, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	source := &limited{Source: m.source}
	source.limit.Store(limit)
	m.limit = &source.limit
	loop, err := mine.New(mine.Config{Engine: engine, Source: source, Observer: mine.Observer{
		Submitted: m.submitted,
		Exhausted: m.source.Exhausted,
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var group sync.WaitGroup
	group.Go(func() { m.ended <- m.source.Run(ctx) })
	group.Go(func() { loop.Run(ctx) })
	m.stop = func() {
		cancel()
		group.Wait()
	}
	t.Cleanup(func() {
		m.stop()
		if t.Failed() {
			t.Logf("source: %s", m.log)
		}
	})
	return m
}

func (m *miner) submitted(_ mine.Solution, o mine.Outcome, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcomes[o]++
	if err != nil {
		m.errors = append(m.errors, err)
	}
}

// checkAccepted fails if the node has not accepted a block. It returns how many it has
// accepted.
func (m *miner) checkAccepted(t testing.TB) int {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	accepted := m.outcomes[mine.Accepted]
	for outcome, n := range m.outcomes {
		if outcome != mine.Accepted {
			t.Errorf("%d blocks %s: %v", n, outcome, m.errors)
		}
	}
	return accepted
}

// run keeps a source up to date until the returned function is called.
func run(t testing.TB, s *gbt.Source) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return func() {
		cancel()
		group.Wait()
	}
}

// mineTo lets the miner go on, and waits until the chain has the given height. How long that
// takes depends on the speed of the machine, so only the tests as a whole have a time limit.
func (m *miner) mineTo(t testing.TB, n node, height int64) {
	t.Helper()
	m.limit.Store(height)
	for n.height(t) < height {
		select {
		case err := <-m.ended:
			t.Fatalf("the source has ended before the chain had %d blocks: %v", height, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// offer waits until the source has work.
func offer(t testing.TB, s *gbt.Source) (o mine.Offer) {
	t.Helper()
	within(t, time.Minute, "the source has work", func() bool {
		var err error
		if o, err = s.Offer(); err != nil {
			t.Fatal(err)
		}
		return o.Work != nil
	})
	return o
}

// solve searches the first extranonce of the work.
func solve(t testing.TB, w *mine.Work) mine.Solution {
	t.Helper()
	extranonce := w.Extranonces.At(0)
	r, err := pow.Kernels()[0].Scan(w.Job(extranonce, uint32(time.Now().Unix())))
	if err != nil {
		t.Fatal(err)
	}
	sol, err := w.Solution(extranonce, r.Header)
	if err != nil {
		t.Fatal(err)
	}
	return sol
}
