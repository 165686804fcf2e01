package own

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/mine"
)

// submit solves the work of an offer and submits it.
func submit(t testing.TB, s *Source, o mine.Offer) {
	t.Helper()
	if o.Work == nil {
		t.Fatal("there is no work")
	}
	if outcome, err := s.Submit(t.Context(), solve(t, o.Work, 0)); outcome != mine.Accepted {
		t.Fatal(outcome, err)
	}
}

// checkWaits fails if a call has been answered. The answer to a call is given before
// Submit and Offer return.
func checkWaits(t testing.TB, c *call) {
	t.Helper()
	if closed(c.done) {
		t.Errorf("the call has been answered: %+v", c)
	}
}

// checkMined fails unless a call has been answered with a block of these transactions.
func checkMined(t testing.TB, c *call, txs ...block.Tx) {
	t.Helper()
	if !closed(c.done) {
		t.Fatal("the call has not been answered")
	}
	if !c.mined || c.err != nil || !slices.Equal(c.block.Txs, txs) {
		t.Errorf("mined %v, %d transactions, %v; want a block of %d transactions", c.mined, len(c.block.Txs), c.err, len(txs))
	}
}

// A call that comes while a block is being mined is answered by that block only if it
// contains what was pending when the call came.
func TestCallGetsItsTransactions(t *testing.T) {
	for _, mode := range []Mode{OnDemand, Pending, Continuous} {
		c := openChain(t, easy(t))
		// In the mode Continuous a source waits until the clock has passed the block.
		s := newSource(t, Config{Chain: c, Mode: mode, Now: func() time.Time { return time.Now().Add(time.Hour) }})
		a := post(t, c, "a")
		first := s.join()
		older := offer(t, s)
		same := s.join()
		if closed(older.Newer) {
			t.Errorf("%s: a call whose transaction is in the work asked for newer work", mode)
		}

		b := post(t, c, "b")
		second := s.join()
		submit(t, s, older)
		checkMined(t, first, a)
		checkMined(t, same, a)
		checkWaits(t, second)

		newer := offer(t, s)
		third := s.join()
		if closed(newer.Newer) {
			t.Errorf("%s: a call whose transaction is in the work asked for newer work", mode)
		}
		submit(t, s, newer)
		checkMined(t, second, b)
		checkMined(t, third, b)
		if o := offer(t, s); mode != Continuous && o.Work != nil {
			t.Errorf("%s: there is work, though every call has been answered", mode)
		}
	}
}

// A block of newer work answers the calls that older work would have answered, too.
func TestNewerWorkAnswersEarlierCalls(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c})
	a := post(t, c, "a")
	first := s.join()
	older := offer(t, s)
	b := post(t, c, "b")
	second := s.join()
	if !closed(older.Newer) || closed(older.Stale) {
		t.Error("the miner is not asked to take newer work at its convenience")
	}
	newer := offer(t, s)
	submit(t, s, newer)
	checkMined(t, first, a, b)
	checkMined(t, second, a, b)
	if o := offer(t, s); o.Work != nil {
		t.Error("there is work, though every call has been answered")
	}
}

// Both works have been offered when a block of the older one is found, as it happens
// if two miners share the source.
func TestOlderWorkAnswersOnlyItsCalls(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c})
	a := post(t, c, "a")
	first := s.join()
	older := offer(t, s)
	b := post(t, c, "b")
	second := s.join()
	offer(t, s)
	submit(t, s, older)
	checkMined(t, first, a)
	checkWaits(t, second)
	submit(t, s, offer(t, s))
	checkMined(t, second, b)
}

// The search goes on for a caller that has left.
func TestRunOutlivesItsCalls(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c})
	post(t, c, "a")
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := s.Mine(gone); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	older := offer(t, s)
	b := post(t, c, "b")
	if _, _, err := s.Mine(gone); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if len(s.calls) != 0 {
		t.Errorf("%d calls are kept, want none: their callers have left", len(s.calls))
	}
	submit(t, s, older)
	submit(t, s, offer(t, s))
	if place, err := c.FindTx(b.ID()); err != nil || place.Pending {
		t.Errorf("the transaction of the second caller: %+v, %v; want it in a block", place, err)
	}
	if o := offer(t, s); o.Work != nil {
		t.Error("the search goes on after the last block that was asked for")
	}
}

