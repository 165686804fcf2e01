package client_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/client"
	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/pow"
)

// live is a node that runs until the test ends, and a client of it.
type live struct {
	*client.Client
	url  string
	stop func() // stops the node and waits for its end
}

func startNode(t testing.TB, nc node.Config, cc client.Config) *live {
	t.Helper()
	if nc.Params == (rules.Params{}) {
		params, err := rules.Tutorial(1)
		if err != nil {
			t.Fatal(err)
		}
		nc.Params = params
	}
	if nc.Data == "" {
		nc.Data = t.TempDir()
	}
	if nc.Listen == "" {
		nc.Listen = "127.0.0.1:0"
	}
	nc.Workers = 1
	n, err := node.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	cc.URL = "http://" + n.Addr().String()
	c, err := client.New(cc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &live{c, cc.URL, stop}
}

// must returns a value, and fails the test if there is an error.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestTour posts, mines and reads on a real node, and compares what the calls say with
// each other.
func TestTour(t *testing.T) {
	ctx := t.Context()
	n := startNode(t, node.Config{Version: "v1"}, client.Config{})
	if err := n.Health(ctx); err != nil {
		t.Fatal(err)
	}
	first := must[client.Posted](t)(n.Post(ctx, "ann", "<hello> & \u202egoodbye 𝄞"))
	signed := must[block.Tx](t)(block.Sign([]byte(`{"author":"ben","content":"it was me","mood":"fine"}`), ed25519.NewKeyFromSeed(make([]byte, 32)), time.Now()))
	second := must[client.Posted](t)(n.PostTx(ctx, signed))
	if second.ID != signed.ID() || second.Known || second.Message != "Success" {
		t.Errorf("%+v, want the id %s", second, signed.ID())
	}
	if again := must[client.Posted](t)(n.PostTx(ctx, signed)); !again.Known || again.ID != signed.ID() {
		t.Errorf("the same signed post again: %+v", again)
	}
	var pending []block.Tx
	for tx, err := range n.Pending(ctx) {
		pending = append(pending, must[block.Tx](t)(tx, err))
	}
	if len(pending) != 2 || pending[0].ID() != first.ID || pending[0].Content() != "<hello> & \u202egoodbye 𝄞" || pending[1] != signed {
		t.Errorf("pending: %v", pending)
	}
	if tx := must[client.Tx](t)(n.Tx(ctx, first.ID)); !tx.Pending || tx.Transaction != pending[0] || tx.Confirmations != 0 {
		t.Errorf("%+v", tx)
	}
	if _, err := n.Proof(ctx, first.ID); !errors.Is(err, client.NotFound) {
		t.Errorf("the proof of a pending transaction: %v", err)
	}

	mined := must[client.Mined](t)(n.Mine(ctx))
	if !mined.Mined || mined.Height != 1 || mined.GoesOn {
		t.Errorf("%+v", mined)
	}
	if nothing := must[client.Mined](t)(n.Mine(ctx)); nothing.Mined || nothing.Message != "No transactions to mine" {
		t.Errorf("%+v", nothing)
	}
	tip := must[block.Block](t)(n.TipBlock(ctx))
	if tip.Hash() != mined.Hash || len(tip.Txs) != 2 || tip.Txs[1] != signed {
		t.Errorf("the tip is %+v", tip)
	}
	if b := must[block.Block](t)(n.Block(ctx, mined.Hash)); b.Header != tip.Header {
		t.Errorf("the block %s is %+v", mined.Hash, b.Header)
	}
	genesis := must[block.Block](t)(n.BlockAt(ctx, 0))
	if genesis.Hash() != tip.Header.Prev {
		t.Errorf("block 0 is %s, want %s", genesis.Hash(), tip.Header.Prev)
	}
	proof := must[client.Proof](t)(n.Proof(ctx, signed.ID()))
	if proof.Header != tip.Header || proof.Height != 1 || proof.Merkle.Index != 2 || proof.Transaction != signed {
		t.Errorf("%+v", proof)
	}
	headers, length, err := n.Headers(ctx, 0, 0)
	if err != nil || length != 2 || len(headers) != 2 || headers[0] != genesis.Header || headers[1] != tip.Header {
		t.Errorf("%v, %d, %v", headers, length, err)
	}
	if after, _, err := n.HeadersAfter(ctx, []pow.Hash{{1}, genesis.Hash()}, 5); err != nil || len(after) != 1 || after[0] != tip.Header {
		t.Errorf("%v, %v", after, err)
	}
	status := must[client.NodeStatus](t)(n.Status(ctx))
	if status.Height != 1 || status.Hash != tip.Hash() || status.Version != "v1" || status.Network.Name != "tutorial" || status.Clock != nil || status.Chainwork.Float() < 16 {
		t.Errorf("%+v", status)
	}
	if tx := must[client.Tx](t)(n.Tx(ctx, signed.ID())); tx.Pending || tx.Block != tip.Hash() || tx.Height != 1 || tx.Index != 2 || tx.Confirmations != 1 {
		t.Errorf("%+v", tx)
	}
	if known := must[client.Added](t)(n.AddBlock(ctx, tip)); known.Outcome != "known" || known.Hash != tip.Hash() || known.Height != 1 {
		t.Errorf("%+v", known)
	}
}

// TestReorg mines different blocks on two nodes and connects them. The events, branches and
// lists of the node that gives up its branch agree.
func TestReorg(t *testing.T) {
	ctx := t.Context()
	winner, loser := startNode(t, node.Config{}, client.Config{}), startNode(t, node.Config{}, client.Config{})
	for i := range 2 {
		must[client.Posted](t)(winner.Post(ctx, "ann", fmt.Sprint(i)))
		must[client.Mined](t)(winner.Mine(ctx))
	}
	lost := must[client.Posted](t)(loser.Post(ctx, "ben", "on the other branch"))
	stale := must[client.Mined](t)(loser.Mine(ctx))
	tip := must[client.NodeStatus](t)(winner.Status(ctx))
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	connected := false
	var reorg client.Tip
	for e, err := range loser.Events(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		if !connected {
			connected = true
			if err := loser.Register(ctx, winner.url); err != nil {
				t.Fatal(err)
			}
		}
		if e.Kind == client.EventReorg {
			reorg = must[client.Tip](t)(e.Tip())
			break
		}
	}
	if reorg.Disconnected != 1 || len(reorg.Left) != 1 || reorg.Left[0] != stale.Hash || reorg.ForkHeight != 0 || len(reorg.Returned) != 1 || reorg.Returned[0] != lost.ID {
		t.Errorf("%+v, want that block %s has left and %s is pending again", reorg, stale.Hash, lost.ID)
	}
	branches := must[[]client.Branch](t)(loser.Branches(ctx, 0))
	if len(branches) != 2 || !branches[0].Active || branches[0].Hash != tip.Hash || branches[1].Active || branches[1].Hash != stale.Hash || branches[1].Length != 1 {
		t.Errorf("%+v", branches)
	}
	if few := must[[]client.Branch](t)(loser.Branches(ctx, 1)); len(few) != 1 {
		t.Errorf("%+v, want one branch", few)
	}
	page := must[client.TxPage](t)(loser.Txs(ctx, client.Owner{}, "", 1))
	if len(page.Transactions) != 2 || page.Transactions[0].ID != lost.ID || !page.Transactions[0].Pending || page.Transactions[1].Transaction.Content() != "1" || page.Next == "" {
		t.Errorf("%+v", page)
	}
	rest := must[client.TxPage](t)(loser.Txs(ctx, client.Owner{}, page.Next, 1))
	if len(rest.Transactions) != 1 || rest.Transactions[0].Transaction.Content() != "0" || rest.Transactions[0].Confirmations != 2 {
		t.Errorf("%+v", rest)
	}
	if anns := must[client.TxPage](t)(loser.Txs(ctx, client.Owner{Author: "ann"}, "", 0)); len(anns.Transactions) != 2 || anns.Next != "" {
		t.Errorf("%+v", anns)
	}
	// The block that a node on the winning branch sends is seen beside it.
	for e, err := range winner.Events(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Kind {
		case client.EventTip:
			must[client.Added](t)(winner.AddBlock(ctx, must[block.Block](t)(loser.Block(ctx, stale.Hash))))
			continue
		case client.EventSide:
			if side := must[client.Side](t)(e.Side()); side.Hash != stale.Hash || side.Height != 1 || side.Parent != reorg.Fork {
				t.Errorf("%+v", side)
			}
		default:
			continue
		}
		break
	}
}

// TestModes switches the miner of a node.
func TestModes(t *testing.T) {
	ctx := t.Context()
	n := startNode(t, node.Config{}, client.Config{})
	if s := must[client.NodeStatus](t)(n.Status(ctx)); s.Mining.Mode != client.MineOnDemand || len(s.Mining.Workers) != 1 {
		t.Errorf("%+v", s.Mining)
	}
	if err := n.SetMode(ctx, client.MineOff); err != nil {
		t.Fatal(err)
	}
	must[client.Posted](t)(n.Post(ctx, "ann", "hello"))
	if _, err := n.Mine(ctx); !errors.Is(err, client.NoMiner) {
		t.Errorf("%v, want %s", err, client.NoMiner)
	}
	if err := n.SetMode(ctx, client.MinePending); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for e, err := range n.Events(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		if tip, err := e.Tip(); err == nil && tip.Height == 1 {
			break
		}
	}
	if s := must[client.NodeStatus](t)(n.Status(ctx)); s.Mining.Mode != client.MinePending || s.Mining.Blocks.Best != 1 || s.Mining.Total == 0 {
		t.Errorf("%+v", s.Mining)
	}
	if err := n.SetMode(ctx, "sometimes"); !errors.Is(err, client.Status(400)) {
		t.Errorf("a mode that does not exist: %v", err)
	}
}

// TestRefusals has a real node refuse calls, and compares the words.
func TestRefusals(t *testing.T) {
	ctx := t.Context()
	n := startNode(t, node.Config{Token: "secret", PoolTxs: 1}, client.Config{Retries: -1})
	signed := must[block.Tx](t)(block.Sign([]byte(`{"author":"ben","content":"it was me"}`), ed25519.NewKeyFromSeed(make([]byte, 32)), time.Now()))
	tip := must[block.Block](t)(n.TipBlock(ctx))
	tip.Header.Prev = pow.Hash{1}
	for _, tc := range []struct {
		name string
		call func() error
		want []error
	}{
		{"no content", func() error { _, err := n.Post(ctx, "ann", ""); return err }, []error{client.Malformed, client.Status(400)}},
		{"no JSON", func() error { _, err := n.PostJSON(ctx, []byte("hello")); return err }, []error{client.Malformed}},
		{"too much", func() error { _, err := n.Post(ctx, "ann", strings.Repeat("x", 1<<20)); return err }, []error{block.TxOversize, client.Status(413)}},
		{"a forged text", func() error {
			_, err := n.PostJSON(ctx, []byte(strings.Replace(signed.String(), "me", "you", 1)))
			return err
		}, []error{block.TxBadSignature}},
		{"no token", func() error { _, err := n.Mine(ctx); return err }, []error{client.NoToken, client.Status(401)}},
		{"no such transaction", func() error { _, err := n.Tx(ctx, pow.Hash{1}); return err }, []error{client.NotFound, client.Status(404)}},
		{"no such height", func() error { _, err := n.BlockAt(ctx, 9); return err }, []error{client.NotFound}},
		{"a negative height", func() error { _, _, err := n.Headers(ctx, -1, 0); return err }, []error{client.BadRequest}},
		{"a block without work", func() error { _, err := n.AddBlock(ctx, tip); return err }, []error{client.Status(400)}},
		{"the first post", func() error { _, err := n.Post(ctx, "ann", "1"); return err }, nil},
		{"a full pool", func() error { _, err := n.Post(ctx, "ann", "2"); return err }, []error{client.MempoolFull, client.Status(503)}},
	} {
		err := tc.call()
		if (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v", tc.name, err)
		}
		for _, want := range tc.want {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v (%[2]T), want %v", tc.name, err, want)
			}
		}
	}
	with := must[*client.Client](t)(client.New(client.Config{URL: n.url, Token: "secret"}))
	defer with.Close()
	if m, err := with.Mine(ctx); err != nil || !m.Mined {
		t.Errorf("with the token: %+v, %v", m, err)
	}
}

