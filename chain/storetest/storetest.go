// Package storetest tests whether implementations of [chain.Store] do what the
// comments of that interface promise.
package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// Run tests a store that loses its content when it is closed. Each call of open must
// return a new, empty store for the network of [Params].
func Run(t *testing.T, open func() chain.Store) {
	RunReopen(t, open, func(s chain.Store) chain.Store { return s })
}

// RunReopen tests a store that keeps its content when it is closed. It does what Run
// does, and calls reopen after every change. reopen must close the store and return
// it opened again.
func RunReopen(t *testing.T, open func() chain.Store, reopen func(chain.Store) chain.Store) {
	for _, tc := range []struct {
		name string
		test func(*fixture)
	}{
		{"empty", testEmpty},
		{"blocks", testBlocks},
		{"active branch", testActiveBranch},
		{"owners", testOwners},
		{"pending", testPending},
		{"unmined", testUnmined},
		{"order of parts", testOrder},
		{"a bad change has no effect", testAtomic},
		{"callers own the bytes", testBytes},
		{"load stops", testLoadStops},
		{"concurrent calls", testConcurrent},
		{"closed", testClosed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fixture{T: t, store: open(), reopen: reopen}
			t.Cleanup(func() { _ = f.store.Close() })
			tc.test(f)
		})
	}
}

// Params returns the network of the blocks that the tests store. A block takes two
// hashes on average.
func Params() rules.Params {
	return rulestest.MustNew(rules.Config{
		Name:       "storetest",
		Difficulty: rules.Difficulty{Rule: rules.RuleFixed, Bits: 0x207fffff},
	})
}

func testEmpty(f *fixture) {
	f.want(contents{})
	if _, err := f.store.Block(genesis().Hash()); !errors.Is(err, chain.ErrNotFound) {
		f.Errorf("a block that is not stored: %v, want %v", err, chain.ErrNotFound)
	}
	f.commit(chain.Change{})
	f.want(contents{})
	f.commit(chain.Change{RemovePending: []uint64{0, 7}})
	f.want(contents{})
}

func testBlocks(f *fixture) {
	g := genesis()
	a1 := makeChild(g, "a", tx(f, "one"), tx(f, "two"))
	a2, b1 := makeChild(a1, "a", tx(f, "three")), makeChild(g, "b")
	b2 := makeChild(b1, "b", tx(f, "one"))

	f.commit(chain.Change{Blocks: []block.Block{g}, Connect: []pow.Hash{g.Hash()}})
	f.want(contents{tip: g.Hash(), blocks: []block.Block{g}})
	f.commit(chain.Change{Blocks: []block.Block{a1, a2}})
	f.want(contents{tip: g.Hash(), blocks: []block.Block{g, a1, a2}})
	f.commit(chain.Change{Blocks: []block.Block{b1}})
	f.commit(chain.Change{Blocks: []block.Block{b2}})
	f.want(contents{tip: g.Hash(), blocks: []block.Block{g, a1, a2, b1, b2}})
	f.commit(chain.Change{Blocks: []block.Block{a1}}) // stored again, which has no effect
	f.want(contents{tip: g.Hash(), blocks: []block.Block{g, a1, a2, b1, b2}})
}

