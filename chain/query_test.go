package chain

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

func TestStateAndRawBlock(t *testing.T) {
	c := openTest(t, Config{Params: slow()})
	one := rulestest.MakeTx(t, "one")
	a := rulestest.NewBranch(c.Params())
	states := []rules.State{a.State}
	for range 13 {
		c.want(Best, a.Grow(3))
		states = append(states, a.State)
	}
	b := a.Fork("b")
	c.want(Best, a.Grow(1, one))
	states = append(states, a.State)
	c.want(Side, b.Grow(9))
	states = append(states, b.State)
	for _, want := range states {
		if got, ok := c.State(want.Hash); !ok || got != want {
			t.Errorf("state %+v, %v, want %+v", got, ok, want)
		}
	}
	for _, stored := range append(a.Blocks, b.Blocks[13]) {
		want, err := stored.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.RawBlock(stored.Hash()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("block %x (%v), want %x", got, err, want)
		}
	}
	unknown := b.Make(1).Hash()
	if _, ok := c.State(unknown); ok {
		t.Error("the state of a block that is not there")
	}
	if _, err := c.RawBlock(unknown); !errors.Is(err, ErrNotFound) {
		t.Errorf("a block that is not there: %v", err)
	}

	bad := a.Fork("bad")
	for range 2 {
		c.want(Best, a.Grow(1))
	}
	c.want(Side, bad.Grow(8, one))
	invalid := bad.Hash
	if _, ok := c.State(invalid); !ok {
		t.Error("no state of a side block")
	}
	for outcome := Side; outcome == Side; {
		outcome, _ = c.Accept(bad.Grow(1))
	}
	if _, ok := c.State(invalid); ok {
		t.Error("the state of a block that is invalid")
	}
}

func TestPendingIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := openSlow(t)
		var ids []pow.Hash
		for _, content := range []string{"one", "two", "three"} {
			tx := rulestest.MakeTx(t, content)
			if c.HasPending(tx.ID()) {
				t.Errorf("%s is pending before it is posted", content)
			}
			result := c.postLater(tx)
			<-s.entered
			if !c.HasPending(tx.ID()) || len(c.PendingIDs(0, 9)) != len(ids) {
				t.Errorf("%s is not pending while it is written, or shown", content)
			}
			s.proceed <- nil
			<-result
			ids = append(ids, tx.ID())
			if !c.HasPending(tx.ID()) {
				t.Errorf("%s is not pending", content)
			}
		}
		for _, tc := range []struct{ from, limit, first, end int }{
			{0, 9, 0, 3}, {-1, 2, 0, 2}, {1, 1, 1, 2}, {2, 9, 2, 3}, {3, 1, 0, 0}, {0, 0, 0, 0}, {0, -1, 0, 0},
		} {
			if got := c.PendingIDs(tc.from, tc.limit); !slices.Equal(got, ids[tc.first:tc.end]) {
				t.Errorf("PendingIDs(%d, %d): %v", tc.from, tc.limit, got)
			}
		}
	})
}

func TestHeadersAndLocator(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	for range 40 {
		c.want(Best, a.Grow(1))
	}
	c.want(Side, b.Grow(1))

	all := c.Headers(0, 100)
	if len(all) != 41 || c.Len() != 41 {
		t.Fatalf("%d headers, length %d", len(all), c.Len())
	}
	for i, stored := range a.Blocks {
		if all[i+1] != stored.Header {
			t.Fatalf("header %d: %+v, want %+v", i+1, all[i+1], stored.Header)
		}
	}
	for _, tc := range []struct {
		from  int64
		limit int
		want  int
	}{{38, 9, 3}, {40, 1, 1}, {41, 5, 0}, {-5, 2, 2}, {0, 0, 0}, {3, -1, 0}, {1 << 40, 5, 0}} {
		if got := len(c.Headers(tc.from, tc.limit)); got != tc.want {
			t.Errorf("Headers(%d, %d): %d, want %d", tc.from, tc.limit, got, tc.want)
		}
	}
	if _, ok := c.HashAt(41); ok {
		t.Error("a hash above the tip")
	}

	locator := c.Locator()
	var heights []int64
	for _, hash := range locator {
		info, ok := c.Header(hash)
		if !ok || !info.Active {
			t.Fatalf("the locator has %s, which is not on the active branch", hash)
		}
		heights = append(heights, info.Height)
	}
	if got := fmt.Sprint(heights); got != "[40 39 38 37 36 35 34 33 32 31 29 25 17 1 0]" {
		t.Errorf("locator %s", got)
	}
	for _, tc := range []struct {
		locator []block.Block
		first   int64
	}{
		{nil, 1},
		{[]block.Block{b.Blocks[0]}, 1}, // a block beside the active branch is passed over
		{[]block.Block{b.Blocks[0], a.Blocks[9], a.Blocks[20]}, 11},
	} {
		hashes := locator[:0]
		for _, stored := range tc.locator {
			hashes = append(hashes, stored.Hash())
		}
		got := c.HeadersAfter(hashes, 2)
		if len(got) != 2 || got[0] != all[tc.first] || got[1] != all[tc.first+1] {
			t.Errorf("after a locator of %d blocks come the headers %v", len(tc.locator), got)
		}
	}
	info, ok := c.Header(b.Hash)
	if !ok || info.Active || info.Invalid || info.Height != 1 || info.Work != b.Work || info.Header != b.Blocks[0].Header {
		t.Errorf("side block %+v", info)
	}
}

func TestProof(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	one, two, three := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two"), rulestest.MakeTx(t, "three")
	c.want(Best, a.Grow(1, one, two))
	c.post(three)
	for i, tx := range []block.Tx{one, two} {
		p, err := c.Proof(tx.ID())
		if err != nil || p.Tx != tx || p.Height != 1 || p.Index != i+1 || p.Header != a.Blocks[0].Header {
			t.Errorf("proof %+v, %v", p, err)
		}
		if err := p.Merkle.Verify(tx.ID(), p.Header.MerkleRoot); err != nil {
			t.Error(err)
		}
	}
	if place, err := c.FindTx(three.ID()); err != nil || !place.Pending || place.Tx != three {
		t.Errorf("pending: %+v, %v", place, err)
	}
	if _, err := c.Proof(three.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("proof of a pending transaction: %v", err)
	}
	if _, err := c.FindTx(a.Hash); !errors.Is(err, ErrNotFound) {
		t.Errorf("looked for a transaction that does not exist: %v", err)
	}
	if _, err := c.Block(one.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("looked for a block that does not exist: %v", err)
	}
}