// TestTwoNodes registers one node with another, and reads of it on both.
func TestTwoNodes(t *testing.T) {
	ctx := t.Context()
	a, b := startNode(t, node.Config{}, client.Config{}), startNode(t, node.Config{}, client.Config{})
	if err := b.Register(ctx, a.url); err != nil {
		t.Fatal(err)
	}
	for n, other := range map[*live]*live{a: b, b: a} {
		peers := must[[]client.Peer](t)(n.Peers(ctx))
		for n == a && len(peers) == 0 { // a lists b as soon as the answer of b has arrived
			time.Sleep(time.Millisecond)
			peers = must[[]client.Peer](t)(n.Peers(ctx))
		}
		if len(peers) != 1 || peers[0].Address != other.url || len(peers[0].Node) != 32 || peers[0].Seen < peers[0].Since {
			t.Errorf("%s has the peers %+v", n.url, peers)
		}
	}
	if err := b.Register(ctx, "junk"); !errors.Is(err, client.BadAddress) {
		t.Errorf("%v, want %s", err, client.BadAddress)
	}
	if err := b.Register(ctx, "http://127.0.0.1:1"); !errors.Is(err, client.NotConnected) || !errors.Is(err, client.Status(http.StatusBadGateway)) {
		t.Errorf("%v, want %s", err, client.NotConnected)
	}
}

