package nodestest

import (
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
)

// A miner's clock is three hours ahead for five minutes, during which it mines a
// branch that the others cannot accept. It is started again with the right time, and
// all nodes agree within two minutes.
func TestClockWasAhead(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 5})
		wrong := net.Nodes[4]
		net.MineAll(10 * time.Second)
		net.RunFor(time.Minute)
		wrong.Stop()
		wrong.SetSkew(3 * time.Hour)
		wrong.Start()
		net.RunFor(5 * time.Minute)
		wrong.Stop()
		wrong.SetSkew(0)
		wrong.Start()
		if !net.RunUntil(2*time.Minute, func() bool { depth, _, _ := net.Fork(); return depth <= 1 }) {
			net.MustConverge(t, 1)
		}
		net.MustBehave(t)
	})
}

// The clock of a running node is wrong for a while, and is then set right. Within two
// minutes all nodes agree, whether the node has mined less than the others meanwhile or
// more. Nobody is banned, and no post is lost.
func TestClockIsSetRight(t *testing.T) {
	type step struct {
		skew time.Duration
		last time.Duration
	}
	const ahead, behind = 3 * time.Hour, -3 * time.Hour
	for _, test := range []struct {
		name  string
		share float64 // of the node's hash rate, where each of the four others has 1
		steps []step
	}{
		{"ahead", 1, []step{{ahead, 10 * time.Minute}}},
		{"ahead with most of the hash rate", 6, []step{{ahead, 10 * time.Minute}}},
		{"behind", 1, []step{{behind, 10 * time.Minute}}},
		{"behind with most of the hash rate", 6, []step{{behind, 10 * time.Minute}}},
		{"back and forth", 6, []step{{ahead, 3 * time.Minute}, {0, 15 * time.Second}, {ahead, 3 * time.Minute}, {behind, 3 * time.Minute}, {2 * ahead, time.Minute}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			stories(t, 2, func(t *testing.T, seed uint64) {
				net := begin(t, seed, nodes.Config{Nodes: 5, Know: 3})
				wrong := net.Nodes[4]
				net.Mine(10*time.Second, 1, 1, 1, 1, test.share)
				net.PostEvery(20 * time.Second)
				net.RunFor(time.Minute)
				for _, s := range test.steps {
					wrong.SetSkew(s.skew)
					net.RunFor(s.last)
				}
				forked, _, _ := net.Fork()
				wrong.SetSkew(0)
				from := net.Now()
				if !net.RunUntil(2*time.Minute, func() bool { depth, _, _ := net.Fork(); return depth <= 1 }) {
					net.MustConverge(t, 1)
				}
				t.Logf("%d blocks apart; agreed %s after the clock was right", forked, net.Now()-from)
				// The blocks that are held back come due after an hour.
				net.RunFor(70 * time.Minute)
				net.MustConverge(t, 3)
				net.MustKeepPosts(t)
				net.MustDrain(t, 5*time.Minute)
			})
		})
	}
}