func testActiveBranch(f *fixture) {
	one, two, three := tx(f, "one"), tx(f, "two"), tx(f, "three")
	g := genesis()
	a1 := makeChild(g, "a", one)
	a2 := makeChild(a1, "a", two)
	b1 := makeChild(g, "b", two, three)
	b2 := makeChild(b1, "b")
	b3 := makeChild(b2, "b", one)
	hash := block.Block.Hash

	f.commit(chain.Change{Blocks: []block.Block{g, a1}, Connect: []pow.Hash{hash(g), hash(a1)}})
	f.commit(chain.Change{Blocks: []block.Block{a2}, Connect: []pow.Hash{hash(a2)}})
	f.want(contents{
		tip: hash(a2), blocks: []block.Block{g, a1, a2},
		mined: map[pow.Hash]pow.Hash{one.ID(): hash(a1), two.ID(): hash(a2)},
	})
	f.commit(chain.Change{Blocks: []block.Block{b1, b2}})
	f.commit(chain.Change{
		Blocks:     []block.Block{b3},
		Disconnect: []pow.Hash{hash(a2), hash(a1)},
		Connect:    []pow.Hash{hash(b1), hash(b2), hash(b3)},
	})
	all := []block.Block{g, a1, a2, b1, b2, b3}
	f.want(contents{
		tip: hash(b3), blocks: all,
		mined: map[pow.Hash]pow.Hash{two.ID(): hash(b1), three.ID(): hash(b1), one.ID(): hash(b3)},
	})
	f.commit(chain.Change{ // back to the first branch
		Disconnect: []pow.Hash{hash(b3), hash(b2), hash(b1)},
		Connect:    []pow.Hash{hash(a1), hash(a2)},
	})
	f.want(contents{
		tip: hash(a2), blocks: all,
		mined: map[pow.Hash]pow.Hash{one.ID(): hash(a1), two.ID(): hash(a2)},
	})
}

// The transactions of an author and of a key are found, on the active branch only, also
// after reorgs to and fro. An author whose name is that of a key is somebody else.
func testOwners(f *fixture) {
	one := txBy(f, "signer 1", "one")
	g := genesis()
	a1 := makeChild(g, "a", txBy(f, "ann", "1"), one, txBy(f, "ann", "2"), txBy(f, one.PublicKey(), "not the key"))
	a2 := makeChild(a1, "a") // a block without transactions
	a3 := makeChild(a2, "a", txBy(f, "ann", "3"), txBy(f, "signer 1", "two"))
	b1 := makeChild(g, "b", txBy(f, "bob", "1"), one)
	b2 := makeChild(b1, "b", txBy(f, "ann", "1"), txBy(f, "signer 2", "three"), txBy(f, "signer 2", "four"))
	b3 := makeChild(b2, "b")
	b4 := makeChild(b3, "b", txBy(f, "ann", "4"))
	hash := block.Block.Hash

	f.commit(chain.Change{Blocks: []block.Block{g, a1, a2}, Connect: []pow.Hash{hash(g), hash(a1), hash(a2)}})
	f.wantOwners(contents{tip: hash(a2), blocks: []block.Block{g, a1, a2}})
	f.commit(chain.Change{Blocks: []block.Block{a3, b1, b2}, Connect: []pow.Hash{hash(a3)}})
	f.wantOwners(contents{tip: hash(a3), blocks: []block.Block{g, a1, a2, a3, b1, b2}})
	all := []block.Block{g, a1, a2, a3, b1, b2, b3, b4}
	f.commit(chain.Change{
		Blocks:     []block.Block{b3, b4},
		Disconnect: []pow.Hash{hash(a3), hash(a2), hash(a1)},
		Connect:    []pow.Hash{hash(b1), hash(b2), hash(b3), hash(b4)},
	})
	f.wantOwners(contents{tip: hash(b4), blocks: all})
	f.commit(chain.Change{Disconnect: []pow.Hash{hash(b4)}})
	f.wantOwners(contents{tip: hash(b3), blocks: all})
	f.commit(chain.Change{
		Disconnect: []pow.Hash{hash(b3), hash(b2), hash(b1)},
		Connect:    []pow.Hash{hash(a1), hash(a2), hash(a3)},
	})
	f.wantOwners(contents{tip: hash(a3), blocks: all})
}

