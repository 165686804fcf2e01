package chain

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// countingStore counts the changes that are committed.
type countingStore struct {
	*MemStore
	commits int
}

func (s *countingStore) Commit(c Change) error {
	s.commits++
	return s.MemStore.Commit(c)
}

func (c chainTest) wantAll(blocks []block.Block, taken int, want error) {
	c.t.Helper()
	got, err := c.AcceptAll(blocks)
	if got != taken || (want == nil) != (err == nil) || want != nil && !errors.Is(err, want) {
		c.t.Fatalf("%d of %d blocks are taken, with the error %v; want %d and %v", got, len(blocks), err, taken, want)
	}
}

// A batch makes one change of the store, whether it extends the tip, stays beside the
// active branch or causes a reorg.
func TestAcceptAllWritesOnce(t *testing.T) {
	s := &countingStore{MemStore: NewMemStore()}
	c := openTest(t, Config{Params: rulestest.Easy(), Store: s})
	var events []Event
	c.Subscribe(func(e Event) { events = append(events, e) })
	told := record(c.Chain)
	once := func(what string) {
		t.Helper()
		if s.commits != 1 {
			t.Errorf("%s: %d changes of the store, want 1", what, s.commits)
		}
		s.commits = 0
	}
	one, two := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two")
	c.post(one)
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	for i := range 4 {
		a.Grow(1, []block.Tx{one, two, rulestest.MakeTx(t, "three"), rulestest.MakeTx(t, "four")}[i])
		b.Grow(1)
	}
	s.commits = 0
	c.wantAll(a.Blocks, 4, nil)
	once("on the tip")
	c.wantTip(a)
	c.wantPending()
	c.wantAll(a.Blocks, 4, nil)
	c.wantAll(nil, 0, nil)
	if s.commits != 0 {
		t.Errorf("%d changes of the store for known blocks", s.commits)
	}
	c.wantAll(b.Blocks[:2], 2, nil)
	once("beside")
	b.Grow(1, two)
	b.Grow(1)
	c.wantAll(b.Blocks, 6, nil)
	once("a branch that overtakes")
	c.wantTip(b)
	c.wantPending(one, a.Blocks[2].Txs[0], a.Blocks[3].Txs[0])

	if len(events) != 5 || events[0].Kind != EventTx || events[1].Kind != EventTip || len(events[1].Connected) != 4 ||
		events[2].Kind != EventSide || events[3].Kind != EventSide || events[4].Kind != EventReorg {
		t.Fatalf("events %v", events)
	}
	last := events[4]
	if last.Tip != b.State || len(last.Connected) != 6 || len(last.Disconnected) != 4 ||
		!slices.Equal(last.Returned, c.PendingIDs(0, 9)) {
		t.Errorf("event %+v", last)
	}
	if want := map[Outcome]int{Best: 8, Side: 2, Known: 6}; !maps.Equal(told.taken, want) {
		t.Errorf("told of %v, want %v", told.taken, want)
	}
	if told.placed != 10 || told.checked != 10 {
		t.Errorf("told of %d blocks checked and %d placed, want 10", told.checked, told.placed)
	}
}

// A batch ends at its first bad block. The blocks before that one stay.
func TestAcceptAllStopsAtABadBlock(t *testing.T) {
	p := rulestest.With(rulestest.Easy(), func(c *rules.Config) { c.Signatures = rules.SignaturesRequired })
	mutate := func(i int, f func(*block.Block)) func(*rulestest.Branch) {
		return func(b *rulestest.Branch) {
			for j := range 6 {
				made := b.Make(1)
				if j == i {
					f(&made)
					made = rulestest.Solve(made)
				}
				b.Put(made)
			}
		}
	}
	now := uint32(rulestest.Time.Unix())
	for _, tc := range []struct {
		name       string
		build      func(*rulestest.Branch)
		taken      int
		want       block.Reason
		remembered bool
	}{
		{"version", mutate(3, func(b *block.Block) { b.Header.Version = 1 }), 3, block.BadVersion, false},
		{"first", mutate(0, func(b *block.Block) { b.Header.Version = 1 }), 0, block.BadVersion, false},
		{"root", mutate(4, func(b *block.Block) { b.Header.MerkleRoot[0]++ }), 4, block.BadMerkleRoot, false},
		{"height", mutate(5, func(b *block.Block) {
			b.Coinbase.Height++
			b.Header.MerkleRoot, _ = block.MerkleRoot(b.IDs())
		}), 5, block.CoinbaseHeight, true},
		{"unsigned", mutate(2, func(b *block.Block) {
			b.Txs = []block.Tx{rulestest.MakeTx(t, "one")}
			b.Header.MerkleRoot, _ = block.MerkleRoot(b.IDs())
		}), 2, block.TxUnsigned, true},
		{"old", mutate(1, func(b *block.Block) { b.Header.Time = rules.GenesisTime }), 1, block.TimeTooOld, true},
		{"early", mutate(2, func(b *block.Block) { b.Header.Time = now + 7201 }), 2, block.TimeTooNew, false},
		{"parent", func(b *rulestest.Branch) { b.Grow(1); b.Grow(1); b.Blocks = b.Blocks[1:] }, 0, block.PrevNotFound, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := openTest(t, Config{Params: p})
			told := record(c.Chain)
			b := rulestest.NewBranch(p)
			tc.build(b)
			c.wantAll(b.Blocks, tc.taken, tc.want)
			if c.Len() != int64(tc.taken+1) || len(c.held.blocks) != 0 {
				t.Errorf("%d blocks, %d held", c.Len(), len(c.held.blocks))
			}
			bad := b.Blocks[tc.taken].Hash()
			if c.refused.has(bad) != tc.remembered {
				t.Errorf("remembered as invalid: %v", !tc.remembered)
			}
			if want := map[block.Reason]int{tc.want: 1}; !maps.Equal(told.refused, want) {
				t.Errorf("told of the refusals %v, want %v", told.refused, want)
			}
		})
	}
	c := openTest(t, Config{Params: rulestest.Easy()})
	b := rulestest.NewBranch(c.Params())
	for range 3 {
		b.Grow(1)
	}
	gap := []block.Block{b.Blocks[0], b.Blocks[2]}
	if taken, err := c.AcceptAll(gap); taken != 0 || err == nil || isRule(err) || c.Len() != 1 {
		t.Errorf("a batch with a gap: %d taken, %v", taken, err)
	}
}

