package nodestest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
)

// A network is split in two halves for a minute. Half a minute after it is whole
// again, all nodes agree, and the transactions of the abandoned branch are mined
// again.
func TestPartitionAndHeal(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 8})
		net.MineAll(5 * time.Second)
		net.PostEvery(time.Second)
		net.RunFor(time.Minute)
		net.MustConverge(t, 3)

		net.Split(net.Nodes[:4], net.Nodes[4:])
		net.RunFor(time.Minute)
		if depth, _, _ := net.Fork(); depth < 2 {
			t.Errorf("after the split the halves are %d blocks apart", depth)
		}

		net.Heal()
		net.RunFor(30 * time.Second)
		net.BreakTie(10 * time.Minute)
		net.MustConverge(t, 3)
		net.MustKeepPosts(t)
		net.MustDrain(t, 5*time.Minute)
	})
}

// Everything at once: lost, late and repeated messages, wrong clocks, killed nodes, and
// splits that follow each other or overlap. The seed determines how much there is of
// each.
func TestFaultMix(t *testing.T) {
	stories(t, many(t, 5), func(t *testing.T, seed uint64) {
		faultMix(t, begin(t, seed, faulty(seed, 8)))
	})
}

// TestHundredNodes is TestFaultMix with a hundred nodes.
func TestHundredNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes too long under the race detector, which finds nothing on one goroutine")
	}
	stories(t, min(many(t, 1), 5), func(t *testing.T, seed uint64) {
		faultMix(t, begin(t, seed, faulty(seed, 100)))
	})
}

// faulty draws the faults of a network from the seed.
func faulty(seed uint64, count int) nodes.Config {
	rng := rand.New(rand.NewPCG(seed, 100))
	return nodes.Config{
		Nodes: count,
		Skew:  time.Duration(rng.Int64N(int64(time.Hour))),
		Know:  1 + rng.IntN(3),
		Link: nodes.Link{
			Delay:     time.Duration(5+rng.IntN(200)) * time.Millisecond,
			Jitter:    time.Duration(rng.IntN(100)) * time.Millisecond,
			Loss:      0.2 * rng.Float64(),
			Duplicate: 0.3 * rng.Float64(),
			Reorder:   0.3 * rng.Float64(),
		},
	}
}

func faultMix(t *testing.T, net *Net) {
	t.Helper()
	rng := rand.New(rand.NewPCG(net.Seed(), 101))
	seconds := func(least, most int) time.Duration {
		return time.Duration(least+rng.IntN(most-least+1)) * time.Second
	}
	net.MineAll(seconds(4, 15))
	net.PostEvery(500 * time.Millisecond)
	net.RunFor(seconds(0, 60))
	net.Churn(seconds(3, 30), seconds(1, 40))
	net.RunFor(seconds(0, 60))
	for range 1 + rng.IntN(3) {
		net.Split(someGroups(rng, net.Nodes)...)
		net.RunFor(seconds(10, 60))
		if rng.IntN(2) == 0 {
			net.Heal()
			net.RunFor(seconds(0, 30))
		}
	}

	net.Heal()
	net.StopChurn()
	net.SetLink(nodes.Link{Delay: net.Link().Delay})
	net.RunFor(30 * time.Second)
	net.BreakTie(10 * time.Minute)
	net.MustConverge(t, 3)
	net.MustKeepPosts(t)

	// Mempools become equal even if nothing is mined.
	net.StopPosting()
	net.StopMining()
	net.RunFor(2 * time.Minute)
	if depth, _, _ := net.Fork(); depth == 0 {
		net.MustAgree(t)
	}
	net.MineAll(10 * time.Second)
	net.MustDrain(t, 10*time.Minute)
	net.MustStaySmall(t, 4<<20)
}

