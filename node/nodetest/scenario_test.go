package nodetest

import (
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
		net.MineAll(5 * time.Second)
		net.PostEvery(500 * time.Millisecond)
		net.RunFor(time.Minute)

		net.Churn(15*time.Second, 20*time.Second)
		net.RunFor(time.Minute)
		net.Split(net.Nodes[:4], net.Nodes[4:])
		net.RunFor(time.Minute)
		net.Split(net.Nodes[:2], net.Nodes[2:5], net.Nodes[5:])
		net.RunFor(time.Minute)

		net.Heal()
		net.StopChurn()
		net.SetLink(Link{Delay: 50 * time.Millisecond})
		net.RunFor(30 * time.Second)
		net.MustConverge(t, 3)
		net.MustKeepPosts(t)
		net.MustDrain(t, 10*time.Minute)
		net.MustStaySmall(t, 4<<20)
	})
}
