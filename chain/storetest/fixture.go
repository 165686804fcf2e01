package storetest

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// fixture is a store under test.
type fixture struct {
	*testing.T
	store  chain.Store
	reopen func(chain.Store) chain.Store
}

// commit commits a change, which must succeed, and reopens the store.
func (f *fixture) commit(c chain.Change) {
	f.Helper()
	if err := f.store.Commit(c); err != nil {
		f.Fatalf("commit: %v", err)
	}
	f.store = f.reopen(f.store)
}

// contents is everything that can be read from a store.
type contents struct {
	tip     pow.Hash
	blocks  []block.Block         // of all branches, in any order
	mined   map[pow.Hash]pow.Hash // the block of each transaction of the active branch
	pending []chain.Pending       // in order of Seq
}

// want compares what can be read from the store with what should be there.
func (f *fixture) want(want contents) {
	f.Helper()
	at := map[pow.Hash]int{}
	tip, pending, err := f.store.Load(func(h pow.Header) error {
		if _, ok := at[h.Prev]; !ok && h.Prev != (pow.Hash{}) {
			f.Errorf("block %s comes before its parent", h.Hash())
		}
		if _, ok := at[h.Hash()]; ok {
			f.Errorf("block %s comes twice", h.Hash())
		}
		at[h.Hash()] = len(at)
		return nil
	})
	if err != nil {
		f.Fatalf("load: %v", err)
	}
	if tip != want.tip {
		f.Errorf("tip %s, want %s", tip, want.tip)
	}
	if !slices.Equal(pending, want.pending) {
		f.Errorf("pending %v, want %v", pending, want.pending)
	}
	if len(at) != len(want.blocks) {
		f.Errorf("%d headers, want %d", len(at), len(want.blocks))
	}
	txs := map[pow.Hash]bool{}
	for _, b := range want.blocks {
		if _, ok := at[b.Hash()]; !ok {
			f.Errorf("header %s is missing", b.Hash())
		}
		raw, err := f.store.Block(b.Hash())
		if wantRaw := encode(f, b); err != nil || !slices.Equal(raw, wantRaw) {
			f.Errorf("block %s: %x (%v), want %x", b.Hash(), raw, err, wantRaw)
		}
		for _, tx := range b.Txs {
			txs[tx.ID()] = true
		}
	}
	ids := append(slices.Collect(maps.Keys(txs)), pow.Hash{31: 1}, pow.Hash{0: 255})
	all, err := f.store.FindTxs(ids)
	if err != nil || len(all) != len(ids) {
		f.Fatalf("%d of %d transactions (%v)", len(all), len(ids), err)
	}
	for i, id := range ids {
		if all[i] != want.mined[id] {
			f.Errorf("transaction %s in block %s, want %s", id, all[i], want.mined[id])
		}
		got, err := f.store.FindTx(id)
		if hash, ok := want.mined[id]; ok && (err != nil || got != hash) {
			f.Errorf("transaction %s in block %s (%v), want %s", id, got, err, hash)
		} else if !ok && !errors.Is(err, chain.ErrNotFound) {
			f.Errorf("transaction %s in block %s (%v), want it not found", id, got, err)
		}
	}
	f.wantOwners(want)
}

// wantOwners compares the lists of the transactions of every owner with those of the
// blocks on the active branch.
func (f *fixture) wantOwners(want contents) {
	f.Helper()
	blocks := map[pow.Hash]block.Block{}
	lists := map[chain.TxOwner][]chain.TxAt{{}: nil, {Author: "nobody"}: nil, {Key: strings.Repeat("0", 64)}: nil}
	for _, b := range want.blocks {
		blocks[b.Hash()] = b
		for _, tx := range b.Txs { // also of those that are not on the active branch
			for _, owner := range chain.OwnersOf(tx) {
				lists[owner] = nil
			}
		}
	}
	for hash := want.tip; hash != (pow.Hash{}); hash = blocks[hash].Header.Prev {
		b := blocks[hash]
		for i, tx := range slices.Backward(b.Txs) {
			at := chain.TxAt{TxCursor: chain.TxCursor{Height: b.Height(), Index: i + 1}, Block: hash}
			for _, owner := range append(chain.OwnersOf(tx), chain.TxOwner{}) {
				lists[owner] = append(lists[owner], at)
			}
		}
	}
	for owner, list := range lists {
		for _, limit := range []int{1, 2, 1000} {
			var got []chain.TxAt
			for before := (chain.TxCursor{}); ; before = got[len(got)-1].TxCursor {
				page, err := f.store.TxsOf(owner, before, limit)
				if err != nil || len(page) > limit {
					f.Fatalf("transactions of %+v below %+v: %d in a page of %d (%v)", owner, before, len(page), limit, err)
				}
				if len(page) == 0 {
					break
				}
				got = append(got, page...)
			}
			if !slices.Equal(got, list) {
				f.Errorf("transactions of %+v, %d at a time: %v, want %v", owner, limit, got, list)
			}
		}
		for _, before := range []chain.TxCursor{{Height: 0, Index: 1}, {Height: 1}, {Height: 1, Index: 2}, {Height: 2}, {Height: 2, Index: 1 << 20}, {Height: 1 << 30}} {
			got, err := f.store.TxsOf(owner, before, 1000)
			below := slices.DeleteFunc(slices.Clone(list), func(at chain.TxAt) bool { return at.Compare(before) >= 0 })
			if err != nil || !slices.Equal(got, below) {
				f.Errorf("transactions of %+v below %+v: %v (%v), want %v", owner, before, got, err, below)
			}
		}
	}
}

func encode(t testing.TB, b block.Block) []byte {
	t.Helper()
	raw, err := b.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func genesis() block.Block {
	header, coinbase := Params().Genesis()
	return block.Block{Header: header, Coinbase: coinbase}
}

// makeChild makes a solved block on top of another one. Blocks with different tags
// differ.
func makeChild(parent block.Block, tag string, txs ...block.Tx) block.Block {
	b := block.Block{
		Header: pow.Header{
			Version: 0x20000000, Prev: parent.Hash(), Time: parent.Header.Time + 1, Bits: 0x207fffff,
		},
		Coinbase: block.Coinbase{Height: parent.Height() + 1, Tag: tag},
		Txs:      txs,
	}
	b.Header.MerkleRoot, _ = block.MerkleRoot(b.IDs())
	target, _, _ := b.Header.Bits.Decode()
	for !b.Hash().Meets(target) {
		b.Header.Nonce++
	}
	return b
}

// tx returns a transaction, always the same one for the same content.
func tx(t testing.TB, content string) block.Tx {
	t.Helper()
	tx, err := block.ParseTx(fmt.Appendf(nil, `{"author":"a","content":%q,"timestamp":1}`, content))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// txBy returns a transaction of an author, always the same one for the same content. It is
// signed if the author's name is one of a signer.
func txBy(t testing.TB, author, content string) block.Tx {
	t.Helper()
	if seed, ok := strings.CutPrefix(author, "signer"); ok {
		key := ed25519.NewKeyFromSeed(fmt.Appendf(nil, "%-32.32s", seed))
		signed, err := block.Sign(fmt.Appendf(nil, `{"author":%q,"content":%q,"timestamp":1}`, author, content), key, time.Unix(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	unsigned, err := block.ParseTx(fmt.Appendf(nil, `{"author":%q,"content":%q,"timestamp":1}`, author, content))
	if err != nil {
		t.Fatal(err)
	}
	return unsigned
}