// someGroups divides the nodes into two to four groups.
func someGroups(rng *rand.Rand, among []*nodes.Node) [][]*nodes.Node {
	groups := make([][]*nodes.Node, 2+rng.IntN(3))
	for _, node := range among {
		i := rng.IntN(len(groups))
		groups[i] = append(groups[i], node)
	}
	return groups
}

// The same seed gives the same events, byte for byte.
func TestStoriesReplay(t *testing.T) {
	stories(t, min(many(t, 1), 10), func(t *testing.T, seed uint64) {
		log := func(seed uint64) string {
			var text strings.Builder
			c := faulty(seed, 8)
			c.Log = &text
			faultMix(t, begin(t, seed, c))
			return text.String()
		}
		first, second := log(seed), log(seed)
		if first != second {
			i := 0
			for i < min(len(first), len(second)) && first[i] == second[i] {
				i++
			}
			from := max(0, i-200)
			t.Fatalf("two runs of one seed differ from here on:\n%.400s\n\nand\n%.400s", first[from:], second[from:])
		}
		if log(seed+1) == first {
			t.Error("two seeds have the same log")
		}
	})
}

// Nodes are killed all the time. They start again under new ids, with the chain, the
// pending transactions and the address book that they had before.
func TestChurn(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 10})
		net.MineAll(5 * time.Second)
		net.PostEvery(time.Second)
		net.RunFor(30 * time.Second)
		net.Churn(5*time.Second, 15*time.Second)
		net.RunFor(10 * time.Minute)
		net.MustConverge(t, 6) // some have just started
		net.StopChurn()
		net.RunFor(30 * time.Second)
		net.MustConverge(t, 3)
		net.MustKeepPosts(t)
		net.MustDrain(t, 5*time.Minute)
	})
}

// Clocks differ by up to two hours, which is the most that the rules allow.
func TestSkew(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 8, Skew: time.Hour})
		net.MineAll(5 * time.Second)
		net.PostEvery(time.Second)
		net.RunFor(5 * time.Minute)
		net.MustConverge(t, 3)
		net.MustDrain(t, 5*time.Minute)
	})
}

// One node's clock is behind all others by more than the rules allow, so it refuses
// their blocks as too new. Nobody is banned for that, and once its clock has reached
// the times of the blocks, the node follows.
func TestClockBehind(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 6})
		late := net.Nodes[5]
		late.Stop()
		late.SetSkew(-2*time.Hour - 5*time.Minute)
		late.Start()
		net.Mine(10*time.Second, 1, 1, 1, 1, 1)
		net.RunFor(4 * time.Minute)
		if height := late.Chain().Tip().Height; height != 0 {
			t.Errorf("height %d, although all blocks are from the future", height)
		}
		net.StopMining()
		net.RunFor(10 * time.Minute)
		net.MustConverge(t, 0)
	})
}

// With 30 % of all messages lost the network forks more often, but goes on. Soon after
// the losses end, all nodes agree.
func TestLoss(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 8, Link: nodes.Link{Delay: 50 * time.Millisecond, Loss: 0.3}})
		net.MineAll(20 * time.Second)
		net.PostEvery(2 * time.Second)
		net.RunFor(10 * time.Minute)
		net.MustConverge(t, 8)
		net.SetLink(nodes.Link{Delay: 50 * time.Millisecond})
		net.RunFor(30 * time.Second)
		net.MustConverge(t, 3)
		net.MustKeepPosts(t)
		net.MustDrain(t, 5*time.Minute)
	})
}

// Messages overtake each other, and requests come twice.
func TestReorderAndDuplicate(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 8, Link: nodes.Link{
			Delay: 50 * time.Millisecond, Jitter: 50 * time.Millisecond, Duplicate: 0.5, Reorder: 0.5}})
		net.MineAll(10 * time.Second)
		net.PostEvery(500 * time.Millisecond)
		net.RunFor(5 * time.Minute)
		net.MustConverge(t, 3)
		net.MustKeepPosts(t)
		net.MustDrain(t, 5*time.Minute)
	})
}

