package nodes

import (
	"fmt"
	"testing"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// counter counts the events of a network's machines except [gossip.Wake], which
// says only that time has passed.
type counter struct {
	Machine
	events *int
}

func (c counter) Step(now time.Time, ev gossip.Event) []gossip.Effect {
	if _, wake := ev.(gossip.Wake); !wake {
		*c.events++
	}
	return c.Machine.Step(now, ev)
}

// BenchmarkNetwork simulates a network that mines and whose clients post. Each
// iteration is one simulated minute, after one in which the nodes find each other.
func BenchmarkNetwork(b *testing.B) {
	for _, count := range []int{30, 300} {
		b.Run(fmt.Sprintf("nodes=%d", count), func(b *testing.B) {
			events := 0
			net := New(1, Config{Nodes: count, Know: 3, Machine: func(c gossip.Config) Machine {
				return counter{gossip.New(c), &events}
			}})
			net.MineAll(10 * time.Second)
			net.PostEvery(time.Second)
			net.RunFor(time.Minute)
			events = 0
			for b.Loop() {
				net.RunFor(time.Minute)
			}
			seconds := b.Elapsed().Seconds()
			b.ReportMetric(float64(events)/seconds, "events/s")
			b.ReportMetric(float64(b.N)*60/seconds, "simulated-s/s")
			if depth, _, _ := net.Fork(); depth > 3 {
				b.Fatalf("two nodes are %d blocks above their common ancestor, want at most 3", depth)
			}
		})
	}
}
