package blocks

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// benchExperiment is a network of Bitcoin's topology: each node chooses eight others, so
// that 16 arcs leave a node on average.
func benchExperiment(nodes, blocks int, engine Engine) Experiment {
	return Experiment{
		Nodes: nodes, Blocks: blocks, Engine: engine,
		Latency: Latency{Mean: 100 * time.Millisecond, Law: Uniform, Spread: 0.9},
	}
}

// BenchmarkRun measures whole runs, the making of the network included. A delivery is one
// block at one node.
func BenchmarkRun(b *testing.B) {
	both := []Engine{Events, Paths}
	for _, size := range []struct {
		nodes, blocks int
		engines       []Engine
	}{{1_000, 1_000, both}, {10_000, 1_000, both}, {100_000, 100, both}, {100_000, 400, []Engine{Paths}}, {100_000, 1_000, []Engine{Paths}}} {
		for _, engine := range size.engines {
			b.Run(fmt.Sprintf("nodes=%d/blocks=%d/engine=%s", size.nodes, size.blocks, engine), func(b *testing.B) {
				seed := uint64(0)
				for b.Loop() {
					seed++
					if _, err := Run(context.Background(), benchExperiment(size.nodes, size.blocks, engine), seed, Options{}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)*float64(size.nodes)*float64(size.blocks)/b.Elapsed().Seconds(), "deliveries/s")
			})
		}
	}
}

// BenchmarkBareLoop is what a delivery costs at the least: an event goes through the queue
// and touches a node, and nothing is decided. Ratios to it say what the model costs, on any
// machine.
func BenchmarkBareLoop(b *testing.B) {
	const nodes = 10_000
	q := newQueue(int64(200*time.Millisecond), nodes/2)
	peers := make([]peer, nodes)
	random := newStream(1, forMessages, 0, 0)
	for v := range int32(nodes) {
		q.push(event{int64(random.below(2e8)), v, 0})
	}
	for b.Loop() {
		e, _ := q.pop(forever)
		p := &peers[e.node]
		p.at, p.block = e.at, e.block
		x := random.next()
		q.push(event{e.at + int64(x%2e8), int32(x >> 32 % nodes), e.block + 1})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

// BenchmarkQueue measures a push and a pop with many or few events waiting.
func BenchmarkQueue(b *testing.B) {
	for _, waiting := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			q := newQueue(int64(time.Second), waiting/2)
			random := newStream(1, forMessages, 0, 0)
			for v := range int32(waiting) {
				q.push(event{int64(random.below(1e9)), v, 0})
			}
			for b.Loop() {
				e, _ := q.pop(forever)
				e.at += int64(random.below(1e9))
				q.push(e)
			}
		})
	}
}

// BenchmarkDial measures the shortest ways from one node to all others.
func BenchmarkDial(b *testing.B) {
	for _, nodes := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			x, err := benchExperiment(nodes, 1, Paths).WithDefaults()
			if err != nil {
				b.Fatal(err)
			}
			net, err := newNetwork(1, &x)
			if err != nil {
				b.Fatal(err)
			}
			d, s := newDial(net), &spread{}
			from := int32(0)
			for b.Loop() {
				d.run(from, s)
				from = (from + 1) % int32(nodes)
			}
			b.ReportMetric(float64(len(net.arcs))*float64(b.N)/b.Elapsed().Seconds(), "arcs/s")
		})
	}
}