// TestBlocksOfABrokenConnection reads a chain over connections that break again and
// again. Each block comes once, and in order.
func TestBlocksOfABrokenConnection(t *testing.T) {
	ctx := t.Context()
	n := startNode(t, node.Config{}, client.Config{})
	const blocks = 6
	for i := range blocks {
		must[client.Posted](t)(n.Post(ctx, "ann", fmt.Sprint(i)))
		must[client.Mined](t)(n.Mine(ctx))
	}
	transport := &cutting{most: 2500} // two blocks, more or less
	c := must[*client.Client](t)(client.New(client.Config{URL: n.url, Transport: transport, Retries: 2}))
	defer transport.CloseIdleConnections()
	next := int64(0)
	for b, err := range c.Blocks(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Height() != next {
			t.Fatalf("block %d came after %d", b.Height(), next-1)
		}
		if next > 0 && b.Txs[0].Content() != fmt.Sprint(next-1) {
			t.Errorf("block %d has the text %q", next, b.Txs[0].Content())
		}
		next++
	}
	if next != blocks+1 || transport.cuts.Load() == 0 {
		t.Errorf("%d blocks over %d broken connections, want %d", next, transport.cuts.Load(), blocks+1)
	}
	for b, err := range c.Blocks(ctx, 3) { // the loop can be left
		if err != nil || b.Height() != 3 {
			t.Errorf("%d, %v", b.Height(), err)
		}
		break
	}
	if beyond := collect(t, c, 100); beyond != 0 {
		t.Errorf("%d blocks beyond the tip", beyond)
	}
}

