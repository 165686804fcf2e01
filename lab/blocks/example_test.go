package blocks_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/lodepow/lode/lab/blocks"
)

// How long a block takes through a network of a thousand nodes in six regions of the
// world, and how many blocks go stale if one is found every ten seconds.
func Example() {
	r, err := blocks.Run(context.Background(), blocks.Experiment{
		Nodes:    1000,
		Blocks:   2000,
		Interval: 10 * time.Second,
		Latency:  blocks.Latency{Regions: blocks.World2019()},
	}, 1, blocks.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("engine %s, %d blocks found, %.1f %% stale\n", r.Engine, r.Found, 100*r.StaleRate())
	for i, share := range blocks.ReachShares {
		fmt.Printf("%3.0f %% of the nodes after %s\n", 100*share, r.Reach[i].Mean().Round(time.Millisecond))
	}
	// Output:
	// engine paths, 2000 blocks found, 1.1 % stale
	//  50 % of the nodes after 113ms
	//  90 % of the nodes after 281ms
	//  99 % of the nodes after 334ms
	// 100 % of the nodes after 350ms
}

// A miner with 40 % of the hash rate hides its blocks. Nobody else mines on them in a race.
func Example_selfish() {
	r, err := blocks.Run(context.Background(), blocks.Experiment{
		Nodes:       7,
		Blocks:      50_000,
		Topology:    blocks.Topology{Shape: blocks.Clique},
		Latency:     blocks.Latency{Mean: time.Microsecond},
		Power:       blocks.Power{Shares: []float64{0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}},
		Tie:         blocks.Tie{Rule: blocks.Share, Gamma: 0},
		Strategists: []blocks.Strategist{{Node: 0, Strategy: blocks.SM1{}}},
	}, 1, blocks.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("revenue %.3f, by the formula %.3f\n", r.Revenue(0), blocks.SelfishRevenue(0.4, 0))
	// Output: revenue 0.492, by the formula 0.484
}

// patient is a strategy of its own: it hides one block at most.
type patient struct{}

func (patient) Name() string { return "patient" }

func (patient) Act(p blocks.Position) blocks.Action {
	switch {
	case p.Private < p.Public:
		return blocks.Adopt
	case p.Private > p.Public+1, p.Private > p.Public && !p.Found:
		return blocks.Override
	case p.Race == blocks.Relevant:
		return blocks.Match
	}
	return blocks.Wait
}

// A strategy is a type with two methods.
func ExampleStrategy() {
	var s blocks.Strategy = patient{}
	fmt.Println(s.Name(), s.Act(blocks.Position{Private: 2, Found: true}) == blocks.Override)
	// Output: patient true
}

// smallWorld is a topology of its own: a ring in which each node also knows the one on the
// opposite side.
type smallWorld struct{}

func (smallWorld) Name() string { return "small world" }

func (smallWorld) Connect(_ uint64, nodes int) (pairs [][2]int) {
	for v := range nodes {
		pairs = append(pairs, [2]int{v, (v + 1) % nodes}, [2]int{v, (v + nodes/2) % nodes})
	}
	return pairs
}

// A topology is a type with two methods.
func ExampleConnector() {
	for _, t := range []blocks.Topology{{Shape: blocks.Ring}, {Own: smallWorld{}}} {
		r, err := blocks.Run(context.Background(), blocks.Experiment{Nodes: 100, Blocks: 100, Topology: t}, 1, blocks.Options{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("all nodes after", r.Reach[3].Mean().Round(time.Millisecond))
	}
	// Output:
	// all nodes after 5s
	// all nodes after 2.5s
}

// A metric of its own: the longest time without a block of the main chain.
func ExampleOptions() {
	var last, longest time.Duration
	_, err := blocks.Run(context.Background(), blocks.Experiment{Nodes: 20}, 1, blocks.Options{Observe: func(b blocks.Block) {
		if b.Fate == blocks.InMain {
			longest, last = max(longest, b.Found-last), b.Found
		}
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(longest.Round(time.Minute))
	// Output: 1h15m0s
}

// The network falls into two parts for two hours.
func Example_split() {
	r, err := blocks.Run(context.Background(), blocks.Experiment{
		Nodes:  100,
		Splits: []blocks.Split{{At: 24 * time.Hour, For: 2 * time.Hour, Shares: []float64{0.3, 0.7}}},
	}, 2, blocks.Options{})
	if err != nil {
		log.Fatal(err)
	}
	h := r.Healings[0]
	fmt.Printf("%d blocks found by the smaller part, %d lost; reorg of %d blocks; agreement after %s\n",
		h.Parts[0].Found, h.Parts[0].Lost, h.Reorg, h.Agreement.Round(10*time.Millisecond))
	// Output: 4 blocks found by the smaller part, 4 lost; reorg of 4 blocks; agreement after 200ms
}