// If more is pending than a block can hold, a call gets the block that was filled
// after it came.
func TestCallGetsFullBlock(t *testing.T) {
	p := rulestest.With(easy(t), func(c *rules.Config) {
		c.Name = "narrow"
		c.Limits.BlockTxs = 1
	})
	c := openChain(t, p)
	s := newSource(t, Config{Chain: c})
	a := post(t, c, "a")
	first := s.join()
	o := offer(t, s)
	b := post(t, c, "b")
	second := s.join()
	again := offer(t, s)
	if again.Work.ID != o.Work.ID {
		t.Fatal("the full block has become another work")
	}
	third := s.join()
	submit(t, s, again)
	checkMined(t, first, a)
	checkMined(t, second, a)
	checkWaits(t, third) // the work was offered before it came
	submit(t, s, offer(t, s))
	checkMined(t, third, b)
}

// A transaction is in the mempool before its event has been delivered, so a call does
// not rely on the events.
func TestCallBeforeTheEvent(t *testing.T) {
	c := openChain(t, easy(t))
	told, reached := make(chan struct{}), make(chan struct{})
	var first sync.Once
	t.Cleanup(c.Subscribe(func(ev chain.Event) {
		if ev.Kind == chain.EventTx && ev.Tx.Author() == "bob" {
			first.Do(func() {
				close(reached)
				<-told
			})
		}
	}))
	s := newSource(t, Config{Chain: c})
	a := post(t, c, "a")
	one := s.join()
	o := offer(t, s)
	var posting sync.WaitGroup
	posting.Go(func() { postBy(t, c, "bob", "b") })
	<-reached
	if closed(o.Newer) {
		t.Fatal("the event was not held up")
	}
	two := s.join()
	if !closed(o.Newer) {
		t.Error("the call has not asked for newer work")
	}
	submit(t, s, o)
	checkMined(t, one, a)
	checkWaits(t, two)
	close(told)
	posting.Wait()
	submit(t, s, offer(t, s))
	if !closed(two.done) || len(two.block.Txs) != 1 {
		t.Errorf("%+v", two)
	}
}

// A miner that asks for work while the chain takes a block does not make the source
// tell the callers, who wait for that block, that there was nothing to mine.
func TestOfferDuringSubmit(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c})
	var idle mine.Offer
	t.Cleanup(c.Subscribe(func(ev chain.Event) {
		if ev.Kind == chain.EventTip {
			idle = offer(t, s)
		}
	}))
	a := post(t, c, "a")
	one := s.join()
	submit(t, s, offer(t, s))
	checkMined(t, one, a)
	if idle.Work != nil || idle.Newer == nil || !closed(idle.Newer) {
		t.Errorf("%+v, want an offer without work that has ended", idle)
	}
}

// A call that comes after the block has been found, and before the source knows, is
// not answered with that block.
func TestCallBetweenBlocks(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c})
	var late *call
	t.Cleanup(c.Subscribe(func(ev chain.Event) {
		if ev.Kind == chain.EventTip && late == nil {
			late = s.join()
		}
	}))
	a := post(t, c, "a")
	one := s.join()
	submit(t, s, offer(t, s))
	checkMined(t, one, a)
	checkWaits(t, late)
	if o := offer(t, s); o.Work != nil {
		t.Error("there is work without a transaction")
	}
	if !closed(late.done) || late.mined || late.err != nil {
		t.Errorf("%+v, want nothing to mine", late)
	}
}

// A run that ends because nothing is pending is over: a transaction that arrives later
// is not mined before somebody asks.
func TestEmptyRunIsOver(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c})
	one := s.join()
	offer(t, s)
	if !closed(one.done) || one.mined || one.err != nil {
		t.Errorf("%+v, want nothing to mine", one)
	}
	post(t, c, "later")
	if o := offer(t, s); o.Work != nil {
		t.Error("there is work that nobody has asked for")
	}
}

// A run ends with the block that answers the last call. A transaction that arrives
// later is not mined before somebody asks.
func TestAnsweredRunIsOver(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c})
	a := post(t, c, "a")
	one := s.join()
	submit(t, s, offer(t, s))
	checkMined(t, one, a)
	post(t, c, "later")
	if o := offer(t, s); o.Work != nil {
		t.Error("there is work that nobody has asked for")
	}
}

// Newer work that was made without a call does not prolong the run: the block of the
// older work answers everybody.
func TestUnaskedWorkDoesNotProlongTheRun(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c})
	a := post(t, c, "a")
	one := s.join()
	older := offer(t, s)
	post(t, c, "b")
	if newer := offer(t, s); newer.Work == nil || newer.Work.ID == older.Work.ID {
		t.Fatal("the new transaction has not made newer work")
	}
	submit(t, s, older)
	checkMined(t, one, a)
	if o := offer(t, s); o.Work != nil {
		t.Error("there is work that nobody has asked for")
	}
}

