package chain

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

func TestEqualWorkKeepsFirstSeen(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	c.want(Best, a.Grow(1))
	c.want(Side, b.Grow(1))
	c.wantTip(a)
	c.want(Best, a.Grow(1))
	c.want(Side, b.Grow(1))
	c.wantTip(a)
	c.want(Best, b.Grow(1)) // more work than the tip
	c.wantTip(b)
	c.want(Side, a.Grow(1))
	c.wantTip(b)
	for _, made := range append(a.Blocks, b.Blocks...) {
		c.want(Known, made)
	}
}

func TestLongerLighterAndShorterHeavier(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Swift()})
	light := rulestest.NewBranch(c.Params())
	light.Grow(10)
	heavy := light.Fork("heavy")
	for range 6 {
		light.Grow(10)
	}
	for range 4 {
		heavy.Grow(1) // each takes twice the work of the one before
	}
	longer := light.Fork("longer")
	for range 3 {
		longer.Grow(10)
	}
	if heavy.Height >= light.Height || heavy.Work.Cmp(longer.Work) <= 0 {
		t.Fatalf("heights %d, %d, work %s, %s", heavy.Height, light.Height, heavy.Work, longer.Work)
	}

	for _, b := range light.Blocks {
		c.want(Best, b)
	}
	for _, b := range heavy.Blocks[1:4] { // the last one makes it heavier
		c.want(Side, b)
	}
	c.want(Best, heavy.Blocks[4])
	c.wantTip(heavy) // shorter and heavier
	for _, b := range longer.Blocks[7:] {
		c.want(Side, b)
	}
	c.wantTip(heavy) // longer and lighter
}

// The block in the middle of a branch repeats a transaction. This is found only when
// the branch is to become the active one.
func TestHeavierBranchWithABadMiddleIsRefusedWhole(t *testing.T) {
	store := NewMemStore()
	c := openTest(t, Config{Params: rulestest.Easy(), Store: store})
	one, two, three := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two"), rulestest.MakeTx(t, "three")
	a := rulestest.NewBranch(c.Params())
	c.want(Best, a.Grow(1, one))
	bad := a.Fork("bad")
	c.want(Best, a.Grow(1, two))
	c.want(Best, a.Grow(1))
	c.post(three)

	c.want(Side, bad.Grow(1, two))
	good := bad.Fork("good")
	c.want(Side, bad.Grow(1, one)) // one is mined below the fork
	bad.Grow(1, three)
	above := bad.Make(1)
	c.want(Held, above)
	c.want(block.BadPrev, bad.Blocks[3])
	c.wantTip(a)
	c.wantPending(three)
	c.want(block.DuplicateInvalid, bad.Blocks[2])
	c.want(block.DuplicateInvalid, bad.Blocks[3])
	c.want(block.DuplicateInvalid, above) // refused with its parent
	c.want(block.BadPrev, bad.Make(2))
	if info, ok := c.Header(bad.Blocks[2].Hash()); !ok || !info.Invalid || info.Active {
		t.Errorf("the bad block: %+v, %v", info, ok)
	}

	// A branch on the block below the bad one is good.
	c.want(Side, good.Grow(1))
	c.want(Best, good.Grow(1, three))
	c.wantTip(good)
	c.wantPending()

	// After a restart the chain has forgotten which blocks are invalid.
	c = openTest(t, Config{Params: rulestest.Easy(), Store: store})
	c.wantTip(good)
	// It finds out again when the branch has the most work.
	c.want(Side, bad.Blocks[3])
	c.want(block.BadPrev, above)
	c.wantTip(good)
}

// A bad block makes all blocks above it invalid, however high and on whatever branch,
// and no other blocks.
func TestAllAboveABadBlockIsInvalid(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	one := rulestest.MakeTx(t, "one")
	a := rulestest.NewBranch(c.Params())
	c.want(Best, a.Grow(1, one))
	bad := a.Fork("bad")
	for range 5 {
		c.want(Best, a.Grow(1))
	}
	c.want(Side, bad.Grow(1))
	good := bad.Fork("good")
	c.want(Side, bad.Grow(1, one)) // one is mined below the fork
	beside := bad.Fork("beside")
	c.want(Side, good.Grow(1))
	c.want(Side, bad.Grow(1))
	c.want(Side, beside.Grow(1))
	c.want(Side, good.Grow(1))
	c.want(Side, beside.Grow(1))
	c.want(Side, bad.Grow(1))
	c.want(Side, bad.Grow(1))
	c.want(block.BadPrev, bad.Make(1))
	c.wantTip(a)

	want := map[pow.Hash]bool{}
	for _, b := range slices.Concat(a.Blocks, bad.Blocks[:2], good.Blocks[2:]) {
		want[b.Hash()] = false
	}
	for _, b := range slices.Concat(bad.Blocks[2:], beside.Blocks[3:]) {
		want[b.Hash()] = true
	}
	for hash, invalid := range want {
		if info, ok := c.Header(hash); !ok || info.Invalid != invalid {
			t.Errorf("block at height %d: %v, invalid %v, want %v", info.Height, ok, info.Invalid, invalid)
		}
	}
	for _, b := range slices.Concat(bad.Blocks[2:], beside.Blocks[3:]) {
		c.want(block.DuplicateInvalid, b)
	}
	c.want(block.BadPrev, bad.Make(2))
	c.want(block.BadPrev, beside.Make(2))
	for range 2 {
		good.Grow(1)
	}
	c.want(Side, good.Blocks[4])
	c.want(Side, good.Blocks[5])
	c.want(Best, good.Grow(1))
	c.wantTip(good)
}

