package chain

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules/rulestest"
)

// recovered calls f and returns the value with which it panicked, or nil.
func recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// A subscriber that panics is not called again. The others get all events, and the
// caller can recover and go on to use the chain.
func TestSubscriberPanics(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	one, two, three := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two"), rulestest.MakeTx(t, "three")
	var got []string
	c.Subscribe(func(e Event) {
		got = append(got, "x "+e.Tx.Content())
		if e.Tx == one {
			c.post(two) // is delivered after the panic below
		}
	})
	wrong := errors.New("out of order")
	cancel := c.Subscribe(func(Event) { panic(wrong) })
	c.Subscribe(func(e Event) { got = append(got, "y "+e.Tx.Content()) })

	value := recovered(func() { c.post(one) })
	var p *SubscriberPanic
	if err, ok := value.(error); !ok || !errors.As(err, &p) || !errors.Is(err, wrong) {
		t.Fatalf("the post panicked with %v, want a SubscriberPanic with %v", value, wrong)
	}
	if text := p.Error(); !strings.Contains(text, "out of order") || !strings.Contains(text, "TestSubscriberPanics") {
		t.Errorf("the panic does not say where the subscriber failed: %s", text)
	}
	if want := []string{"x one", "y one", "x two", "y two"}; !slices.Equal(got, want) {
		t.Errorf("the other subscribers got %v, want %v", got, want)
	}
	c.wantPending(one, two)

	cancel() // of a subscriber that is cancelled already
	c.post(three)
	if want := []string{"x three", "y three"}; !slices.Equal(got[4:], want) {
		t.Errorf("after the panic the other subscribers got %v, want %v", got[4:], want)
	}
}

// Every method that changes the chain can be recovered from.
func TestSubscriberPanicsInEveryCall(t *testing.T) {
	now := rulestest.Now()
	c := openTest(t, Config{Params: rulestest.Easy(), Now: func() time.Time { return now }})
	branch := rulestest.NewBranch(c.Params())
	early := branch.Fork("early").Grow(3 * 60 * 60)
	for name, f := range map[string]func(){
		"AddTx":     func() { _, _ = c.AddTx(rulestest.MakeTx(t, "one")) },
		"Accept":    func() { _, _ = c.Accept(branch.Grow(1)) },
		"AcceptAll": func() { _, _ = c.AcceptAll([]block.Block{branch.Grow(1)}) },
		"RetryHeld": func() {
			c.want(Held, early)
			now = now.Add(4 * time.Hour)
			c.RetryHeld()
		},
	} {
		defer c.Subscribe(func(Event) { panic(name) })()
		if p, ok := recovered(f).(*SubscriberPanic); !ok || p.Value != any(name) {
			t.Errorf("%s panicked with %v, want the subscriber's panic", name, p)
		}
	}
	c.post(rulestest.MakeTx(t, "two"))
}

// A subscriber may end its goroutine, as a failing test does. The next change
// delivers the events that are left.
func TestSubscriberEndsItsGoroutine(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	one, two := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two")
	c.Subscribe(func(e Event) {
		if e.Tx == one {
			runtime.Goexit()
		}
	})
	var got []block.Tx
	c.Subscribe(func(e Event) { got = append(got, e.Tx) })
	var group sync.WaitGroup
	group.Go(func() { c.post(one) })
	group.Wait()
	c.post(two)
	if !slices.Equal(got, []block.Tx{two}) {
		t.Errorf("the other subscriber got %v, want the second event", got)
	}
}

// After an observer has panicked, the chain is usable and subscribers have every
// change that was made.
func TestObserverPanics(t *testing.T) {
	for name, o := range map[string]Observer{
		"BlockTaken":     {BlockTaken: func(Outcome) { panic("observer") }},
		"BlockChecked":   {BlockChecked: func(time.Duration) { panic("observer") }},
		"BlockPlaced":    {BlockPlaced: func(time.Duration) { panic("observer") }},
		"BlockConnected": {BlockConnected: func(time.Duration) { panic("observer") }},
		"TxTaken":        {TxTaken: func(TxOutcome) { panic("observer") }},
	} {
		t.Run(name, func(t *testing.T) {
			c := openTest(t, Config{Params: rulestest.Easy()})
			var tips int64
			var txs int
			c.Subscribe(func(e Event) {
				switch e.Kind {
				case EventTip:
					tips = e.Tip.Height
				case EventTx:
					txs++
				}
			})
			c.Observe(o)
			branch := rulestest.NewBranch(c.Params())
			panics := 0
			for range 3 {
				b := branch.Grow(1)
				if value := recovered(func() { _, _ = c.Accept(b) }); value != nil {
					panics++
				}
				if value := recovered(func() { _, _ = c.AddTx(rulestest.MakeTx(t, b.Hash().String())) }); value != nil {
					panics++
				}
			}
			if panics != 3 {
				t.Errorf("%d calls panicked, want 3", panics)
			}
			if tips != c.Tip().Height || txs != len(c.Pending(0, 10)) || txs != 3 {
				t.Errorf("the events tell of height %d and %d transactions; there are %d and %d", tips, txs, c.Tip().Height, len(c.Pending(0, 10)))
			}
		})
	}
}
