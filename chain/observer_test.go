package chain

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
)

// counts is what an observer has been told.
type counts struct {
	taken           map[Outcome]int
	refused         map[block.Reason]int
	checked, placed int
	intervals       []time.Duration
	reorgs          []int
	moves           []TipMove

	txs          map[TxOutcome]int
	txRefused    map[block.Reason]int
	full, failed int
}

// record counts what the chain tells from now on, for tests that use the chain
// from one goroutine.
func record(c *Chain) *counts {
	n := &counts{
		taken: map[Outcome]int{}, refused: map[block.Reason]int{},
		txs: map[TxOutcome]int{}, txRefused: map[block.Reason]int{},
	}
	c.Observe(Observer{
		BlockTaken:     func(o Outcome) { n.taken[o]++ },
		BlockRefused:   func(r block.Reason) { n.refused[r]++ },
		BlockChecked:   func(time.Duration) { n.checked++ },
		BlockPlaced:    func(time.Duration) { n.placed++ },
		BlockConnected: func(interval time.Duration) { n.intervals = append(n.intervals, interval) },
		Reorg:          func(depth int) { n.reorgs = append(n.reorgs, depth) },
		TipMoved:       func(m TipMove) { n.moves = append(n.moves, m) },
		TxTaken:        func(o TxOutcome) { n.txs[o]++ },
		TxRefused:      func(r block.Reason) { n.txRefused[r]++ },
		TxFull:         func() { n.full++ },
		TxFailed:       func(error) { n.failed++ },
	})
	return n
}

// The observer learns once what became of a block, and a second time of a held block
// when it is placed. A block that was held has no time.
func TestObserverOfBlocks(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	c.Observe(Observer{}) // an observer may leave everything out
	n := record(c.Chain)
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	for range 3 {
		a.Grow(1)
	}
	c.want(Held, a.Blocks[1])
	c.want(Held, a.Blocks[2])
	if held := c.Stats().Held; held != 2 {
		t.Errorf("%d blocks are held, want 2", held)
	}
	c.want(Best, a.Blocks[0])
	if held := c.Stats().Held; held != 0 {
		t.Errorf("%d blocks are held, want none", held)
	}
	c.want(Known, a.Blocks[0])
	c.want(Side, b.Grow(1))
	bad := a.Make(1)
	bad.Header.Version = 1
	c.want(block.BadVersion, rulestest.Solve(bad))
	late := a.Make(1)
	late.Header.Time = rules.GenesisTime
	c.want(block.TimeTooOld, rulestest.Solve(late))

	if want := map[Outcome]int{Held: 2, Best: 3, Known: 1, Side: 1}; !maps.Equal(n.taken, want) {
		t.Errorf("told of %v, want %v", n.taken, want)
	}
	if want := map[block.Reason]int{block.BadVersion: 1, block.TimeTooOld: 1}; !maps.Equal(n.refused, want) {
		t.Errorf("told of the refusals %v, want %v", n.refused, want)
	}
	// Checked by themselves: three of a, one of b, and the one that is too old.
	if n.checked != 5 || n.placed != 2 {
		t.Errorf("%d blocks checked and %d placed, want 5 and 2", n.checked, n.placed)
	}
}

// Every block that joins the active branch has an interval, in a reorg too.
func TestObserverOfMoves(t *testing.T) {
	store := NewMemStore()
	c := openTest(t, Config{Params: rulestest.Easy(), Store: store})
	n := record(c.Chain)
	a := rulestest.NewBranch(c.Params())
	c.want(Best, a.Grow(1000))
	b := a.Fork("b")
	for range 15 {
		c.want(Best, a.Grow(30))
	}
	for range 15 {
		c.want(Side, b.Grow(30))
	}
	c.want(Best, b.Grow(7))
	c.want(Best, b.Make(0))

	want := []time.Duration{0} // the time of genesis is not from a clock
	for range 30 {
		want = append(want, 30*time.Second)
	}
	want = append(want, 7*time.Second, 0)
	if !slices.Equal(n.intervals, want) {
		t.Errorf("intervals %v, want %v", n.intervals, want)
	}
	moves := len(n.moves)
	if moves != 18 || slices.IndexFunc(n.moves, func(m TipMove) bool { return m.Rise != 1 || m.Waited || !m.At.Equal(rulestest.Time) }) >= 0 {
		t.Errorf("%d moves, want 18 by one block each: %+v", moves, n.moves)
	}
	if last := n.moves[moves-1].TipTime.Unix(); last != int64(b.Time) {
		t.Errorf("the time of the tip is %d, want %d", last, b.Time)
	}
	if !slices.Equal(n.reorgs, []int{15}) {
		t.Errorf("reorgs of the depths %v, want one of 15", n.reorgs)
	}
	if n.checked != 33 || n.placed != 33 {
		t.Errorf("%d blocks checked and %d placed, want 33", n.checked, n.placed)
	}

	again := openTest(t, Config{Params: rulestest.Easy(), Store: store})
	settled, _ := c.HashAt(10)
	for name, s := range map[string]Stats{"before": c.Stats(), "opened again": again.Stats()} {
		tip := c.Tip()
		if s.Tip != tip || s.NextBits != tip.NextBits(c.Params()) || s.Stale != 15 || s.SettledHeight != 10 || s.SettledHash != settled {
			t.Errorf("%s: stats %+v", name, s)
		}
	}
}