func collect(t *testing.T, c *client.Client, from int64) (blocks int) {
	for _, err := range c.Blocks(t.Context(), from) {
		if err != nil {
			t.Fatal(err)
		}
		blocks++
	}
	return blocks
}

// cutting is a transport whose answers break off after some bytes.
type cutting struct {
	http.Transport
	most int
	cuts atomic.Int64
}

// RoundTrip implements [http.RoundTripper].
func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.Transport.RoundTrip(r)
	if err == nil {
		body := resp.Body
		left := c.most
		resp.Body = readCloser{func(p []byte) (int, error) {
			if left == 0 {
				c.cuts.Add(1)
				return 0, errors.New("the cable was pulled")
			}
			n, err := body.Read(p[:min(len(p), left)])
			left -= n
			return n, err
		}, body.Close}
	}
	return resp, err
}

type readCloser struct {
	read  func(p []byte) (int, error)
	close func() error
}

// Read implements [io.Reader].
func (r readCloser) Read(p []byte) (int, error) { return r.read(p) }

// Close implements [io.Closer].
func (r readCloser) Close() error { return r.close() }

// TestEventsOfARestart follows a node that is restarted at the same address. The client
// connects again, and learns that it has missed events.
func TestEventsOfARestart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	data := t.TempDir()
	n := startNode(t, node.Config{Data: data}, client.Config{})
	events := make(chan client.Event)
	ended := make(chan error, 1)
	go func() {
		for e, err := range n.Events(ctx, "") {
			if err != nil {
				ended <- err
				return
			}
			select {
			case events <- e:
			case <-ctx.Done(): // nobody waits for what comes after the last one
			}
		}
	}()
	await := func(kind client.Kind, reconnected bool) client.Event {
		t.Helper()
		again := false
		for {
			select {
			case e := <-events:
				again = again || e.Reconnected
				if e.Kind == kind && again == reconnected {
					return e
				}
			case err := <-ended:
				t.Fatalf("the stream ended: %v", err)
			case <-time.After(time.Minute):
				t.Fatalf("no event %s in a minute", kind)
			}
		}
	}
	if tip, err := await(client.EventTip, false).Tip(); err != nil || tip.Height != 0 {
		t.Errorf("%+v, %v", tip, err)
	}
	must[client.Posted](t)(n.Post(ctx, "ann", "hello"))
	for {
		pool, err := await(client.EventPending, false).Pending()
		if err != nil {
			t.Fatal(err)
		}
		if pool.Transactions == 1 && pool.Bytes > 0 {
			break
		}
	}
	mined := must[client.Mined](t)(n.Mine(ctx))
	e := await(client.EventBlock, false)
	if tip, err := e.Tip(); err != nil || tip.Hash != mined.Hash || tip.Connected != 1 || e.ID == "" {
		t.Errorf("%+v with the data %s, %v", e, e.Data, err)
	}

	address := strings.TrimPrefix(n.url, "http://")
	n.stop()
	again := startNode(t, node.Config{Data: data, Listen: address}, client.Config{})
	if tip, err := await(client.EventTip, true).Tip(); err != nil || tip.Hash != mined.Hash {
		t.Errorf("after the restart: %+v, %v", tip, err)
	}
	await(client.EventReset, false) // again is a variable of each call
	must[client.Posted](t)(again.Post(ctx, "ann", "again"))
	second := must[client.Mined](t)(again.Mine(ctx))
	if tip, err := await(client.EventBlock, false).Tip(); err != nil || tip.Hash != second.Hash {
		t.Errorf("after the restart: %+v, %v", tip, err)
	}
	// A second stream resumes after the first block of this run of the node.
	for e, err := range again.Events(ctx, e.ID) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == client.EventReset {
			break
		}
		if !json.Valid(e.Data) {
			t.Errorf("the data of %s is no JSON: %s", e.Kind, e.Data)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the stream ended with %v", err)
	}
}

