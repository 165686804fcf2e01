package chain

import (
	"cmp"
	"slices"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// Branch is a branch of the tree of blocks, named by the block at its top.
type Branch struct {
	Tip    rules.State
	Active bool // the branch is the active one

	// Fork is the highest block that the branch shares with the active branch, and
	// Length is how many blocks it has above that. For the active branch this is its tip,
	// and 0.
	Fork       pow.Hash
	ForkHeight int64
	Length     int64

	Invalid  bool // see HeaderInfo.Invalid
	HeldBack bool // see Chain.HoldBack
}

// Branches returns at most limit branches: the active one, then the others, beginning with
// the one with the most work. Of two with the same work, the one whose tip was stored
// first comes first. A block beside the active branch is part of at least one branch.
//
// It takes time in proportion to the branches that it returns and to their lengths above
// the active branch.
func (c *Chain) Branches(limit int) []Branch {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if limit <= 0 {
		return nil
	}
	tip := c.tree.tip()
	branches := []Branch{c.branch(tip)}
	for _, leaf := range slices.Backward(c.tree.leaves) {
		if len(branches) == limit {
			break
		}
		if leaf != tip {
			branches = append(branches, c.branch(leaf))
		}
	}
	return branches
}

// BranchCount returns how many branches there are, with the active one.
func (c *Chain) BranchCount() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	count := len(c.tree.leaves)
	if !c.tree.isLeaf(c.tree.tip()) { // blocks above it are held back or invalid
		count++
	}
	return count
}

// branch describes the branch that ends with a block. The caller holds mu.
func (c *Chain) branch(i int32) Branch {
	fork := i
	for !c.tree.isActive(fork) {
		fork = c.tree.at(fork).parent
	}
	n, at := c.tree.at(i), c.tree.at(fork)
	return Branch{
		Tip: c.tree.state(i), Active: i == c.tree.tip(),
		Fork: at.hash, ForkHeight: int64(at.height), Length: int64(n.height) - int64(at.height),
		Invalid: n.invalid, HeldBack: n.heldBack,
	}
}

// TreeBlock is a block in the tree, without its body.
type TreeBlock struct {
	Hash, Parent pow.Hash // the parent of genesis is the zero hash
	Height       int64
	Time         uint32 // of the header, in seconds since 1970
	Active       bool   // whether the block is on the active branch
	Invalid      bool   // see HeaderInfo.Invalid
}

// Tree returns blocks of all branches from a height on: at most limit of them, the lowest
// first, and at each height the block of the active branch first, then the others in the
// order in which they were stored.
//
// It takes time in proportion to its answer, to the number of branches (see BranchCount), and
// to the number of blocks beside the active branch from that height on, but not to the length
// of the active branch.
func (c *Chain) Tree(from int64, limit int) []TreeBlock {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if limit <= 0 {
		return nil
	}
	from = max(from, 0)
	// If the active branch is high enough, it alone fills the answer below this height.
	end := from + int64(limit)
	var found []int32
	for height := from; height < min(end, int64(len(c.tree.active))); height++ {
		found = append(found, c.tree.active[height])
	}
	seen := map[int32]bool{}
	for _, leaf := range c.tree.leaves {
		for i := leaf; int64(c.tree.at(i).height) >= from && !c.tree.isActive(i) && !seen[i]; i = c.tree.at(i).parent {
			seen[i] = true
			if int64(c.tree.at(i).height) < end {
				found = append(found, i)
			}
		}
	}
	slices.SortFunc(found, func(a, b int32) int {
		if order := cmp.Compare(c.tree.at(a).height, c.tree.at(b).height); order != 0 {
			return order
		}
		switch {
		case c.tree.isActive(a):
			return -1
		case c.tree.isActive(b):
			return 1
		}
		return cmp.Compare(a, b)
	})
	blocks := make([]TreeBlock, min(limit, len(found)))
	for i := range blocks {
		n := c.tree.at(found[i])
		blocks[i] = TreeBlock{
			Hash: n.hash, Height: int64(n.height), Time: n.time,
			Active: c.tree.isActive(found[i]), Invalid: n.invalid,
		}
		if n.parent >= 0 {
			blocks[i].Parent = c.tree.at(n.parent).hash
		}
	}
	return blocks
}