// An observer can tell blocks that have just come from a batch, from blocks that had to
// wait, and from those that are held back for a while.
func TestObserverOfWaitingBlocks(t *testing.T) {
	type move struct {
		rise   int
		waited bool
	}
	check := func(t *testing.T, n *counts, want ...move) {
		t.Helper()
		var got []move
		for _, m := range n.moves {
			got = append(got, move{m.Rise, m.Waited})
		}
		if !slices.Equal(got, want) {
			t.Errorf("moves %v, want %v", got, want)
		}
	}

	c := openTest(t, Config{Params: rulestest.Easy()})
	n := record(c.Chain)
	a := rulestest.NewBranch(c.Params())
	for range 6 {
		a.Grow(1)
	}
	if taken, err := c.AcceptAll(a.Blocks[:3]); taken != 3 || err != nil {
		t.Fatal(taken, err)
	}
	c.want(Held, a.Blocks[5])
	c.want(Held, a.Blocks[4])
	c.want(Best, a.Blocks[3])
	check(t, n, move{3, false}, move{1, false}, move{1, true}, move{1, true})

	h := newHeldBackTest(t, nil)
	n = record(h.Chain)
	h.HoldBack()
	*h.now = rulestest.Time.Add(time.Hour + 10*time.Second)
	h.RetryHeld()
	check(t, n, move{-2, true}, move{2, true})
}

// The settled block is at least six below the tip, at a multiple of ten.
func TestStatsOfASettledBlock(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	for height := range int64(30) {
		want := max(0, height-6) / 10 * 10
		hash, _ := c.HashAt(want)
		if s := c.Stats(); s.SettledHeight != want || s.SettledHash != hash {
			t.Errorf("height %d: the settled block is %d %s, want %d %s", height, s.SettledHeight, s.SettledHash, want, hash)
		}
		c.want(Best, a.Grow(1))
	}
}

func TestObserverOfTxs(t *testing.T) {
	failing := false
	store := &flakyStore{Store: NewMemStore(), fails: func() bool { return failing }}
	one, two, long := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two"), rulestest.MakeTx(t, strings.Repeat("x", 300))
	p := rulestest.With(rulestest.Easy(), func(c *rules.Config) { c.Limits.TxBytes = 200 })
	c := openTest(t, Config{Params: p, Store: store, PoolTxs: 1, PoolBytes: 1 << 10})
	n := record(c.Chain)
	c.post(one)
	if s := c.Stats(); s.PoolTxs != 1 || s.PoolBytes != one.Size() || s.MaxPoolTxs != 1 || s.MaxPoolBytes != 1<<10 {
		t.Errorf("stats %+v", s)
	}
	if outcome, err := c.AddTx(one); outcome != TxKnown || err != nil {
		t.Errorf("posted again: %s, %v", outcome, err)
	}
	if _, err := c.AddTx(two); !errors.Is(err, ErrPoolFull) {
		t.Errorf("posted to a full mempool: %v", err)
	}
	if _, err := c.AddTx(long); !errors.Is(err, block.TxOversize) {
		t.Errorf("posted too long: %v", err)
	}
	a := rulestest.NewBranch(c.Params())
	c.want(Best, a.Grow(1, one))
	if _, err := c.AddTx(one); !errors.Is(err, block.TxAlreadyMined) {
		t.Errorf("posted when mined: %v", err)
	}
	failing = true
	if _, err := c.AddTx(two); !errors.Is(err, errFlaky) {
		t.Errorf("posted to a store that fails: %v", err)
	}
	if want := map[TxOutcome]int{TxAdded: 1, TxKnown: 1}; !maps.Equal(n.txs, want) {
		t.Errorf("told of %v, want %v", n.txs, want)
	}
	if want := map[block.Reason]int{block.TxOversize: 1, block.TxAlreadyMined: 1}; !maps.Equal(n.txRefused, want) {
		t.Errorf("told of the refusals %v, want %v", n.txRefused, want)
	}
	if n.full != 1 || n.failed != 1 {
		t.Errorf("told %d times that the mempool is full and %d times that the store fails, want once each", n.full, n.failed)
	}
}