// TestPostOnce posts through a transport that loses the first answer. The node has the
// post once.
func TestPostOnce(t *testing.T) {
	n := startNode(t, node.Config{}, client.Config{})
	lossy := &losing{}
	defer lossy.CloseIdleConnections()
	c := must[*client.Client](t)(client.New(client.Config{URL: n.url, Transport: lossy}))
	posted := must[client.Posted](t)(c.Post(t.Context(), "ann", "hello"))
	status := must[client.NodeStatus](t)(c.Status(t.Context()))
	if lossy.lost.Load() != 1 || status.Mempool.Transactions != 1 {
		t.Errorf("%d transactions after %d lost answers", status.Mempool.Transactions, lossy.lost.Load())
	}
	if tx := must[client.Tx](t)(c.Tx(t.Context(), posted.ID)); !tx.Pending {
		t.Errorf("%+v", tx)
	}
}

// losing is a transport that loses the first answer after the node has given it.
type losing struct {
	http.Transport
	lost atomic.Int64
}

// RoundTrip implements [http.RoundTripper].
func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.Transport.RoundTrip(r)
	if err == nil && l.lost.CompareAndSwap(0, 1) {
		_ = resp.Body.Close()
		return nil, errors.New("the answer was lost")
	}
	return resp, err
}

// TestManyCallers uses one client in several goroutines.
func TestManyCallers(t *testing.T) {
	n := startNode(t, node.Config{}, client.Config{})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 10 {
				if _, err := n.Post(t.Context(), fmt.Sprint("author ", i), fmt.Sprint(j)); err != nil {
					t.Error(err)
				}
				if _, err := n.Status(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	count := 0
	for _, err := range n.Pending(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	if count != 80 {
		t.Errorf("%d transactions are pending, want 80", count)
	}
}
