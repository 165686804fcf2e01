package chain

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// Whatever the difficulty rule, the tree gives back the state of each branch as it was
// when its top block was added.
func TestTreeStates(t *testing.T) {
	for _, p := range rulestest.EachRule() {
		t.Run(string(p.Difficulty().Rule), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				tree := newTree(p)
				states := []rules.State{p.GenesisState()}
				for i := range rapid.IntRange(1, 60).Draw(t, "blocks") {
					on := max(0, len(states)-1-rapid.IntRange(0, 5).Draw(t, "back"))
					h := pow.Header{
						Prev: states[on].Hash, Bits: states[on].NextBits(p), Nonce: uint32(i),
						Time: rules.GenesisTime + rapid.Uint32Range(0, 10_000).Draw(t, "time"),
					}
					next := states[on].Apply(h)
					tree.add(int32(on), h, next)
					states = append(states, next)
				}
				for i, want := range states {
					if got := tree.state(int32(i)); got != want {
						t.Fatalf("block %d has the state\n%+v, want\n%+v", i, got, want)
					}
				}
			})
		})
	}
}

// Under each rule a node moves to a branch with more work, demands the bits that follow
// from that branch, and knows them after a restart.
func TestEachRuleAcrossAReorg(t *testing.T) {
	for _, p := range rulestest.EachRule() {
		t.Run(string(p.Difficulty().Rule), func(t *testing.T) {
			slow := rulestest.NewBranch(p)
			for range 7 { // over the end of a window of four
				slow.Grow(12)
			}
			fast := slow.Fork("fast")
			for range 6 {
				slow.Grow(12)
			}
			for range 8 {
				fast.Grow(2)
			}
			store := NewMemStore()
			c := openTest(t, Config{Params: p, Store: store})
			for _, b := range [][]block.Block{slow.Blocks, fast.Blocks} {
				if _, err := c.AcceptAll(b); err != nil {
					t.Fatal(err)
				}
			}
			if c.Tip() != fast.State {
				t.Fatalf("the tip is at height %d, want the fast branch", c.Tip().Height)
			}
			if state, ok := c.State(slow.Hash); !ok || state != slow.State {
				t.Errorf("the slow branch has the state %+v, want %+v", state, slow.State)
			}
			c = openTest(t, Config{Params: p, Store: store})
			if c.Tip() != fast.State {
				t.Errorf("after a restart the tip is %+v, want %+v", c.Tip(), fast.State)
			}

			next := fast.Make(2)
			if p.Difficulty().Rule != rules.RuleFixed {
				wrong := next
				wrong.Header.Bits-- // still a target, and harder
				if _, err := c.Accept(rulestest.Solve(wrong)); !errors.Is(err, block.BadDiffBits) {
					t.Errorf("a block with harder bits: %v, want %v", err, block.BadDiffBits)
				}
			}
			if _, err := c.Accept(next); err != nil {
				t.Errorf("the next block: %v", err)
			}
		})
	}
}
