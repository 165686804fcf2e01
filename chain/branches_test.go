package chain

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// Branches and Tree of a random tree agree with a search of all blocks.
func TestBranchesAndTree(t *testing.T) {
	p := slow()
	rapid.Check(t, func(t *rapid.T) {
		c, err := Open(Config{Params: p, Store: NewMemStore(), Now: rulestest.Now})
		if err != nil {
			t.Fatal(err)
		}
		branches := []*rulestest.Branch{rulestest.NewBranch(p)}
		blocks := map[pow.Hash]block.Block{}
		order := []pow.Hash{c.Tip().Hash} // of arrival
		for range rapid.IntRange(0, 25).Draw(t, "blocks") {
			on := rapid.SampledFrom(branches).Draw(t, "on")
			if rapid.IntRange(0, 3).Draw(t, "fork") == 0 {
				on = on.Fork(rapid.StringMatching("[a-z]{8}").Draw(t, "name"))
				branches = append(branches, on)
			}
			b := on.Grow(uint32(rapid.IntRange(1, 9).Draw(t, "seconds")))
			if _, err := c.Accept(b); err != nil {
				t.Fatal(err)
			}
			if _, ok := blocks[b.Hash()]; !ok {
				blocks[b.Hash()] = b
				order = append(order, b.Hash())
			}
		}
		checkBranches(t, c, blocks, order)
		checkTree(t, c, blocks, order)
	})
}

func checkBranches(t *rapid.T, c *Chain, blocks map[pow.Hash]block.Block, order []pow.Hash) {
	parents := map[pow.Hash]bool{}
	for _, b := range blocks {
		parents[b.Header.Prev] = true
	}
	var tips []pow.Hash
	for _, hash := range order {
		if !parents[hash] {
			tips = append(tips, hash)
		}
	}
	work := func(hash pow.Hash) pow.Work { info, _ := c.Header(hash); return info.Work }
	slices.SortStableFunc(tips, func(a, b pow.Hash) int { return work(b).Cmp(work(a)) })
	active := slices.Index(tips, c.Tip().Hash)
	tips = append([]pow.Hash{c.Tip().Hash}, slices.Delete(tips, active, active+1)...)

	got := c.Branches(1000)
	if len(got) != len(tips) || c.BranchCount() != len(tips) {
		t.Fatalf("%d branches, %d counted, want %d", len(got), c.BranchCount(), len(tips))
	}
	for i, b := range got {
		if b.Tip.Hash != tips[i] || b.Active != (i == 0) || b.Invalid || b.HeldBack {
			t.Errorf("branch %d is %+v, want that of %s", i, b, tips[i])
		}
		fork, length := tips[i], int64(0)
		for info, _ := c.Header(fork); !info.Active; info, _ = c.Header(fork) {
			fork = blocks[fork].Header.Prev
			length++
		}
		info, _ := c.Header(fork)
		if b.Fork != fork || b.ForkHeight != info.Height || b.Length != length {
			t.Errorf("branch %d leaves at %s (%d) with %d blocks, want %s (%d) with %d", i, b.Fork, b.ForkHeight, b.Length, fork, info.Height, length)
		}
	}
	for limit := range len(tips) {
		if first := c.Branches(limit); len(first) != limit || !slices.Equal(first, got[:limit]) {
			t.Errorf("the first %d branches are %v, want %v", limit, first, got[:limit])
		}
	}
}

func checkTree(t *rapid.T, c *Chain, blocks map[pow.Hash]block.Block, order []pow.Hash) {
	var all []TreeBlock
	for _, hash := range order {
		info, ok := c.Header(hash)
		if !ok {
			t.Fatalf("block %s is missing", hash)
		}
		all = append(all, TreeBlock{
			Hash: hash, Parent: blocks[hash].Header.Prev, Height: info.Height, Time: info.Header.Time,
			Active: info.Active, Invalid: info.Invalid,
		})
	}
	slices.SortStableFunc(all, func(a, b TreeBlock) int {
		switch {
		case a.Height != b.Height:
			return cmp.Compare(a.Height, b.Height)
		case a.Active == b.Active:
			return 0
		case a.Active:
			return -1
		}
		return 1
	})
	for from := int64(-1); from <= c.Tip().Height+2; from++ {
		want := slices.DeleteFunc(slices.Clone(all), func(b TreeBlock) bool { return b.Height < from })
		for _, limit := range []int{0, 1, 2, 5, 1000} {
			got := c.Tree(from, limit)
			if first := want[:min(limit, len(want))]; !slices.Equal(got, first) {
				t.Errorf("the tree from %d, %d blocks at most:\n%+v\nwant\n%+v", from, limit, got, first)
			}
		}
	}
}

// An invalid branch is listed and marked, and so is one that is held back, under which the
// active branch ends.
func TestMarkedBranches(t *testing.T) {
	c := openTest(t, Config{Params: slow()})
	one := rulestest.MakeTx(t, "one")
	a := rulestest.NewBranch(c.Params())
	c.want(Best, a.Grow(1, one))
	bad := a.Fork("bad")
	c.want(Best, a.Grow(1))
	c.want(Side, bad.Grow(8, one))
	for outcome := Side; outcome == Side; {
		outcome, _ = c.Accept(bad.Grow(1))
	}
	got := c.Branches(10)
	if len(got) != 2 || !got[0].Active || got[0].Tip.Hash != a.Hash || got[1].Active || !got[1].Invalid {
		t.Errorf("branches %+v", got)
	}
	tree := c.Tree(0, 100)
	if last := tree[len(tree)-1]; last.Active || !last.Invalid || last.Hash != got[1].Tip.Hash {
		t.Errorf("the last block of the tree is %+v", last)
	}

	h := newHeldBackTest(t, nil)
	h.HoldBack()
	held := h.Branches(10)
	if len(held) != 2 || h.BranchCount() != 2 || held[0].Tip.Hash != h.others.Hash || held[0].HeldBack || held[1].Tip.Hash != h.own.Hash || !held[1].HeldBack {
		t.Errorf("branches %+v", held)
	}

	// If all blocks above the tip are held back, the active branch ends below them.
	now := rulestest.Time.Add(3 * time.Hour)
	alone := openTest(t, Config{Params: rulestest.Easy(), Now: func() time.Time { return now }})
	b := rulestest.NewBranch(alone.Params())
	alone.want(Best, b.Grow(1))
	tip := b.Hash
	alone.want(Best, b.Grow(uint32(now.Unix())-b.Time))
	now = rulestest.Time
	alone.HoldBack()
	held = alone.Branches(10)
	if len(held) != 2 || alone.BranchCount() != 2 || !held[0].Active || held[0].Tip.Hash != tip || held[1].Fork != tip || held[1].Length != 1 || !held[1].HeldBack {
		t.Errorf("branches %+v", held)
	}
}