func testPending(f *fixture) {
	const high = 1<<64 - 1
	p := func(seq uint64) chain.Pending {
		return chain.Pending{Seq: seq, Tx: tx(f, fmt.Sprintf("<&> %d 😂", seq))}
	}
	f.commit(chain.Change{AddPending: []chain.Pending{p(1 << 62), p(1<<62 + 1)}})
	f.commit(chain.Change{AddPending: []chain.Pending{p(300), p(high), p(0), p(2)}})
	f.want(contents{pending: []chain.Pending{p(0), p(2), p(300), p(1 << 62), p(1<<62 + 1), p(high)}})
	f.commit(chain.Change{RemovePending: []uint64{300, 0, 17, high}})
	f.want(contents{pending: []chain.Pending{p(2), p(1 << 62), p(1<<62 + 1)}})
	f.commit(chain.Change{RemovePending: []uint64{2, 1 << 62, 1<<62 + 1}})
	f.want(contents{})
}

// A change with Unmined is refused if one of its transactions is in a block of the active
// branch.
func testUnmined(f *fixture) {
	one, two, three := tx(f, "one"), tx(f, "two"), tx(f, "three")
	g := genesis()
	a, side := makeChild(g, "a", one), makeChild(g, "side", two)
	f.commit(chain.Change{Blocks: []block.Block{g, a, side}, Connect: []pow.Hash{g.Hash(), a.Hash()}})
	is := contents{
		tip: a.Hash(), blocks: []block.Block{g, a, side},
		mined: map[pow.Hash]pow.Hash{one.ID(): a.Hash()},
	}
	for _, pending := range [][]chain.Pending{{{Seq: 1, Tx: one}}, {{Seq: 1, Tx: three}, {Seq: 2, Tx: one}}} {
		if err := f.store.Commit(chain.Change{AddPending: pending, Unmined: true}); !errors.Is(err, chain.ErrMined) {
			f.Errorf("error %v, want %v", err, chain.ErrMined)
		}
		f.want(is)
	}
	is.pending = []chain.Pending{{Seq: 3, Tx: two}, {Seq: 4, Tx: one}}
	f.commit(chain.Change{AddPending: is.pending[:1], Unmined: true})
	f.commit(chain.Change{AddPending: is.pending[1:]}) // it does not ask
	f.want(is)
}

// The parts of a change take effect in order, so that a change can connect a block
// that it adds.
func testOrder(f *fixture) {
	one, two := tx(f, "one"), tx(f, "two")
	g := genesis()
	a := makeChild(g, "a", one)
	b1 := makeChild(g, "b", two)
	b2 := makeChild(b1, "b", one) // its transaction leaves the active branch with a and returns with b2
	hash := block.Block.Hash

	f.commit(chain.Change{
		Blocks:        []block.Block{g, a},
		Connect:       []pow.Hash{hash(g), hash(a)},
		AddPending:    []chain.Pending{{Seq: 1, Tx: one}, {Seq: 2, Tx: two}},
		RemovePending: []uint64{1},
	})
	f.want(contents{
		tip: hash(a), blocks: []block.Block{g, a},
		mined:   map[pow.Hash]pow.Hash{one.ID(): hash(a)},
		pending: []chain.Pending{{Seq: 2, Tx: two}},
	})
	f.commit(chain.Change{
		Blocks:        []block.Block{b1, b2},
		Disconnect:    []pow.Hash{hash(a)},
		Connect:       []pow.Hash{hash(b1), hash(b2)},
		RemovePending: []uint64{2},
	})
	f.want(contents{
		tip: hash(b2), blocks: []block.Block{g, a, b1, b2},
		mined: map[pow.Hash]pow.Hash{one.ID(): hash(b2), two.ID(): hash(b1)},
	})
}

