package nodestest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/pow"
)

// MustBehave fails the test if the network has faults, which a sound network never
// has: see [nodes.Net.Faults].
func (n *Net) MustBehave(t testing.TB) {
	t.Helper()
	if faults := n.Faults(); len(faults) > 0 {
		t.Fatalf("%s", strings.Join(faults, "\n"))
	}
}

// MustConverge fails the test if the tips of any two running nodes are more than
// most blocks above their last common block, or if the network has faults.
func (n *Net) MustConverge(t testing.TB, most int64) {
	t.Helper()
	n.MustBehave(t)
	if depth, a, b := n.Fork(); depth > most {
		t.Fatalf("at %s: %s is at %s and %s at %s, %d blocks above their common ancestor, want at most %d\n%s",
			n.Now(), a, a.TipText(), b, b.TipText(), depth, most, n)
	}
}

// MustAgree fails the test unless all running nodes have the same tip and the same
// pending transactions, and the network has no faults.
func (n *Net) MustAgree(t testing.TB) {
	t.Helper()
	n.MustConverge(t, 0)
	up := n.Up()
	_, index := n.posts()
	want := pending(up[0], index)
	for _, node := range up[1:] {
		if got := pending(node, index); !slices.Equal(got, want) {
			t.Fatalf("at %s: %s has the pending transactions %v, but %s has %v\n%s", n.Now(), up[0], want, node, got, n)
		}
	}
}

// MustKeepPosts fails the test if a posted transaction was lost or mined twice. Each
// must be on the branch of every node at most once, and either on the branch of
// some node or pending at one. All nodes must be up.
func (n *Net) MustKeepPosts(t testing.TB) {
	t.Helper()
	n.MustBehave(t)
	posts, index := n.posts()
	kept := make([]bool, len(posts))
	for _, node := range n.Up() {
		for _, i := range pending(node, index) {
			kept[i] = true
		}
	}
	for _, node := range n.Tips() {
		for i, count := range mined(t, node, index) {
			if count > 1 {
				t.Fatalf("at %s: post %d, transaction %s, is on the branch of %s %d times", n.Now(), i, posts[i].ID, node, count)
			}
			kept[i] = kept[i] || count == 1
		}
	}
	if i := slices.Index(kept, false); i >= 0 {
		t.Fatalf("at %s: post %d, transaction %s, is lost: on no branch and pending nowhere\n%s", n.Now(), i, posts[i].ID, n)
	}
}

// MustDrain stops posting and lets the nodes mine until nothing is pending, for at
// most the given time. It fails the test unless each posted transaction is then on
// the branch of every node exactly once.
func (n *Net) MustDrain(t testing.TB, most time.Duration) {
	t.Helper()
	n.StopPosting()
	n.RunUntil(most, func() bool {
		for _, node := range n.Up() {
			if txs, _ := node.Chain().PendingCount(); txs > 0 {
				return false
			}
		}
		depth, _, _ := n.Fork()
		return depth == 0
	})
	n.MustAgree(t)
	posts, index := n.posts()
	for i, count := range mined(t, n.Up()[0], index) {
		if count != 1 {
			t.Fatalf("at %s: post %d, transaction %s, was mined %d times\n%s", n.Now(), i, posts[i].ID, count, n)
		}
	}
}

// MustStaySmall fails the test if the state of any machine, not counting its chain,
// was larger than most bytes at the end of any RunFor.
func (n *Net) MustStaySmall(t testing.TB, most int) {
	t.Helper()
	if n.largest > most {
		t.Fatalf("a machine has grown to %d bytes, want at most %d", n.largest, most)
	}
}

// pending returns the numbers of the posts that are pending at a node, in
// ascending order. index gives the number of each post by its id.
func pending(node *nodes.Node, index map[pow.Hash]int) []int {
	total, _ := node.Chain().PendingCount()
	var numbers []int
	for _, tx := range node.Chain().Pending(0, total) {
		if i, ok := index[tx.ID()]; ok {
			numbers = append(numbers, i)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// mined returns, for each post by its number, how often it is on the node's active
// branch.
func mined(t testing.TB, node *nodes.Node, index map[pow.Hash]int) []int {
	t.Helper()
	counts := make([]int, len(index))
	for height := int64(1); height < node.Chain().Len(); height++ {
		hash, _ := node.Chain().HashAt(height)
		b, err := node.Chain().Block(hash)
		if err != nil {
			t.Fatal(err)
		}
		for _, tx := range b.Txs {
			if i, ok := index[tx.ID()]; ok {
				counts[i]++
			}
		}
	}
	return counts
}
