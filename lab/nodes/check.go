package nodes

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

func genesisTip(p rules.Params) gossip.Tip {
	s := rules.Genesis(p)
	return gossip.Tip{Hash: s.Hash, Height: s.Height, Work: s.Work}
}

// MustBehave fails the test if anything has happened that never must: an honest
// node bans another one, a machine wants to be woken without end, and the like.
func (n *Net) MustBehave(t testing.TB) {
	t.Helper()
	if len(n.faults) > 0 {
		t.Fatalf("%s", strings.Join(n.faults, "\n"))
	}
}

// MustConverge fails the test unless of any two nodes that are up neither is
// more than so many blocks above their common ancestor, and the network behaves.
func (n *Net) MustConverge(t testing.TB, most int64) {
	t.Helper()
	n.MustBehave(t)
	if depth, a, b := n.Fork(); depth > most {
		t.Fatalf("at %s: %s is at %s and %s at %s, %d blocks above their common ancestor, want at most %d\n%s",
			n.now, a, tipText(a), b, tipText(b), depth, most, n)
	}
}

// BreakTie lets time pass, but no more than that, while all branches that differ
// have the same work. Nodes stay with the one that they saw first, and only the
// next block decides.
func (n *Net) BreakTie(most time.Duration) {
	tie := func() bool {
		tips := n.tips()
		for _, node := range tips {
			if node.chain.Tip().Work != tips[0].chain.Tip().Work {
				return false
			}
		}
		return len(tips) > 1
	}
	if tie() {
		n.RunUntil(most, func() bool { return !tie() })
		n.RunFor(5 * time.Second)
	}
}

// MustAgree fails the test unless all nodes that are up have the same tip and the
// same pending transactions, and the network behaves.
func (n *Net) MustAgree(t testing.TB) {
	t.Helper()
	n.MustConverge(t, 0)
	up := n.up()
	want := n.pending(up[0])
	for _, node := range up[1:] {
		if got := n.pending(node); !slices.Equal(got, want) {
			t.Fatalf("at %s: %s has the pending transactions %v and %s %v\n%s", n.now, up[0], want, node, got, n)
		}
	}
}

// MustKeepPosts fails the test unless each transaction that was posted stands on
// the branch of every node at most once, and stands on the branch of some node or
// is pending at one. All nodes must be up.
func (n *Net) MustKeepPosts(t testing.TB) {
	t.Helper()
	n.MustBehave(t)
	kept := make([]bool, len(n.posts.ids))
	for _, node := range n.up() {
		for _, i := range n.pending(node) {
			kept[i] = true
		}
	}
	for _, node := range n.tips() {
		for i, count := range n.mined(t, node) {
			if count > 1 {
				t.Fatalf("at %s: post %d, transaction %s, stands on the branch of %s %d times", n.now, i, n.posts.ids[i], node, count)
			}
			kept[i] = kept[i] || count == 1
		}
	}
	if i := slices.Index(kept, false); i >= 0 {
		t.Fatalf("at %s: post %d, transaction %s, is lost: on no branch and pending nowhere\n%s", n.now, i, n.posts.ids[i], n)
	}
}

// MustDrain ends posting, lets the nodes mine for at most that time until nothing
// is pending, and fails the test unless then each transaction that was posted
// stands on the branch of every node exactly once.
func (n *Net) MustDrain(t testing.TB, most time.Duration) {
	t.Helper()
	n.StopPosting()
	n.RunUntil(most, func() bool {
		for _, node := range n.up() {
			if txs, _ := node.chain.PendingCount(); txs > 0 {
				return false
			}
		}
		depth, _, _ := n.Fork()
		return depth == 0
	})
	n.MustAgree(t)
	for i, count := range n.mined(t, n.up()[0]) {
		if count != 1 {
			t.Fatalf("at %s: post %d, transaction %s, was mined %d times\n%s", n.now, i, n.posts.ids[i], count, n)
		}
	}
}

// MustStaySmall fails the test if the state of some machine, beside its chain,
// was ever seen to be larger, in bytes. It is looked at whenever RunFor ends.
func (n *Net) MustStaySmall(t testing.TB, most int) {
	t.Helper()
	if n.largest > most {
		t.Fatalf("a machine has grown to %d bytes, want at most %d", n.largest, most)
	}
}

// Fork returns how many blocks the higher of two nodes' tips is above their
// common ancestor, for the pair where that is most.
func (n *Net) Fork() (depth int64, a, b *Node) {
	tips := n.tips()
	for i, x := range tips {
		for _, y := range tips[:i] {
			if d := max(x.chain.Tip().Height, y.chain.Tip().Height) - common(x.chain, y.chain); d > depth {
				depth, a, b = d, y, x
			}
		}
	}
	return depth, a, b
}

// common returns the height of the highest block that is on both branches.
func common(a, b *chain.Chain) int64 {
	for height := min(a.Tip().Height, b.Tip().Height); ; height-- {
		x, _ := a.HashAt(height)
		if y, _ := b.HashAt(height); x == y {
			return height
		}
	}
}

// up returns the nodes that are up.
func (n *Net) up() []*Node {
	var up []*Node
	for _, node := range n.Nodes {
		if node.up {
			up = append(up, node)
		}
	}
	return up
}

// tips returns one node that is up for each tip.
func (n *Net) tips() []*Node {
	var nodes []*Node
	seen := map[pow.Hash]bool{}
	for _, node := range n.up() {
		if tip := node.chain.Tip().Hash; !seen[tip] {
			seen[tip] = true
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// pending returns the numbers of the posts that are pending at a node, in
// ascending order.
func (n *Net) pending(node *Node) []int {
	total, _ := node.chain.PendingCount()
	var numbers []int
	for _, tx := range node.chain.Pending(0, total) {
		if i, ok := n.posts.index[tx.ID()]; ok {
			numbers = append(numbers, i)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// mined returns for each post how often it stands on the node's active branch.
func (n *Net) mined(t testing.TB, node *Node) []int {
	t.Helper()
	counts := make([]int, len(n.posts.ids))
	for height := int64(1); height < node.chain.Len(); height++ {
		hash, _ := node.chain.HashAt(height)
		b, err := node.chain.Block(hash)
		if err != nil {
			t.Fatal(err)
		}
		for _, tx := range b.Txs {
			if i, ok := n.posts.index[tx.ID()]; ok {
				counts[i]++
			}
		}
	}
	return counts
}

func tipText(n *Node) string {
	tip := n.chain.Tip()
	return fmt.Sprintf("%d %.8s", tip.Height, tip.Hash)
}

// String says of each node what it has.
func (n *Net) String() string {
	var text strings.Builder
	for _, node := range n.Nodes {
		if !node.up {
			fmt.Fprintf(&text, "%s is down\n", node)
			continue
		}
		txs, _ := node.chain.PendingCount()
		fmt.Fprintf(&text, "%s: tip %s, %d pending, peers", node, tipText(node), txs)
		for _, p := range node.machine.Peers() {
			direction := "from"
			if p.Out {
				direction = "to"
			}
			fmt.Fprintf(&text, " %s %s", direction, n.nameOf(p.Address))
		}
		text.WriteByte('\n')
	}
	return text.String()
}

func (n *Net) nameOf(addr gossip.Address) string {
	if h := n.hosts[addr]; h != nil {
		return fmt.Sprint(h.index)
	}
	return addr.String()
}
