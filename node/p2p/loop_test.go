package p2p

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// runNetwork runs a network until the test ends or stop is called.
func runNetwork(t *testing.T, n *Network) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// receive waits for a value from a channel. Only a test that fails reaches the time
// limit.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was sent within 20 s")
	}
	panic("unreachable")
}

// TestEffects checks that the network carries out each kind of effect and reports
// the outcome to the state machine.
func TestEffects(t *testing.T) {
	source, c := newTestChain(t), newTestChain(t)
	blocks := source.grow(3, 0)
	added := source.tx("added")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", typeJSON)
		_ = json.NewEncoder(w).Encode(testGreeting(source))
	}))
	defer server.Close()

	events := make(chan gossip.Event, 100)
	n := newTestNetwork(t, testConfig(c))
	s := &script{onStep: func(_ time.Time, ev gossip.Event) []gossip.Effect {
		switch ev := ev.(type) {
		case gossip.Wake:
			return nil
		case gossip.Changed:
			return nil
		case gossip.Connect:
			events <- ev
			return []gossip.Effect{
				gossip.Send{ID: 11, To: ev.Address, Request: gossip.Hello{Greeting: testGreeting(c)}, Timeout: 10 * time.Second},
				gossip.Send{ID: 12, To: "http://127.0.0.1:1", Request: gossip.GetAddresses{}, Timeout: 10 * time.Second},
				gossip.Accept{ID: 13, Blocks: append(slices.Clone(blocks), block.Block{Header: pow.Header{Prev: blocks[2].Hash()}})},
				gossip.AddTxs{ID: 14, Txs: []block.Tx{added, blocks[0].Txs[0], added}},
				gossip.Connected{ID: ev.ID, Err: errors.New("as the script says")},
				gossip.Connected{ID: 999}, // nobody waits for it
				gossip.Reply{ID: 999},
			}
		}
		events <- ev
		return nil
	}}
	s.set(n)
	runNetwork(t, n)
	if err := n.Connect(t.Context(), gossip.Address(server.URL), true); err == nil || err.Error() != "as the script says" {
		t.Errorf("error %v", err)
	}
	for range 5 {
		switch ev := receive(t, events).(type) {
		case gossip.Connect:
			if !ev.Keep || string(ev.Address) != server.URL {
				t.Errorf("%+v", ev)
			}
		case gossip.Answered:
			switch ev.ID {
			case 11:
				if w, ok := ev.Answer.(gossip.Welcome); ev.Err != nil || !ok || w.Greeting != testGreeting(source) {
					t.Errorf("%+v", ev)
				}
			case 12:
				var f gossip.Fault
				if ev.Answer != nil || ev.Err == nil || errors.As(ev.Err, &f) {
					t.Errorf("%+v", ev)
				}
			}
		case gossip.Accepted:
			if ev.ID != 13 || ev.Taken != 3 || ev.Err == nil || c.Tip().Hash != blocks[2].Hash() {
				t.Errorf("%+v, the tip is %s", ev, c.Tip().Hash)
			}
		case gossip.Added:
			if ev.ID != 14 || len(ev.Errs) != 3 || ev.Errs[0] != nil || ev.Errs[2] != nil {
				t.Errorf("%+v", ev)
			}
			if _, ok := c.FindPending(added.ID()); !ok {
				t.Error("the transaction is not pending")
			}
		}
	}
}

// TestChanges passes the events of the chain to the state machine in order.
func TestChanges(t *testing.T) {
	c := newTestChain(t)
	n := newTestNetwork(t, testConfig(c))
	told := make(chan chain.Event, 10_000)
	(&script{onStep: func(_ time.Time, ev gossip.Event) []gossip.Effect {
		if ev, ok := ev.(gossip.Changed); ok {
			told <- *ev.Event
		}
		return nil
	}}).set(n)
	ready := make(chan struct{})
	n.changes.add(chain.Event{}) // the loop runs once the script gets this
	go func() { receive(t, told); close(ready) }()
	runNetwork(t, n)
	<-ready
	for i := range 1000 {
		tx := c.post(string(rune('a'+i%26)) + time.Duration(i).String())
		if ev := receive(t, told); ev.Kind != chain.EventTx || ev.Tx.ID() != tx.ID() {
			t.Fatalf("%v, want %s", ev, tx)
		}
	}
	b := c.mine(1)
	if ev := receive(t, told); ev.Kind != chain.EventTip || ev.Tip.Hash != b.Hash() {
		t.Error(ev)
	}
}

// TestChangesOverflow adds more events than the queue takes: take reports that some
// are lost.
func TestChangesOverflow(t *testing.T) {
	c := newChanges(3)
	ev := func(height int64) chain.Event {
		return chain.Event{Kind: chain.EventTip, Tip: rules.State{Height: height}}
	}
	take := func(most int, lost bool, heights ...int64) {
		t.Helper()
		events, got := c.take(most)
		var at []int64
		for _, e := range events {
			at = append(at, e.Tip.Height)
		}
		if got != lost || !slices.Equal(at, heights) {
			t.Errorf("events %v, lost %v, want %v, %v", at, got, heights, lost)
		}
	}
	take(10, false)
	c.add(ev(1))
	c.add(ev(2))
	c.add(ev(3))
	<-c.wake
	take(2, false, 1, 2)
	<-c.wake // there is more
	c.add(ev(4))
	take(2, false, 3, 4)
	for i := range int64(5) {
		c.add(ev(10 + i))
	}
	take(10, true)
	c.add(ev(20))
	take(10, false, 20)
}