// A batch would overtake the active branch with its block 3, and one of its blocks
// repeats a transaction of the branch. Wherever that block is, the batch ends as it
// would one by one.
func TestAcceptAllWithARepeatedTransaction(t *testing.T) {
	one := rulestest.MakeTx(t, "one")
	for _, tc := range []struct {
		repeats, taken int
		want           block.Reason
	}{
		{0, 3, block.BadPrev}, {1, 3, block.BadPrev}, {2, 3, block.BadPrev},
		{3, 3, block.TxAlreadyMined}, {4, 4, block.TxAlreadyMined},
	} {
		var ends [2]string
		for i := range ends {
			store := NewMemStore()
			c := openTest(t, Config{Params: rulestest.Easy(), Store: store})
			a := rulestest.NewBranch(c.Params())
			c.want(Best, a.Grow(1, one))
			b := a.Fork("b")
			for range 3 {
				c.want(Best, a.Grow(1))
			}
			for j := range 6 {
				if j == tc.repeats {
					b.Grow(1, one)
				} else {
					b.Grow(1)
				}
			}
			batch := b.Blocks[1:]
			if i == 0 {
				c.wantAll(batch, tc.taken, tc.want)
			} else {
				for _, made := range batch[:tc.taken] {
					if _, err := c.Accept(made); err != nil {
						t.Fatal(err)
					}
				}
				c.want(tc.want, batch[tc.taken])
			}
			invalid, _ := c.Header(batch[min(tc.repeats, 3)].Hash())
			if stored := tc.repeats < 3; invalid.Invalid != stored {
				t.Errorf("block %d repeats it: the block is marked invalid: %v, want %v", tc.repeats, invalid.Invalid, stored)
			}
			ends[i] = fmt.Sprint(stateOf(c.Chain, store), slices.SortedFunc(maps.Keys(c.refused.set), func(a, b pow.Hash) int { return bytes.Compare(a[:], b[:]) }))
		}
		if ends[0] != ends[1] {
			t.Errorf("block %d repeats it: the batch ends with\n%s\none by one\n%s", tc.repeats, ends[0], ends[1])
		}
	}
}

// If the store fails, the blocks that were known before count as taken, and the new
// ones do not.
func TestAcceptAllCountsKnownBlocksWhenTheStoreFails(t *testing.T) {
	n := 0
	s := &flakyStore{Store: NewMemStore(), fails: func() bool { n--; return n == 0 }}
	c := openTest(t, Config{Params: rulestest.Easy(), Store: s})
	a := rulestest.NewBranch(c.Params())
	for i := range 5 {
		a.Grow(1, rulestest.MakeTx(t, fmt.Sprint(i)))
	}
	c.wantAll(a.Blocks[:2], 2, nil)
	told := record(c.Chain)
	for fails := range 2 { // the look-up of the transactions, then the commit
		n = fails + 1
		c.wantAll(a.Blocks, 2, errFlaky)
	}
	c.wantAll(a.Blocks, 5, nil)
	c.wantTip(a)
	if want := map[Outcome]int{Known: 6, Best: 3}; !maps.Equal(told.taken, want) {
		t.Errorf("told of %v, want %v", told.taken, want)
	}
}

// A block of the batch has the wrong body, and another call stores it with the
// right one between the check and the plan. The batch still ends at that block.
func TestAcceptAllWhileItsBadBlockIsStored(t *testing.T) {
	var interrupt func()
	reads := 0
	c := openTest(t, Config{Params: rulestest.Easy(), Now: func() time.Time {
		// The clock is read when AcceptAll begins and when each check does.
		if reads++; interrupt != nil && reads == 3 {
			interrupt()
		}
		return rulestest.Now()
	}})
	a := rulestest.NewBranch(c.Params())
	for range 3 {
		a.Grow(1, rulestest.MakeTx(t, fmt.Sprint(a.Height)))
	}
	batch := slices.Clone(a.Blocks)
	batch[1].Txs = batch[0].Txs
	reads, interrupt = 0, func() {
		interrupt = nil
		c.want(Best, a.Blocks[0])
		c.want(Best, a.Blocks[1])
	}
	c.wantAll(batch, 1, block.BadMerkleRoot)
	if interrupt != nil || c.Len() != 3 {
		t.Errorf("%d blocks, want 3; interrupted: %v", c.Len(), interrupt == nil)
	}
	c.wantAll(batch, 1, block.BadMerkleRoot) // it is known now, but not with this body
	c.wantAll(a.Blocks, 3, nil)
	c.wantTip(a)
}
