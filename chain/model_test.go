package chain

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// model is a simple chain to compare with. It keeps every block that it was given and
// computes everything anew each time.
type model struct {
	p         rules.Params
	delivered map[pow.Hash]modelBlock
	seen      map[pow.Hash]bool // transactions that were posted, or on the active branch at some time
	tip       pow.Hash
}

type modelBlock struct {
	block.Block
	bad  bool // breaks a rule by itself or in its place
	time int64
}

// valid reports whether the block and all blocks below it are valid. It returns the
// work and the transactions of the branch that ends with the block.
func (m *model) valid(hash pow.Hash, now time.Time) (work *big.Int, txs map[pow.Hash]bool, ok bool) {
	genesis := m.p.GenesisState()
	if hash == genesis.Hash {
		return genesis.Work.Big(), map[pow.Hash]bool{}, true
	}
	b, ok := m.delivered[hash]
	if !ok || b.bad || b.time > now.Unix()+int64(m.p.Limits().FutureSeconds) {
		return nil, nil, false
	}
	work, txs, ok = m.valid(b.Header.Prev, now)
	if !ok {
		return nil, nil, false
	}
	for _, tx := range b.Txs {
		if txs[tx.ID()] {
			return nil, nil, false
		}
		txs[tx.ID()] = true
	}
	target, _, _ := b.Header.Bits.Decode()
	return work.Add(work, target.Work().Big()), txs, true
}

// best returns the work of the heaviest valid branch.
func (m *model) best(now time.Time) *big.Int {
	best := m.p.GenesisState().Work.Big()
	for hash := range m.delivered {
		if work, _, ok := m.valid(hash, now); ok && work.Cmp(best) > 0 {
			best = work
		}
	}
	return best
}

// check compares the chain with the model.
func (m *model) check(t *rapid.T, c *Chain, now time.Time) {
	tip := c.Tip()
	best := m.best(now)
	work, mined, ok := m.valid(tip.Hash, now)
	if !ok {
		t.Fatalf("the tip %s is not valid", tip.Hash)
	}
	if work.Cmp(best) != 0 || tip.Work.Big().Cmp(best) != 0 {
		t.Fatalf("tip %s with work %s, that is %s, the best is %s", tip.Hash, tip.Work.Big(), work, best)
	}
	if old, _, _ := m.valid(m.tip, now); tip.Hash != m.tip && old.Cmp(best) == 0 {
		t.Fatalf("tip %s, but %s with as much work was there first", tip.Hash, m.tip)
	}
	m.tip = tip.Hash
	pending := map[pow.Hash]bool{}
	for _, tx := range c.Pending(0, 1000) {
		if pending[tx.ID()] || mined[tx.ID()] {
			t.Fatalf("%s is pending twice or mined", tx)
		}
		pending[tx.ID()] = true
	}
	maps.Copy(m.seen, mined)
	for _, b := range m.delivered {
		for _, tx := range b.Txs {
			// When several held blocks are placed at once, a block may have been
			// connected and disconnected again, which returned its transactions.
			if pending[tx.ID()] {
				m.seen[tx.ID()] = true
			}
		}
	}
	for id := range m.seen {
		if !pending[id] && !mined[id] {
			t.Fatalf("transaction %s is lost", id)
		}
		place, err := c.FindTx(id)
		if err != nil || place.Pending != pending[id] {
			t.Fatalf("transaction %s: %+v, %v", id, place, err)
		}
	}
	if len(pending)+len(mined) != len(m.seen) {
		t.Fatalf("%d pending and %d mined, of %d seen", len(pending), len(mined), len(m.seen))
	}
}

// slow returns a network whose blocks differ in work and stay easy for some dozen
// blocks.
func slow() rules.Params {
	return rulestest.With(rulestest.Swift(), func(c *rules.Config) { c.Difficulty.HalfLife = 100 })
}