// TestLostChanges checks the event that replaces the lost ones: it has the tip and
// all pending transactions.
func TestLostChanges(t *testing.T) {
	c := newTestChain(t)
	c.grow(2, 3)
	n := newTestNetwork(t, testConfig(c))
	told := make(chan chain.Event, 10)
	(&script{onStep: func(_ time.Time, ev gossip.Event) []gossip.Effect {
		if ev, ok := ev.(gossip.Changed); ok {
			told <- *ev.Event
		}
		return nil
	}}).set(n)
	for range maxChanges + 1 {
		n.changes.add(chain.Event{Kind: chain.EventTx})
	}
	runNetwork(t, n)
	if ev := receive(t, told); ev.Kind != chain.EventReorg || ev.Tip.Hash != c.Tip().Hash || !slices.Equal(ev.Returned, c.PendingIDs(0, 10)) || len(ev.Returned) != 3 {
		t.Errorf("%+v", ev)
	}
}

// TestTooManySends asks for more requests than may be under way at once. The others
// fail at once.
func TestTooManySends(t *testing.T) {
	config := testConfig(newTestChain(t))
	config.Limits.Sends = 2
	n := newTestNetwork(t, config)
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer server.Close()
	answered := make(chan gossip.Answered, 10)
	var once sync.Once
	(&script{onStep: func(_ time.Time, ev gossip.Event) (effects []gossip.Effect) {
		if ev, ok := ev.(gossip.Answered); ok {
			answered <- ev
		}
		once.Do(func() {
			for id := range gossip.ID(5) {
				effects = append(effects, gossip.Send{ID: id, To: gossip.Address(server.URL), Request: gossip.GetAddresses{}, Timeout: time.Minute})
			}
		})
		return effects
	}}).set(n)
	runNetwork(t, n)
	for _, id := range []gossip.ID{2, 3, 4} {
		if ev := receive(t, answered); ev.ID != id || !errors.Is(ev.Err, errTooManySends) {
			t.Errorf("%+v, want %d to fail", ev, id)
		}
	}
	close(hold)
	for range 2 {
		if ev := receive(t, answered); errors.Is(ev.Err, errTooManySends) {
			t.Errorf("%+v", ev)
		}
	}
}

// TestShutdown stops a network while requests to peers hang, requests of other nodes
// wait for an answer, and callers wait for a connection. Goroutines that are left
// over would be reported by goleak.
func TestShutdown(t *testing.T) {
	config := testConfig(newTestChain(t))
	config.Book = filepath.Join(t.TempDir(), "peers.json")
	n := newTestNetwork(t, config)
	arrived, hold := make(chan struct{}, 10), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-hold }))
	defer server.Close()
	defer close(hold)
	asked := make(chan gossip.Event, 10)
	(&script{book: []gossip.Entry{{Address: "http://a:1"}}, onStep: func(_ time.Time, ev gossip.Event) []gossip.Effect {
		switch ev := ev.(type) {
		case gossip.Connect:
			return []gossip.Effect{gossip.Send{ID: 1, To: ev.Address, Request: gossip.GetAddresses{}, Timeout: time.Hour}}
		case gossip.Incoming:
			asked <- ev
		}
		return nil
	}}).set(n)
	stop := runNetwork(t, n)
	connected, answered := make(chan error, 1), make(chan int, 1)
	go func() { connected <- n.Connect(context.Background(), gossip.Address(server.URL), false) }()
	receive(t, arrived)
	go func() { answered <- call(n, "POST", "/p2p/hello", helloBody(t, n)).Code }()
	receive(t, asked)
	start := time.Now()
	stop()
	if err := receive(t, connected); !errors.Is(err, ErrStopped) {
		t.Errorf("connect: %v", err)
	}
	if code := receive(t, answered); code != http.StatusServiceUnavailable {
		t.Errorf("hello: status %d", code)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the shutdown took %v, want at most 5 s", took)
	}
	if err := n.Connect(t.Context(), "http://a:1", false); !errors.Is(err, ErrStopped) {
		t.Errorf("connect after the end: %v", err)
	}
	if text, err := os.ReadFile(config.Book); err != nil || !json.Valid(text) {
		t.Errorf("the address book: %s, %v", text, err)
	}
}

// TestConnectDeadline checks that Connect returns when its context ends.
func TestConnectDeadline(t *testing.T) {
	n := newTestNetwork(t, testConfig(newTestChain(t)))
	(&script{}).set(n)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := n.Connect(ctx, "http://a:1", false); !errors.Is(err, context.DeadlineExceeded) { // the network does not run
		t.Error(err)
	}
	runNetwork(t, n)
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := n.Connect(ctx, "http://a:1", false); !errors.Is(err, context.DeadlineExceeded) { // the state machine reports no outcome
		t.Error(err)
	}
}

// TestWakes checks that the state machine is woken when it asks for it, and after
// longestSleep in any case.
func TestWakes(t *testing.T) {
	config := testConfig(newTestChain(t))
	config.Now = time.Now
	n := newTestNetwork(t, config)
	woken := make(chan time.Time, 100)
	(&script{
		onStep: func(now time.Time, _ gossip.Event) []gossip.Effect { woken <- now; return nil },
		next:   func() time.Time { return time.Now().Add(20 * time.Millisecond) },
	}).set(n)
	stop := runNetwork(t, n)
	first := receive(t, woken)
	if second := receive(t, woken); second.Sub(first) < 10*time.Millisecond {
		t.Errorf("woken after %v", second.Sub(first))
	}
	stop()
	for _, next := range []time.Time{{}, time.Now().Add(time.Hour)} {
		(&script{next: func() time.Time { return next }}).set(n)
		if got := n.sleep(); got != longestSleep {
			t.Errorf("sleep until %v: %v", next, got)
		}
	}
	(&script{next: func() time.Time { return time.Now().Add(-time.Hour) }}).set(n)
	if got := n.sleep(); got != 0 {
		t.Errorf("sleep until an hour ago: %v", got)
	}
}
