package nodetest

import (
	"strings"
	"testing"
	"time"
)

// Two halves go on by themselves for a minute, and agree half a minute after
// they are one network again. What was mined on the shorter branch is mined
// again.
func TestPartitionAndHeal(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, Config{Nodes: 8})
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
		net.MustConverge(t, 3)
		net.MustKeepPosts(t)
		net.MustDrain(t, 5*time.Minute)
	})
}

// Everything at once: lost, late, repeated messages, clocks that are wrong, nodes
// that are killed, splits, one after the other and one on top of the other.
func TestFaultMix(t *testing.T) {
	stories(t, many(t, 5), func(t *testing.T, seed uint64) {
		net := begin(t, seed, Config{
			Nodes: 8,
			Skew:  time.Hour,
			Link: Link{Delay: 50 * time.Millisecond, Jitter: 30 * time.Millisecond,
				Loss: 0.1, Duplicate: 0.1, Reorder: 0.1},
		})
		faultMix(t, net)
		net.MustStaySmall(t, 1<<20)
	})
}

func faultMix(t *testing.T, net *Net) {
	t.Helper()
	half, third := len(net.Nodes)/2, len(net.Nodes)/3
	net.MineAll(5 * time.Second)
	net.PostEvery(500 * time.Millisecond)
	net.RunFor(time.Minute)

	net.Churn(15*time.Second, 20*time.Second)
	net.RunFor(time.Minute)
	net.Split(net.Nodes[:half], net.Nodes[half:])
	net.RunFor(time.Minute)
	net.Split(net.Nodes[:third], net.Nodes[third:2*third], net.Nodes[2*third:])
	net.RunFor(time.Minute)

	net.Heal()
	net.StopChurn()
	net.SetLink(Link{Delay: 50 * time.Millisecond})
	net.RunFor(30 * time.Second)
	net.MustConverge(t, 3)
	net.MustKeepPosts(t)
	net.MustDrain(t, 10*time.Minute)
}

// The same with a hundred nodes.
func TestHundredNodes(t *testing.T) {
	stories(t, min(many(t, 1), 5), func(t *testing.T, seed uint64) {
		net := begin(t, seed, Config{
			Nodes: 100,
			Skew:  time.Hour,
			Link: Link{Delay: 50 * time.Millisecond, Jitter: 30 * time.Millisecond,
				Loss: 0.1, Duplicate: 0.1, Reorder: 0.1},
		})
		faultMix(t, net)
		net.MustStaySmall(t, 4<<20)
	})
}

// The same seed gives the same events, byte for byte.
func TestStoriesReplay(t *testing.T) {
	log := func(seed uint64) string {
		var text strings.Builder
		net := begin(t, seed, Config{
			Nodes: 8, Skew: time.Hour, Log: &text,
			Link: Link{Delay: 50 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1},
		})
		faultMix(t, net)
		return text.String()
	}
	first, second := log(1), log(1)
	if first != second {
		i := 0
		for ; first[i] == second[i]; i++ {
		}
		t.Fatalf("two runs of one seed differ from here on:\n%.400s\n\nand\n%.400s", first[max(0, i-200):], second[max(0, i-200):])
	}
	if other := log(2); other == first {
		t.Error("two seeds have the same log")
	}
}

// Nodes are killed all the time, and come back under new ids with the chain, the
// pending transactions and the address book that they had.
func TestChurn(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, Config{Nodes: 10})
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

// Clocks are up to two hours apart, which the rules allow just so.
func TestSkew(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, Config{Nodes: 8, Skew: time.Hour})
		net.MineAll(5 * time.Second)
		net.PostEvery(time.Second)
		net.RunFor(5 * time.Minute)
		net.MustConverge(t, 3)
		net.MustDrain(t, 5*time.Minute)
	})
}

// A clock is behind all others by more than the rules allow: that node refuses
// what they find, for now. They do not ban each other, and when its clock has
// reached the blocks' times it follows.
func TestClockBehind(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, Config{Nodes: 6})
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

// Three messages in ten are lost: the network goes on, if with forks, and is one
// again soon after the loss is over.
func TestLoss(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, Config{Nodes: 8, Link: Link{Delay: 50 * time.Millisecond, Loss: 0.3}})
		net.MineAll(20 * time.Second)
		net.PostEvery(2 * time.Second)
		net.RunFor(10 * time.Minute)
		net.MustConverge(t, 8)
		net.SetLink(Link{Delay: 50 * time.Millisecond})
		net.RunFor(30 * time.Second)
		net.MustConverge(t, 3)
		net.MustKeepPosts(t)
		net.MustDrain(t, 5*time.Minute)
	})
}

// Messages overtake each other, and requests come twice.
func TestReorderAndDuplicate(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, Config{Nodes: 8, Link: Link{
			Delay: 50 * time.Millisecond, Jitter: 50 * time.Millisecond, Duplicate: 0.5, Reorder: 0.5}})
		net.MineAll(10 * time.Second)
		net.PostEvery(500 * time.Millisecond)
		net.RunFor(5 * time.Minute)
		net.MustConverge(t, 3)
		net.MustKeepPosts(t)
		net.MustDrain(t, 5*time.Minute)
	})
}