// The block with which a branch gets the most work is the one that repeats a
// transaction.
func TestBadTopIsRefused(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	one := rulestest.MakeTx(t, "one")
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	c.want(Best, a.Grow(1, one))
	c.want(block.TxAlreadyMined, a.Make(1, one))
	c.want(Side, b.Grow(1, one)) // on this branch it is new
	good := b.Fork("good")
	c.want(block.TxAlreadyMined, b.Grow(1, one))
	c.want(block.BadPrev, b.Grow(1))
	c.wantTip(a)
	c.want(Best, good.Grow(1))
	c.wantTip(good)
}

func TestReturnedTransactionsAreMinedAgainOnce(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy(), PoolTxs: 4})
	var txs []block.Tx
	for i := range 8 {
		txs = append(txs, rulestest.MakeTx(t, fmt.Sprint(i)))
	}
	var events []Event
	t.Cleanup(c.Subscribe(func(e Event) { events = append(events, e) }))

	c.post(txs[:4]...)
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	c.want(Best, a.Grow(1, txs[0], txs[1]))
	c.want(Best, a.Grow(1, txs[2], txs[7])) // the last one was never posted to this chain
	c.post(txs[4:6]...)
	c.wantPending(txs[3], txs[4], txs[5])

	c.want(Side, b.Grow(1))
	c.want(Side, b.Grow(1, txs[2], txs[4]))
	c.want(Best, b.Grow(1, txs[5]))
	c.wantTip(b)
	c.wantPending(txs[0], txs[1], txs[7], txs[3]) // the returned ones come first
	if _, err := c.AddTx(txs[6]); !errors.Is(err, ErrPoolFull) {
		t.Errorf("posted to a full mempool: %v", err)
	}
	if outcome, err := c.AddTx(txs[0]); outcome != TxKnown || err != nil {
		t.Errorf("posted a returned one: %s, %v", outcome, err)
	}
	last := events[len(events)-1]
	if last.Kind != EventReorg || last.Tip != b.State || len(last.Connected) != 3 || last.Connected[2] != b.Hash ||
		!slices.Equal(last.Disconnected, []pow.Hash{a.Blocks[1].Hash(), a.Blocks[0].Hash()}) {
		t.Errorf("event %+v", last)
	}

	template, err := c.Template(TemplateOptions{})
	if err != nil || !slices.Equal(template.Txs, c.Pending(0, 9)) {
		t.Errorf("template %v, %v", template.Txs, err)
	}
	made := template.Block(template.Job(1, 0).Header, 1)
	c.want(Best, rulestest.Solve(made))
	c.wantPending()
	if _, err := c.AddTx(txs[2]); !errors.Is(err, block.TxAlreadyMined) {
		t.Errorf("posted a mined one: %v", err)
	}
	template, err = c.Template(TemplateOptions{})
	if err != nil || len(template.Txs) != 0 {
		t.Errorf("template %v, %v", template.Txs, err)
	}
}

// Transactions that a reorg returns may exceed the bounds of the mempool.
func TestReturnedTransactionsPassTheBound(t *testing.T) {
	store := NewMemStore()
	c := openTest(t, Config{Params: rulestest.Easy(), Store: store, PoolTxs: 1})
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	var txs []block.Tx
	for i := range 5 {
		txs = append(txs, rulestest.MakeTx(t, fmt.Sprint(i)))
		c.post(txs[i])
		c.want(Best, a.Grow(1, txs[i]))
	}
	late := rulestest.MakeTx(t, "late")
	c.post(late)
	for range 6 {
		made := b.Grow(1)
		if _, err := c.Accept(made); err != nil {
			t.Fatal(err)
		}
	}
	c.wantTip(b)
	c.wantPending(append(txs, late)...)
	openTest(t, Config{Params: rulestest.Easy(), Store: store, PoolTxs: 1}).wantPending(append(txs, late)...)
}

// TestDeepReorg makes a reorg as deep as the one in the scenarios of Bitcoin Core and
// btcd. Its memory is bounded by the transactions that it returns.
func TestDeepReorg(t *testing.T) {
	const depth = 1088
	store := NewMemStore()
	c := openTest(t, Config{Params: rulestest.Easy(), Store: store})
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	filler := strings.Repeat("x", 10_000)
	var mined []block.Tx
	for i := range depth {
		txs := []block.Tx{rulestest.MakeTx(t, fmt.Sprint(i, " both ", filler)), rulestest.MakeTx(t, fmt.Sprint(i, " once "))}
		c.want(Best, a.Grow(1, txs...))
		c.want(Side, b.Grow(1, txs[0]))
		mined = append(mined, txs[1])
		a.Blocks, b.Blocks = nil, nil
	}

	last := b.Grow(1)
	told := record(c.Chain)
	var before, peak runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c.store = &watchedStore{Store: store, before: func() {
		runtime.GC()
		runtime.ReadMemStats(&peak)
	}}
	c.want(Best, last)
	c.store = store
	grown := int64(peak.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d blocks of 10 kB disconnected and as many connected: %d kB in memory at the commit", depth, grown>>10)
	if grown > depth*10_000/4 {
		t.Errorf("the heap has grown by %d bytes, as if bodies were kept", grown)
	}

	if tip := c.Tip(); tip != b.State {
		t.Fatalf("tip %d %s, want %d %s", tip.Height, tip.Hash, b.Height, b.Hash)
	}
	if got := c.Pending(0, 2*depth); !slices.Equal(got, mined) {
		t.Errorf("%d transactions are pending, want the %d of one branch in order", len(got), depth)
	}
	if !slices.Equal(told.reorgs, []int{depth}) {
		t.Errorf("told of reorgs of the depths %v, want one of %d", told.reorgs, depth)
	}
}

// watchedStore calls before ahead of every commit.
type watchedStore struct {
	Store
	before func()
}

func (s *watchedStore) Commit(c Change) error {
	s.before()
	return s.Store.Commit(c)
}
