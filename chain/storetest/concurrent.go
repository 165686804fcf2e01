package storetest

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// Changes that come at the same time are all made, and readers see each as soon as
// its Commit has returned.
func testConcurrent(f *fixture) {
	const posters, each, blocks = 8, 20, 20
	g := genesis()
	f.commit(chain.Change{Blocks: []block.Block{g}, Connect: []pow.Hash{g.Hash()}})

	want := contents{tip: g.Hash(), blocks: []block.Block{g}, mined: map[pow.Hash]pow.Hash{}}
	for i := range blocks {
		b := makeChild(want.blocks[i], "a", tx(f, fmt.Sprint("mined ", i)))
		want.blocks = append(want.blocks, b)
		want.tip = b.Hash()
		want.mined[b.Txs[0].ID()] = b.Hash()
	}
	pending := map[uint64]block.Tx{}
	for i := range uint64(posters * each) {
		pending[i] = tx(f, fmt.Sprint("pending ", i))
	}
	for _, seq := range slices.Sorted(maps.Keys(pending)) {
		if seq%3 != 0 { // every third transaction is removed again
			want.pending = append(want.pending, chain.Pending{Seq: seq, Tx: pending[seq]})
		}
	}

	var wg sync.WaitGroup
	for p := range uint64(posters) {
		wg.Go(func() {
			for i := p * each; i < (p+1)*each; i++ {
				err := f.store.Commit(chain.Change{AddPending: []chain.Pending{{Seq: i, Tx: pending[i]}}})
				if err == nil && i%3 == 0 {
					err = f.store.Commit(chain.Change{RemovePending: []uint64{i}})
				}
				if err != nil {
					f.Errorf("pending %d: %v", i, err)
				}
			}
		})
	}
	wg.Go(func() {
		for _, b := range want.blocks[1:] {
			if err := f.store.Commit(chain.Change{Blocks: []block.Block{b}, Connect: []pow.Hash{b.Hash()}}); err != nil {
				f.Errorf("block: %v", err)
			}
			// A committed change can be read at once.
			if hash, err := f.store.FindTx(b.Txs[0].ID()); err != nil || hash != b.Hash() {
				f.Errorf("transaction of block %d: %s, %v", b.Height(), hash, err)
			}
			if _, err := f.store.Block(b.Hash()); err != nil {
				f.Error(err)
			}
		}
	})
	wg.Wait()
	f.store = f.reopen(f.store)
	f.want(want)
}