// drawBlocks makes a random tree of blocks, some of them bad.
func drawBlocks(t *rapid.T, p rules.Params, txs []block.Tx, now time.Time) []modelBlock {
	branches := []*rulestest.Branch{rulestest.NewBranch(p)}
	bad := []bool{false}
	var blocks []modelBlock
	for i := range rapid.IntRange(1, 25).Draw(t, "blocks") {
		// The parent is one of the latest blocks, so that branches get long.
		parent := len(branches) - 1 - rapid.IntRange(0, min(len(branches)-1, 6)).Draw(t, "parent")
		b := branches[parent].Fork(fmt.Sprint(i))
		var body []block.Tx
		for j, tx := range txs {
			if rapid.IntRange(0, 9).Draw(t, fmt.Sprint("tx ", j)) == 0 {
				body = append(body, tx)
			}
		}
		made := b.Make(rapid.Uint32Range(1, 12).Draw(t, "seconds"), body...)
		isBad := false
		switch rapid.IntRange(0, 12).Draw(t, "kind") {
		case 0:
			isBad = true
			made.Coinbase.Height++
			made.Header.MerkleRoot, _ = block.MerkleRoot(made.IDs())
		case 1:
			isBad = true
			made.Header.Time = b.MedianTimePast() // too old
		case 2:
			made.Header.Time = max(uint32(now.Unix())+p.Limits().FutureSeconds+5, b.MedianTimePast()+1)
		}
		made = rulestest.Solve(made)
		b.Put(made)
		branches = append(branches, b)
		bad = append(bad, bad[parent] || isBad)
		blocks = append(blocks, modelBlock{Block: made, bad: isBad, time: int64(made.Header.Time)})
	}
	return blocks
}

// The blocks of a random tree are delivered in any order, some more than once, with
// posts in between. After each step the chain agrees with the model.
func TestChainAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]rules.Params{rulestest.Easy(), slow()}).Draw(t, "network")
		now := rulestest.Time
		txs := make([]block.Tx, 8)
		for i := range txs {
			txs[i], _ = block.ParseTx(fmt.Appendf(nil, `{"author":"a","content":"%d","timestamp":1}`, i))
		}
		blocks := drawBlocks(t, p, txs, now)
		order := rapid.Permutation(append(slices.Clone(blocks), blocks[:len(blocks)/3]...)).Draw(t, "order")

		store := NewMemStore()
		open := func() *Chain {
			c, err := Open(Config{Params: p, Store: store, Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		c := open()
		m := &model{p: p, delivered: map[pow.Hash]modelBlock{}, seen: map[pow.Hash]bool{}, tip: c.Tip().Hash}
		m.check(t, c, now)
		for i, b := range order {
			if i == len(order)*3/4 {
				now = now.Add(10 * time.Second) // the time of the early blocks has come
				c.RetryHeld()
				m.check(t, c, now)
			}
			if rapid.IntRange(0, 3).Draw(t, "post") == 0 {
				tx := rapid.SampledFrom(txs).Draw(t, "tx")
				outcome, err := c.AddTx(tx)
				if known := m.seen[tx.ID()]; known && outcome == TxAdded || !known && (outcome != TxAdded || err != nil) {
					t.Fatalf("post: %s, %v; seen before: %v", outcome, err, known)
				}
				m.seen[tx.ID()] = true
			}
			m.delivered[b.Hash()] = b
			outcome, err := c.Accept(b.Block)
			if err != nil && !isRule(err) {
				t.Fatal(err)
			}
			t.Logf("block %s at %d on %.8s: %s, %v; %d transactions", b.Coinbase.Tag, b.Height(), b.Header.Prev.String()[56:], outcome, err, len(b.Txs))
			if b.bad && err == nil && outcome != Held {
				t.Fatalf("a bad block is %s", outcome)
			}
			if outcome == Best && c.Tip().Work.Cmp(p.GenesisState().Work) == 0 {
				t.Fatal("best, but the tip is genesis")
			}
			m.check(t, c, now)
		}
		reopened := open()
		if reopened.Tip() != c.Tip() || !slices.Equal(reopened.Pending(0, 1000), c.Pending(0, 1000)) {
			t.Fatalf("opened again: %+v, want %+v", reopened.Tip(), c.Tip())
		}
	})
}