// A call may find that the latest work, which nobody had asked for, contains what it
// wants. A block of older work then neither answers the call nor ends the run.
func TestCallJoinsNewerWork(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c})
	a := post(t, c, "a")
	one := s.join()
	older := offer(t, s)
	b := post(t, c, "b")
	newer := offer(t, s)
	two := s.join()
	if closed(newer.Newer) {
		t.Error("a call whose transaction is in the work asked for newer work")
	}
	submit(t, s, older)
	checkMined(t, one, a)
	checkWaits(t, two)
	submit(t, s, offer(t, s))
	checkMined(t, two, b)
}

// After a search has failed, the next call asks the miner to begin again, even if the
// latest work contains everything.
func TestCallAfterFailure(t *testing.T) {
	store := &full{Store: chain.NewMemStore()}
	c, err := chain.Open(chain.Config{Params: easy(t), Store: store})
	if err != nil {
		t.Fatal(err)
	}
	s := newSource(t, Config{Chain: c})
	a := post(t, c, "a")
	failed := s.join()
	o := offer(t, s)
	store.isFull = true
	if outcome, err := s.Submit(t.Context(), solve(t, o.Work, 0)); outcome != mine.Unanswered {
		t.Fatal(outcome, err)
	}
	if !closed(failed.done) || !errors.Is(failed.err, chain.ErrNoSpace) {
		t.Errorf("%+v, want %v", failed, chain.ErrNoSpace)
	}
	store.isFull = false
	if closed(o.Newer) {
		t.Error("there is newer work, though nobody has asked")
	}
	next := s.join()
	if !closed(o.Newer) || closed(o.Stale) {
		t.Error("the miner is not asked to begin again")
	}
	submit(t, s, offer(t, s))
	checkMined(t, next, a)
}

// The tip changes before its event has been delivered. A call that comes in between
// does not take the work on the old tip for its own, though as many transactions are
// pending as that work contains.
func TestCallOnNewTipBeforeTheEvent(t *testing.T) {
	c := openChain(t, easy(t))
	told, reached := make(chan struct{}), make(chan struct{})
	var first sync.Once
	t.Cleanup(c.Subscribe(func(ev chain.Event) {
		if ev.Kind == chain.EventTip {
			first.Do(func() {
				close(reached)
				<-told
			})
		}
	}))
	s := newSource(t, Config{Chain: c})
	a := post(t, c, "a")
	one := s.join()
	o := offer(t, s)
	b := theirs(t, c)
	var accepting sync.WaitGroup
	accepting.Go(func() { accept(t, c, b) })
	<-reached
	if closed(o.Newer) {
		t.Fatal("the event was not held up")
	}
	two := s.join()
	if !closed(o.Newer) {
		t.Error("the call has not asked for newer work")
	}
	close(told)
	accepting.Wait()
	submit(t, s, offer(t, s))
	checkMined(t, one, a)
	checkMined(t, two, a)
}

// A caller that leaves takes only its own call with it.
func TestOtherCallsWaitOn(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c})
	a := post(t, c, "a")
	one := s.join()
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := s.Mine(gone); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	submit(t, s, offer(t, s))
	checkMined(t, one, a)
}

// What is logged as the time that a block took is the time on its parent: newer work on
// the same parent does not shorten it, and a new tip begins it anew.
func TestTook(t *testing.T) {
	for _, tc := range []struct {
		what   string
		newTip bool
		took   string
	}{
		{"one parent", false, "took=7s"},
		{"a new tip meanwhile", true, "took=4s"},
	} {
		now := time.Now()
		var out bytes.Buffer
		c := openChain(t, easy(t))
		s := newSource(t, Config{Chain: c, Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&out, nil))})
		post(t, c, "a")
		s.join()
		offer(t, s)
		now = now.Add(3 * time.Second)
		post(t, c, "b")
		if tc.newTip {
			accept(t, c, theirs(t, c))
		}
		o := offer(t, s)
		now = now.Add(4 * time.Second)
		submit(t, s, o)
		if got := out.String(); !strings.Contains(got, tc.took+"\n") {
			t.Errorf("%s: logged %s, want %s", tc.what, got, tc.took)
		}
	}
}

// A run that has not offered any work has not taken any time, and neither has a run
// that does not exist.
func TestTookNothing(t *testing.T) {
	now := time.Now()
	var none *run
	if got := none.took(now); got != 0 {
		t.Errorf("without a run: %v", got)
	}
	if got := (&run{}).took(now); got != 0 {
		t.Errorf("before the first work: %v", got)
	}
}