// One node's clock is ahead of all others by more than the rules allow, so the others
// refuse its blocks as too new. Nobody is banned for that, and all nodes agree once the
// other clocks have reached the times of the blocks.
func TestClockAhead(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 6})
		early := net.Nodes[5]
		early.Stop()
		early.SetSkew(2*time.Hour + 5*time.Minute)
		early.Start()
		net.MineAll(10 * time.Second)
		net.PostEvery(time.Second)
		net.RunFor(4 * time.Minute)
		if depth, _, _ := net.Fork(); depth == 0 && early.Chain().Len() == 1 {
			t.Error("nothing was found")
		}
		net.RunFor(10 * time.Minute)
		net.Mine(10*time.Second, 1, 1, 1, 1, 1)
		net.RunFor(time.Minute)
		net.MustConverge(t, 3)
		net.MustKeepPosts(t)
		net.MustDrain(t, 10*time.Minute)
	})
}

// A split lasts so long that the branch that is abandoned afterwards has hundreds of
// blocks with thousands of transactions.
func TestLongSplit(t *testing.T) {
	stories(t, 1, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 4})
		net.MineAll(time.Second)
		net.PostEvery(200 * time.Millisecond)
		net.RunFor(time.Minute)
		net.Split(net.Nodes[:2], net.Nodes[2:])
		net.RunFor(10 * time.Minute)
		if depth, _, _ := net.Fork(); depth < 200 {
			t.Errorf("the halves are %d blocks apart, want hundreds", depth)
		}
		net.Heal()
		net.MineAll(10 * time.Second)
		net.RunFor(30 * time.Second)
		net.BreakTie(10 * time.Minute)
		net.MustConverge(t, 3)
		net.MustKeepPosts(t)
		net.MustDrain(t, 10*time.Minute)
	})
}

// Clients post more than the mempools hold, so that some posts are refused. Every post
// that was acknowledged is mined exactly once.
func TestFullPools(t *testing.T) {
	stories(t, 2, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 6, Pool: 50})
		net.MineAll(20 * time.Second)
		net.PostEvery(100 * time.Millisecond)
		net.RunFor(5 * time.Minute)
		if net.Posted() > 2900 || net.Posted() < 300 {
			t.Errorf("%d posts were acknowledged", net.Posted())
		}
		net.MustConverge(t, 3)
		net.MustKeepPosts(t)
		net.MustDrain(t, 20*time.Minute)
	})
}

// Nodes learn addresses that lead to themselves, and several addresses of the same
// node. No node becomes a peer of itself, or twice a peer of another.
func TestAliases(t *testing.T) {
	stories(t, 2, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 3})
		net.RunFor(30 * time.Second)
		names := []gossip.Address{"http://one.example:80", "http://two.example:80", "http://three.example:80"}
		for i, node := range net.Nodes {
			net.Alias(node, names[i])
			for _, other := range net.Nodes {
				if other != node {
					net.Alias(other, gossip.Address(fmt.Sprintf("http://%s-by-%s.example:80", other, node)))
				}
			}
		}
		for _, node := range net.Nodes {
			for i, other := range net.Nodes {
				node.Connect(names[i])
				node.Connect(other.Address())
				if other != node {
					node.Connect(gossip.Address(fmt.Sprintf("http://%s-by-%s.example:80", other, node)))
				}
			}
		}
		for range 20 {
			net.RunFor(30 * time.Second)
			for _, node := range net.Nodes {
				seen := map[gossip.NodeID]bool{node.ID(): true}
				for _, p := range node.Peers() {
					if seen[p.Node] {
						t.Fatalf("at %s: %s has a peer twice, or itself\n%s", net.Now(), node, net)
					}
					seen[p.Node] = true
				}
				if len(seen) != len(net.Nodes) {
					t.Fatalf("at %s: %s has %d peers\n%s", net.Now(), node, len(seen)-1, net)
				}
			}
		}
		net.MustBehave(t)
	})
}
