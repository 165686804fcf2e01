package chain

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

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
	for _, blk := range append(a.Blocks, b.Blocks[13]) {
		want, err := blk.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.RawBlock(blk.Hash()); err != nil || !bytes.Equal(got, want) {
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
