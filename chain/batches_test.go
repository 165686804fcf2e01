package chain

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

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