// flakyStore fails a call, without doing anything, if fails returns true.
type flakyStore struct {
	Store
	fails func() bool
}

var errFlaky = fmt.Errorf("flaky: %w", ErrNoSpace)

func (s *flakyStore) Commit(c Change) error {
	if s.fails() {
		return errFlaky
	}
	return s.Store.Commit(c)
}

func (s *flakyStore) Block(hash pow.Hash) ([]byte, error) {
	if s.fails() {
		return nil, errFlaky
	}
	return s.Store.Block(hash)
}

func (s *flakyStore) FindTx(id pow.Hash) (pow.Hash, error) {
	if s.fails() {
		return pow.Hash{}, errFlaky
	}
	return s.Store.FindTx(id)
}

func (s *flakyStore) FindTxs(ids []pow.Hash) ([]pow.Hash, error) {
	if s.fails() {
		return nil, errFlaky
	}
	return s.Store.FindTxs(ids)
}

// The store fails now and then. When a call fails, the chain is as it was before, and
// in any case it agrees with the store. When the store works again, everything can be
// delivered.
func TestStoreFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rulestest.Easy()
		mem := NewMemStore()
		failing := false
		store := &flakyStore{Store: mem, fails: func() bool {
			return failing && rapid.IntRange(0, 2).Draw(t, "fails") == 0
		}}
		c, err := Open(Config{Params: p, Store: store, Now: rulestest.Now})
		if err != nil {
			t.Fatal(err)
		}
		txs := make([]block.Tx, 4)
		for i := range txs {
			txs[i], _ = block.ParseTx(fmt.Appendf(nil, `{"author":"a","content":"%d","timestamp":1}`, i))
		}
		blocks := drawBlocks(t, p, txs, rulestest.Time)
		m := &model{p: p, delivered: map[pow.Hash]modelBlock{}, seen: map[pow.Hash]bool{}, tip: c.Tip().Hash}
		for range 3 {
			for _, b := range blocks {
				failing = true
				before, pending := c.Tip(), c.Pending(0, 100)
				if rapid.Bool().Draw(t, "post") {
					tx := rapid.SampledFrom(txs).Draw(t, "tx")
					if outcome, err := c.AddTx(tx); outcome != 0 {
						m.seen[tx.ID()] = true
					} else if err == nil {
						t.Fatal("neither outcome nor error")
					} else if !slices.Equal(pending, c.Pending(0, 100)) {
						t.Fatalf("pending %v after a failure, before %v", c.Pending(0, 100), pending)
					}
				}
				pending = c.Pending(0, 100)
				quiet := len(c.held.blocks) == 0 // so that no held block is placed as well
				outcome, err := c.Accept(b.Block)
				failing = false
				if errors.Is(err, errFlaky) && outcome != 0 {
					t.Fatalf("outcome %s and %v", outcome, err)
				}
				if outcome != Best && quiet && (c.Tip() != before || !slices.Equal(pending, c.Pending(0, 100))) {
					t.Fatalf("%s (%v) has changed the tip", outcome, err)
				}
				again, err := Open(Config{Params: p, Store: mem, Now: rulestest.Now})
				if err != nil {
					t.Fatal(err)
				}
				if again.Tip() != c.Tip() || !slices.Equal(again.Pending(0, 100), c.Pending(0, 100)) {
					t.Fatalf("opened again: tip %+v, pending %v; before: %+v, %v",
						again.Tip(), again.Pending(0, 100), c.Tip(), c.Pending(0, 100))
				}
			}
		}
		for _, b := range blocks {
			m.delivered[b.Hash()] = b
			if _, err := c.Accept(b.Block); err != nil && !isRule(err) {
				t.Fatal(err)
			}
		}
		c.RetryHeld()
		m.tip = c.Tip().Hash
		m.check(t, c, rulestest.Time)
	})
}