// A change that fails has no effect, whichever of its parts is wrong.
func testAtomic(f *fixture) {
	one, two := tx(f, "one"), tx(f, "two")
	g := genesis()
	a := makeChild(g, "a", one)
	missing := makeChild(a, "a", two)
	before := contents{
		tip: g.Hash(), blocks: []block.Block{g},
		pending: []chain.Pending{{Seq: 1, Tx: two}},
	}
	f.commit(chain.Change{Blocks: []block.Block{g}, Connect: []pow.Hash{g.Hash()}, AddPending: before.pending})

	for name, c := range map[string]chain.Change{
		"a connected block that is not stored": {
			Blocks: []block.Block{a}, Connect: []pow.Hash{a.Hash(), missing.Hash()},
		},
		"a block that cannot be encoded": {
			Blocks: []block.Block{a, {Coinbase: block.Coinbase{Height: -1}}}, Connect: []pow.Hash{a.Hash()},
		},
		"a disconnected block that is not the tip": {
			Blocks: []block.Block{a}, Disconnect: []pow.Hash{a.Hash()},
		},
		"the tip disconnected twice": {
			Blocks: []block.Block{a}, Disconnect: []pow.Hash{g.Hash(), g.Hash()}, Connect: []pow.Hash{g.Hash(), a.Hash()},
		},
		"a connected block that is not a child of the tip": {
			Blocks: []block.Block{a, missing}, Connect: []pow.Hash{missing.Hash()},
		},
		"the tip connected again": {
			Blocks: []block.Block{a}, Connect: []pow.Hash{a.Hash(), a.Hash()},
		},
		"a sequence number that is taken": {
			Blocks: []block.Block{a}, Connect: []pow.Hash{a.Hash()}, AddPending: []chain.Pending{{Seq: 1, Tx: one}},
		},
		"a sequence number given twice": {
			Blocks: []block.Block{a}, Connect: []pow.Hash{a.Hash()}, AddPending: []chain.Pending{{Seq: 2, Tx: two}},
		},
	} {
		c.AddPending = append([]chain.Pending{{Seq: 2, Tx: one}}, c.AddPending...)
		c.RemovePending = []uint64{1}
		if err := f.store.Commit(c); err == nil {
			f.Errorf("%s: the change was committed", name)
		}
		f.store = f.reopen(f.store)
		f.want(before)
		if _, err := f.store.Block(a.Hash()); !errors.Is(err, chain.ErrNotFound) {
			f.Errorf("%s: a block of the change: %v, want %v", name, err, chain.ErrNotFound)
		}
	}
}

// The caller may change the bytes that Block returns.
func testBytes(f *fixture) {
	g := genesis()
	f.commit(chain.Change{Blocks: []block.Block{g}, Connect: []pow.Hash{g.Hash()}})
	raw, err := f.store.Block(g.Hash())
	if err != nil {
		f.Fatal(err)
	}
	clear(raw)
	f.want(contents{tip: g.Hash(), blocks: []block.Block{g}})
}

// Load returns the first error of the function that it calls.
func testLoadStops(f *fixture) {
	g := genesis()
	a := makeChild(g, "a")
	f.commit(chain.Change{Blocks: []block.Block{g, a}, Connect: []pow.Hash{g.Hash(), a.Hash()}})
	stop := errors.New("stop")
	calls := 0
	_, _, err := f.store.Load(func(pow.Header) error {
		calls++
		return stop
	})
	if !errors.Is(err, stop) || calls != 1 {
		f.Errorf("load returned %v after %d headers, want the error of the first", err, calls)
	}
	f.want(contents{tip: a.Hash(), blocks: []block.Block{g, a}})
}

func testClosed(f *fixture) {
	g := genesis()
	if err := f.store.Close(); err != nil {
		f.Fatal(err)
	}
	_, errBlock := f.store.Block(g.Hash())
	_, errFind := f.store.FindTx(g.Hash())
	_, errFinds := f.store.FindTxs([]pow.Hash{g.Hash()})
	_, _, errLoad := f.store.Load(func(pow.Header) error { return nil })
	_, errOwners := f.store.TxsOf(chain.TxOwner{Author: "a"}, chain.TxCursor{}, 1)
	for name, err := range map[string]error{
		"commit": f.store.Commit(chain.Change{Blocks: []block.Block{g}}),
		"block":  errBlock, "find": errFind, "find many": errFinds, "load": errLoad, "owners": errOwners,
	} {
		if !errors.Is(err, chain.ErrClosed) {
			f.Errorf("%s: %v, want %v", name, err, chain.ErrClosed)
		}
	}
}
