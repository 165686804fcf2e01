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
