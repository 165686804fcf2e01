package chain

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"

	"pgregory.net/rapid"

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
				blk := b.Make(1)
				if j == i {
					f(&blk)
					blk = rulestest.Solve(blk)
				}
				b.Put(blk)
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
	c.wantAll(batch, 3, nil) // now it is known, and the body of a known block is not looked at
	c.wantTip(a)
}

// stateOf describes everything in a chain and its store except the numbers of the
// pending transactions.
func stateOf(c *Chain, s *MemStore) string {
	infos := map[pow.Hash]HeaderInfo{}
	for i := range c.tree.count {
		hash := c.tree.at(i).hash
		infos[hash], _ = c.Header(hash)
	}
	var pending []block.Tx
	for _, seq := range slices.Sorted(maps.Keys(s.pending)) {
		pending = append(pending, s.pending[seq])
	}
	var raw []string
	for hash, b := range s.blocks {
		raw = append(raw, fmt.Sprintf("%s %x", hash, b))
	}
	slices.Sort(raw)
	return fmt.Sprintf("tip %+v\ninfos %v\npending %v\nstored pending %v\nstored tip %s\nindex %v\nheld %v\nblocks %v",
		c.Tip(), infos, c.Pending(0, 1000), pending, s.tip, s.txs, c.held.order, raw)
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

// drawBatch returns some of the blocks such that each is the parent of the next.
func drawBatch(t *rapid.T, blocks []modelBlock) []block.Block {
	byHash := map[pow.Hash]block.Block{}
	for _, b := range blocks {
		byHash[b.Hash()] = b.Block
	}
	b := rapid.SampledFrom(blocks).Draw(t, "last").Block
	var batch []block.Block
	for range rapid.IntRange(1, 8).Draw(t, "batch") {
		batch = append(batch, b)
		below, ok := byHash[b.Header.Prev]
		if !ok {
			break
		}
		b = below
	}
	slices.Reverse(batch)
	return batch
}

// A batch leads to the same chain, store and memory of refused blocks as the same
// blocks one by one.
func TestAcceptAllIsAcceptOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]rules.Params{rulestest.Easy(), slow()}).Draw(t, "network")
		now := rulestest.Now
		txs := make([]block.Tx, 6)
		for i := range txs {
			txs[i], _ = block.ParseTx(fmt.Appendf(nil, `{"author":"a","content":"%d","timestamp":1}`, i))
		}
		blocks := drawBlocks(t, p, txs, rulestest.Time)
		stores := [2]*MemStore{NewMemStore(), NewMemStore()}
		var chains [2]*Chain
		for i := range chains {
			var err error
			if chains[i], err = Open(Config{Params: p, Store: stores[i], Now: now}); err != nil {
				t.Fatal(err)
			}
		}
		all, single := chains[0], chains[1]
		f := follow(all)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				tx := rapid.SampledFrom(txs).Draw(t, "tx")
				for _, c := range chains {
					_, _ = c.AddTx(tx)
				}
			case 1:
				b := rapid.SampledFrom(blocks).Draw(t, "block").Block
				for _, c := range chains {
					_, _ = c.Accept(b)
				}
			default:
				batch := drawBatch(t, blocks)
				taken, err := all.AcceptAll(batch)
				acceptSingly(t, single, batch, taken, err)
			}
			if got, want := stateOf(all, stores[0]), stateOf(single, stores[1]); got != want {
				t.Fatalf("batches:\n%s\none by one:\n%s", got, want)
			}
			if !maps.Equal(all.refused.set, single.refused.set) {
				t.Fatalf("refused blocks: %v from batches, %v one by one", all.refused.set, single.refused.set)
			}
			f.check(t, all)
		}
	})
}

// acceptSingly accepts one by one the blocks of a batch that AcceptAll has handled,
// and checks that their outcomes are the same.
func acceptSingly(t *rapid.T, c *Chain, batch []block.Block, taken int, errAll error) {
	for i, b := range batch {
		if i == taken && (errors.Is(errAll, block.PrevNotFound) || errors.Is(errAll, block.TimeTooNew)) {
			return // Accept would hold it
		}
		outcome, err := c.Accept(b)
		if i < taken {
			if err != nil || outcome == Held {
				t.Fatalf("block %d is taken from a batch; by itself it is %s (%v)", i, outcome, err)
			}
			continue
		}
		// If the store failed after the verdict, the batch was tried again, and the
		// block is refused because of the first verdict.
		if err == nil || errAll == nil || err.Error() != errAll.Error() && !errors.Is(errAll, block.DuplicateInvalid) {
			t.Fatalf("block %d is refused with %v; by itself it is %s (%v)", i, errAll, outcome, err)
		}
		return
	}
	if errAll != nil {
		t.Fatalf("all are taken, and the error is %v", errAll)
	}
}

// When the store fails, nothing has changed. Trying again until the store works leads
// to the same chain as a store that never fails.
func TestAcceptAllWhenTheStoreFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rulestest.Easy()
		mem, other := NewMemStore(), NewMemStore()
		failing := false
		store := &flakyStore{Store: mem, fails: func() bool {
			return failing && rapid.IntRange(0, 3).Draw(t, "fails") == 0
		}}
		c, err := Open(Config{Params: p, Store: store, Now: rulestest.Now})
		if err != nil {
			t.Fatal(err)
		}
		reference, err := Open(Config{Params: p, Store: other, Now: rulestest.Now})
		if err != nil {
			t.Fatal(err)
		}
		txs := make([]block.Tx, 4)
		for i := range txs {
			txs[i], _ = block.ParseTx(fmt.Appendf(nil, `{"author":"a","content":"%d","timestamp":1}`, i))
		}
		blocks := drawBlocks(t, p, txs, rulestest.Time)
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			batch := drawBatch(t, blocks)
			for tries := 0; ; tries++ {
				before, pending, stored := c.Tip(), c.Pending(0, 100), len(mem.blocks)
				failing = tries < 5
				taken, err := c.AcceptAll(batch)
				failing = false
				if errors.Is(err, errFlaky) {
					if c.Tip() != before || !slices.Equal(pending, c.Pending(0, 100)) || len(mem.blocks) != stored {
						t.Fatalf("%v has changed the chain", err)
					}
					again, err := Open(Config{Params: p, Store: mem, Now: rulestest.Now})
					if err != nil {
						t.Fatal(err)
					}
					if again.Tip() != c.Tip() || !slices.Equal(again.Pending(0, 100), c.Pending(0, 100)) {
						t.Fatalf("opened again: tip %+v, before %+v", again.Tip(), c.Tip())
					}
					continue
				}
				acceptSingly(t, reference, batch, taken, err)
				break
			}
		}
		if got, want := stateOf(c, mem), stateOf(reference, other); got != want {
			t.Fatalf("with failures:\n%s\nwithout:\n%s", got, want)
		}
	})
}
