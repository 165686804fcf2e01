package chain

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

func encode(t testing.TB, b block.Block) []byte {
	t.Helper()
	raw, err := b.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// headerStore is a store that loads the given headers. It has no bodies.
type headerStore struct {
	*MemStore
	headers []pow.Header
	tip     pow.Hash
	pending []Pending
}

func (s *headerStore) Load(header func(pow.Header) error) (pow.Hash, []Pending, error) {
	for _, h := range s.headers {
		if err := header(h); err != nil {
			return pow.Hash{}, nil, err
		}
	}
	return s.tip, s.pending, nil
}

func TestOpenChecksTheStore(t *testing.T) {
	p := rulestest.Swift()
	a := rulestest.NewBranch(p)
	genesis, _ := p.Genesis()
	headers := []pow.Header{genesis}
	for range 5 {
		headers = append(headers, a.Grow(1).Header)
	}
	early := a.Make(1 << 30) // ahead of the clock, which does not matter for a stored block
	early.Header.Bits = a.NextBits(p)
	early = rulestest.Solve(early)
	other, _ := rulestest.Easy().Genesis()
	name := func(h pow.Header) string { return h.Hash().String() }
	replace := func(i int, change func(*pow.Header)) []pow.Header {
		hs := slices.Clone(headers)
		change(&hs[i])
		return hs
	}
	mustSolve := func(h *pow.Header) { *h = rulestest.Solve(block.Block{Header: *h}).Header }

	for name, tc := range map[string]struct {
		headers []pow.Header
		tip     pow.Hash
		pending []Pending
		want    string // "": none
	}{
		"good":        {headers: headers, tip: a.Hash},
		"a side tip":  {headers: append(slices.Clone(headers), early.Header), tip: early.Hash()},
		"no blocks":   {tip: a.Hash, want: name(headers[5])},
		"no tip":      {headers: headers, want: "the tip"},
		"unknown tip": {headers: headers, tip: pow.Hash{1}, want: pow.Hash{1}.String()},
		"another network": {
			headers: []pow.Header{other}, tip: other.Hash(), want: name(other),
		},
		"twice": {
			headers: append(slices.Clone(headers), headers[3]), tip: a.Hash, want: name(headers[3]),
		},
		"missing": {
			headers: slices.Delete(slices.Clone(headers), 2, 3), tip: a.Hash, want: name(headers[3]),
		},
		"child first": {
			headers: []pow.Header{genesis, headers[2], headers[1]}, tip: headers[2].Hash(), want: name(headers[2]),
		},
		"a flipped bit": {
			headers: replace(5, func(h *pow.Header) { h.MerkleRoot[7] ^= 1 }), tip: a.Hash, want: "at height 5: high-hash",
		},
		"wrong bits": {
			headers: replace(5, func(h *pow.Header) { h.Bits = p.Difficulty().Limit; mustSolve(h) }), tip: a.Hash, want: "at height 5: bad-diffbits",
		},
		"too old": {
			headers: replace(5, func(h *pow.Header) { h.Time = rules.GenesisTime; mustSolve(h) }), tip: a.Hash, want: "at height 5: time-too-old",
		},
		"numbers not ascending": {
			headers: headers, tip: a.Hash, want: "the number 1 after 1",
			pending: []Pending{{1, rulestest.MakeTx(t, "one")}, {1, rulestest.MakeTx(t, "two")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Open(Config{Params: p, Now: rulestest.Now, Store: &headerStore{NewMemStore(), tc.headers, tc.tip, tc.pending}})
			if tc.want == "" {
				if err != nil || c.Tip().Hash != tc.tip || c.Len() != int64(len(tc.headers)) {
					t.Errorf("error %v", err)
				}
				return
			}
			if !errors.Is(err, ErrDamaged) || isRule(err) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
	if _, err := Open(Config{Params: p}); err == nil {
		t.Error("opened without a store")
	}
	if _, err := Open(Config{Store: NewMemStore()}); err == nil || !strings.Contains(err.Error(), "make them with rules.New") {
		t.Errorf("without parameters: error %v", err)
	}
}

// The store may have a branch with more work than the active one, if it was written by
// another program or under other rules. Open moves to the best branch that is valid.
func TestOpenTakesTheBestBranch(t *testing.T) {
	p := rulestest.Easy()
	one := rulestest.MakeTx(t, "one")
	store := NewMemStore()
	a := rulestest.NewBranch(p)
	genesis, coinbase := p.Genesis()
	blocks := []block.Block{{Header: genesis, Coinbase: coinbase}, a.Grow(1, one)}
	bad, good := a.Fork("bad"), a.Fork("good")
	for range 3 {
		blocks = append(blocks, bad.Grow(1), good.Grow(1))
	}
	blocks = append(blocks, bad.Grow(1, one), bad.Grow(1))
	if err := store.Commit(Change{Blocks: blocks, Connect: []pow.Hash{genesis.Hash(), a.Hash}}); err != nil {
		t.Fatal(err)
	}
	c := openTest(t, Config{Params: p, Store: store})
	if c.Len() != 5 {
		t.Errorf("%d blocks, want 5", c.Len())
	}
	// Without the bad blocks the two branches have the same work. The one that comes
	// first in the store counts as the first seen.
	if hash, _ := c.HashAt(4); hash != bad.Blocks[3].Hash() {
		t.Errorf("tip %s, want %s", hash, bad.Blocks[3].Hash())
	}
	c.want(Best, good.Grow(1))
	c.wantTip(good)
}

func TestOpenDropsStalePending(t *testing.T) {
	p := rulestest.Easy()
	store := NewMemStore()
	c := openTest(t, Config{Params: p, Store: store})
	one, two, three := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two"), rulestest.MakeTx(t, "three")
	a := rulestest.NewBranch(p)
	c.post(two)
	c.want(Best, a.Grow(1, one))
	stale := []Pending{{firstSeq + 5, one}, {firstSeq + 6, two}, {firstSeq + 7, three}}
	if err := store.Commit(Change{AddPending: stale}); err != nil {
		t.Fatal(err)
	}
	c = openTest(t, Config{Params: p, Store: store})
	c.wantPending(two, three)
	_, pending, err := store.Load(func(pow.Header) error { return nil })
	if err != nil || !slices.Equal(pending, []Pending{{firstSeq, two}, {firstSeq + 7, three}}) {
		t.Errorf("the store has %v, %v", pending, err)
	}
	c.post(rulestest.MakeTx(t, "four")) // gets a number that no other transaction has
	c.wantPending(two, three, rulestest.MakeTx(t, "four"))
}

// Transactions that are pending when a chain is opened keep their places. New posts get
// higher numbers, and transactions that a reorg returns get lower ones.
func TestOpenGoesOnNumberingPending(t *testing.T) {
	p := rulestest.Easy()
	store := NewMemStore()
	c := openTest(t, Config{Params: p, Store: store})
	var txs []block.Tx
	for i := range 8 {
		txs = append(txs, rulestest.MakeTx(t, fmt.Sprint(i)))
	}
	reopen := func() {
		t.Helper()
		pending := c.Pending(0, 100)
		c = openTest(t, Config{Params: p, Store: store})
		c.wantPending(pending...)
	}
	seqs := func(want ...uint64) {
		t.Helper()
		_, pending, err := store.Load(func(pow.Header) error { return nil })
		var got []uint64
		for _, p := range pending {
			got = append(got, p.Seq)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("numbers %v (%v), want %v", got, err, want)
		}
	}

	a := rulestest.NewBranch(p)
	c.want(Best, a.Grow(1, txs[0], txs[1]))
	b := a.Fork("b")
	c.want(Best, a.Grow(1, txs[2], txs[3]))
	c.post(txs[4])
	c.want(Side, b.Grow(1))
	c.want(Best, b.Grow(1)) // returns the transactions 2 and 3
	c.wantTip(b)
	c.wantPending(txs[2:5]...)
	seqs(firstSeq-2, firstSeq-1, firstSeq)

	reopen()
	c.post(txs[5])
	c.wantPending(txs[2:6]...)
	seqs(firstSeq-2, firstSeq-1, firstSeq, firstSeq+1)

	reopen()
	longer := rulestest.NewBranch(p).Fork("longer")
	for range 3 {
		c.want(Side, longer.Grow(1))
	}
	c.want(Best, longer.Grow(1)) // returns the transactions 0 and 1
	c.wantTip(longer)
	c.wantPending(txs[:6]...)
	seqs(firstSeq-4, firstSeq-3, firstSeq-2, firstSeq-1, firstSeq, firstSeq+1)

	reopen()
	c.post(txs[6])
	c.want(Best, longer.Grow(1, txs[0], txs[2], txs[6]))
	c.wantPending(txs[1], txs[3], txs[4], txs[5])
	seqs(firstSeq-3, firstSeq-1, firstSeq, firstSeq+1)

	// Only a returned transaction is pending. A new post is still numbered from
	// firstSeq up.
	c.want(Best, longer.Grow(1, txs[3], txs[4], txs[5]))
	reopen()
	c.post(txs[7])
	c.wantPending(txs[1], txs[7])
	seqs(firstSeq-3, firstSeq)
}

// swapStore returns other bytes than the stored ones for some blocks.
type swapStore struct {
	Store
	bodies map[pow.Hash][]byte
}

func (s *swapStore) Block(hash pow.Hash) ([]byte, error) {
	if raw, ok := s.bodies[hash]; ok {
		return raw, nil
	}
	return s.Store.Block(hash)
}

// A store that returns something else than the block that it was asked for is damaged.
func TestBlockChecksTheStore(t *testing.T) {
	one, two := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two")
	s := &swapStore{Store: NewMemStore(), bodies: map[pow.Hash][]byte{}}
	c := openTest(t, Config{Params: rulestest.Easy(), Store: s})
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	c.want(Best, a.Grow(1, one))
	c.want(Best, a.Grow(1, two))
	for range 2 {
		c.want(Side, b.Grow(1))
	}
	asked := a.Blocks[1]
	repeated := asked
	repeated.Txs = []block.Tx{one}
	encoded := encode(t, asked)
	for name, tc := range map[string]struct {
		raw  []byte
		want string
	}{
		"another block":        {encode(t, a.Blocks[0]), "its header has the hash " + a.Blocks[0].Hash().String()},
		"another body":         {encode(t, repeated), "not those that its header commits to"},
		"half of it":           {encoded[:len(encoded)/2], "ends too early"},
		"nothing":              {nil, "ends too early"},
		"a byte after its end": {append(slices.Clone(encoded), 0), "after its end"},
	} {
		s.bodies[asked.Hash()] = tc.raw
		if got, err := c.Block(asked.Hash()); !errors.Is(err, ErrDamaged) || isRule(err) ||
			!strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), asked.Hash().String()) {
			t.Errorf("%s: %+v, error %v, want one with %q", name, got, err, tc.want)
		}
		// A reorg that needs the block fails as well, and the new block is not
		// refused for it.
		if outcome, err := c.Accept(b.Make(1)); outcome != 0 || !errors.Is(err, ErrDamaged) || isRule(err) {
			t.Errorf("%s: a reorg that returns its transactions: %s, %v", name, outcome, err)
		}
		if c.Tip() != a.State {
			t.Fatalf("%s: tip %+v", name, c.Tip())
		}
	}
	clear(s.bodies)
	if got, err := c.Block(asked.Hash()); err != nil || !bytes.Equal(encode(t, got), encoded) {
		t.Errorf("the block itself: %+v, %v", got, err)
	}
	c.want(Best, b.Grow(1))
	c.wantTip(b)
	c.wantPending(one, two)
}

// bigStore returns a store with n headers of the network rulestest.Easy.
func bigStore(t testing.TB, n int) *headerStore {
	t.Helper()
	p := rulestest.Easy()
	genesis, _ := p.Genesis()
	s := &headerStore{MemStore: NewMemStore(), headers: make([]pow.Header, 0, n)}
	s.headers = append(s.headers, genesis)
	target, _, _ := p.Difficulty().Bits.Decode()
	s.tip = genesis.Hash()
	for i := 1; i < n; i++ {
		h := pow.Header{
			Version: 0x20000000, Prev: s.tip, MerkleRoot: s.tip, Time: genesis.Time + uint32(i), Bits: p.Difficulty().Bits,
		}
		for s.tip = h.Hash(); !s.tip.Meets(target); s.tip = h.Hash() {
			h.Nonce++
		}
		s.headers = append(s.headers, h)
	}
	return s
}

func TestMemoryOfABlock(t *testing.T) {
	for _, n := range []int{98_000, 100_000} { // just below and just above 3/4 of 2^17, where the hash table grows
		store := bigStore(t, n)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		c := openTest(t, Config{Params: rulestest.Easy(), Store: store})
		took := time.Since(start)
		runtime.GC()
		runtime.ReadMemStats(&after)
		each := float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
		t.Logf("%d blocks: %.1f bytes a block, opened in %v", n, each, took)
		if each > 200 {
			t.Errorf("%.1f bytes a block, want at most 200", each)
		}
		if c.Len() != int64(n) {
			t.Errorf("%d blocks", c.Len())
		}
		runtime.KeepAlive(store)
	}
}

func BenchmarkOpenMillion(b *testing.B) {
	store := bigStore(b, 1_000_000)
	for b.Loop() {
		if _, err := Open(Config{Params: rulestest.Easy(), Store: store}); err != nil {
			b.Fatal(err)
		}
	}
}
