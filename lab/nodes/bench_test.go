package nodes

import (
	"fmt"
	"testing"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// counter counts the events that the machines of a network are told, without
// those that only say that time has passed.
type counter struct {
	machine
	events *int
}

func (c counter) Step(now time.Time, ev gossip.Event) []gossip.Effect {
	if _, wake := ev.(gossip.Wake); !wake {
		*c.events++
	}
	return c.machine.Step(now, ev)
}

// BenchmarkNetwork simulates a network that mines and whose clients post. Each
// iteration is one simulated minute, after one in which the nodes find each other.
func BenchmarkNetwork(b *testing.B) {
	for _, count := range []int{30, 300} {
		b.Run(fmt.Sprintf("nodes=%d", count), func(b *testing.B) {
			events := 0
			net := New(1, Config{Nodes: count, Know: 3, machine: func(c gossip.Config) machine {
				return counter{gossip.New(c), &events}
			}})
			net.MineAll(10 * time.Second)
			net.PostEvery(time.Second)
			net.RunFor(time.Minute)
			net.MustConverge(b, 3)
			events = 0
			for b.Loop() {
				net.RunFor(time.Minute)
			}
			seconds := b.Elapsed().Seconds()
			b.ReportMetric(float64(events)/seconds, "events/s")
			b.ReportMetric(float64(b.N)*60/seconds, "simulated-s/s")
			net.MustConverge(b, 3)
		})
	}
}
