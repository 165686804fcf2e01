package chain

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// While an event is being delivered, other changes only add theirs to the queue.
func TestEventsComeOneAtATime(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	one, two, three := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two"), rulestest.MakeTx(t, "three")
	entered, proceed := make(chan struct{}), make(chan struct{})
	var inside, told atomic.Int32
	var got []block.Tx
	c.Subscribe(func(e Event) {
		if inside.Add(1) != 1 {
			t.Errorf("the event of %s is delivered while another one is", e.Tx)
		} else {
			got = append(got, e.Tx)
		}
		if e.Tx == one {
			close(entered)
			<-proceed
		}
		told.Add(1)
		inside.Add(-1)
	})
	first := c.postLater(one)
	<-entered
	c.post(two, three) // these calls return at once and leave their events to the first one
	if n := told.Load(); n != 0 {
		t.Errorf("%d events were delivered meanwhile, want none", n)
	}
	close(proceed)
	if posted := <-first; posted.err != nil {
		t.Error(posted.err)
	}
	if n := told.Load(); n != 3 || !slices.Equal(got, []block.Tx{one, two, three}) {
		t.Errorf("%d events were delivered: %v", n, got)
	}
}

// An event that a subscriber causes is delivered, to every subscriber, after the event
// that the subscriber was called with.
func TestEventsOfASubscriber(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	one, two := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two")
	var got []string
	c.Subscribe(func(e Event) {
		got = append(got, "x "+e.Tx.Content())
		if e.Tx == one {
			c.post(two)
		}
	})
	c.Subscribe(func(e Event) { got = append(got, "y "+e.Tx.Content()) })
	c.post(one)
	if want := []string{"x one", "y one", "x two", "y two"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

// Blocks and posts come from many goroutines. Each event follows from the state after
// the one before it, and no event is lost.
func TestEventsComeInOrder(t *testing.T) {
	const miners, posters, each = 3, 4, 40
	c := openTest(t, Config{Params: rulestest.Easy()})
	var inside atomic.Int32
	at := []pow.Hash{c.Tip().Hash} // the active branch, as far as the events tell
	var pending []block.Tx
	kinds := map[EventKind]int{}
	told := map[pow.Hash]bool{} // blocks with an event
	c.Subscribe(func(e Event) {
		if inside.Add(1) != 1 {
			t.Error("two events at once")
			return
		}
		defer inside.Add(-1)
		kinds[e.Kind]++
		for _, hash := range e.Disconnected {
			if at[len(at)-1] != hash {
				t.Errorf("block %s is disconnected, the tip is %s", hash, at[len(at)-1])
			}
			at = at[:len(at)-1]
		}
		at = append(at, e.Connected...)
		for _, hash := range append(e.Connected, e.Block) {
			told[hash] = true
		}
		if e.Tip.Hash != at[len(at)-1] || e.Tip.Height != int64(len(at)-1) {
			t.Errorf("%s: tip %d %s, want %d %s", e.Kind, e.Tip.Height, e.Tip.Hash, len(at)-1, at[len(at)-1])
		}
		if e.Kind == EventTx {
			pending = append(pending, e.Tx)
		}
	})

	var wg sync.WaitGroup
	for m := range uint64(miners) {
		wg.Go(func() {
			for i := range uint64(each) {
				if m == 0 {
					replaceTip(t, c.Chain, 1<<40|i<<8)
					continue
				}
				template, err := c.Template(TemplateOptions{Empty: true})
				if err != nil {
					t.Error(err)
					return
				}
				extranonce := m<<32 | i
				if _, err := c.Accept(rulestest.Solve(template.Block(template.Job(extranonce, 0).Header, extranonce))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for p := range posters {
		wg.Go(func() {
			for i := range each {
				if _, err := c.AddTx(rulestest.MakeTx(t, fmt.Sprint(p, " ", i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if c.Tip().Hash != at[len(at)-1] || len(pending) != posters*each || kinds[EventTx] != posters*each {
		t.Errorf("the events end with the tip %s and %d transactions", at[len(at)-1], len(pending))
	}
	delete(told, pow.Hash{})
	if stored := int(c.tree.count) - 1; len(told) != stored {
		t.Errorf("there were events for %d blocks, and %d are stored", len(told), stored)
	}
	t.Logf("events %v", kinds)
}

// A queue that is never empty takes no more memory than the events that wait in it need,
// although any number of events passes through it. The order stays the same.
func TestQueueIsBounded(t *testing.T) {
	for _, waiting := range []int{1, 10, keptEvents - 1, keptEvents, 3 * keptEvents} {
		var e events
		e.subscribe(func(Event) {})
		for i := range waiting {
			e.add(Event{Tip: rules.State{Height: int64(i)}})
		}
		for i := range 30 * keptEvents {
			e.add(Event{Tip: rules.State{Height: int64(waiting + i)}})
			ev, _, ok := e.next()
			if !ok || ev.Tip.Height != int64(i) {
				t.Fatalf("%d events wait: after %d others comes %d (%v)", waiting, i, ev.Tip.Height, ok)
			}
		}
		if most := 4 * (waiting + keptEvents); cap(e.queue) > most {
			t.Errorf("%d events wait, and the queue has room for %d, want at most %d", waiting, cap(e.queue), most)
		}
	}
}

func TestEvents(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	var got []string
	note := func(name string) func(Event) {
		return func(e Event) {
			if c.Tip() != e.Tip { // a subscriber may call the chain
				t.Errorf("tip %+v, want %+v", e.Tip, c.Tip())
			}
			got = append(got, fmt.Sprintf("%s %s %d +%d -%d", name, e.Kind, e.Tip.Height, len(e.Connected), len(e.Disconnected)))
		}
	}
	cancel := c.Subscribe(note("x"))
	c.post(rulestest.MakeTx(t, "one"))
	c.want(Best, a.Grow(1))
	c.want(Side, b.Grow(1))
	cancel()
	c.Subscribe(note("y"))
	c.want(Best, b.Grow(1))
	want := "[x tx 0 +0 -0 x tip 1 +1 -0 x side 1 +0 -0 y reorg 2 +2 -1]"
	if fmt.Sprint(got) != want {
		t.Errorf("events %v, want %s", got, want)
	}
}

// follower follows a chain by its events alone.
type follower struct {
	active  []pow.Hash
	pending map[pow.Hash]bool
}

func follow(c *Chain) *follower {
	f := &follower{active: []pow.Hash{c.Tip().Hash}, pending: map[pow.Hash]bool{}}
	c.Subscribe(func(e Event) {
		f.active = append(f.active[:len(f.active)-len(e.Disconnected)], e.Connected...)
		for _, id := range e.Returned {
			f.pending[id] = true
		}
		for _, hash := range e.Connected {
			b, err := c.Block(hash)
			if err != nil {
				panic(err)
			}
			for _, tx := range b.Txs {
				delete(f.pending, tx.ID())
			}
		}
		if e.Kind == EventTx {
			f.pending[e.Tx.ID()] = true
		}
	})
	return f
}

func (f *follower) check(t *rapid.T, c *Chain) {
	for height, hash := range f.active {
		if got, _ := c.HashAt(int64(height)); got != hash || c.Len() != int64(len(f.active)) {
			t.Fatalf("height %d: the events tell of %s, the chain has %s", height, hash, got)
		}
	}
	ids := c.PendingIDs(0, 1000)
	for _, id := range ids {
		if !f.pending[id] || !c.HasPending(id) {
			t.Fatalf("transaction %s is pending, and no event tells of it", id)
		}
	}
	if len(ids) != len(f.pending) {
		t.Fatalf("%d transactions are pending, %d by the events", len(ids), len(f.pending))
	}
}
